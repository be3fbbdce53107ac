package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"ifmatch/cmd/ifmatch/auth"
)

// login finds out who is asking, and remembers across reloads who was and who failed.
type login struct {
	log       *slog.Logger
	verifier  *auth.Verifier
	turns     auth.Turns // by address
	addresses auth.Throttle
	names     auth.Throttle

	failed, throttled atomic.Uint64
}

// Ten wrong passwords from one address, or fifty for one user from everywhere, and it is over for five minutes.
func newLogin(log *slog.Logger) *login {
	return &login{log: log, verifier: auth.NewVerifier(runtime.GOMAXPROCS(0)),
		addresses: auth.Throttle{Limit: 10, Window: 5 * time.Minute},
		names:     auth.Throttle{Limit: 50, Window: 5 * time.Minute}}
}

// answer is what came out: a user ("" for nobody), or why not.
type answer struct {
	user  string
	wrong bool          // there was a password, and it is wrong
	wait  time.Duration // too many were wrong
}

// who is asking: a client certificate, a proxy that we believe, or a password says it.
func (g *generation) who(r *http.Request) answer {
	for _, name := range g.said(r) {
		if auth.GoodName(name) {
			return answer{user: name}
		}
	}
	if g.users == nil {
		return answer{}
	}
	credentials := r.Header.Get("Authorization")
	if credentials == "" {
		return answer{}
	}
	now := time.Now()
	if name, ok := g.login.verifier.Known(g.users, credentials, now); ok {
		return answer{user: name} // also while others guess
	}
	name, password, given := r.BasicAuth()
	if !given {
		return answer{}
	}
	return g.login.password(r.Context(), g.users, credentials, name, password, g.address(r), now)
}

// said are the names that others give who is asking: a client certificate, and a proxy that we believe.
func (g *generation) said(r *http.Request) (names []string) {
	names = append(names, g.clientCAs.user(r.TLS))
	if g.userHeader != "" && g.trusted(r) {
		names = append(names, r.Header.Get(g.userHeader))
	}
	return names
}

// password compares one, unless too many were wrong. Those of one address are compared one by one.
func (l *login) password(ctx context.Context, users *auth.Users, credentials, name, password, address string, now time.Time) answer {
	key, who := network(address), name
	if !auth.GoodName(name) {
		who = "" // nobody's, and it may be long
	}
	done, err := l.turns.Take(ctx, key)
	if err != nil {
		return answer{wrong: true} // the client has left
	}
	defer done()
	if name, ok := l.verifier.Known(users, credentials, now); ok { // they came on several connections
		return answer{user: name}
	}
	waiting := func() time.Duration { return max(l.addresses.Wait(key, now), l.names.Wait(who, now)) }
	if wait := waiting(); wait > 0 {
		return answer{wait: wait}
	}
	ok, err := l.verifier.Verify(ctx, users, credentials, name, password, now)
	if wait := waiting(); wait > 0 { // many tried at once, from many addresses
		return answer{wait: wait}
	}
	if ok {
		return answer{user: name}
	}
	if err == nil {
		l.addresses.Fail(key, now)
		l.names.Fail(who, now)
		l.failed.Add(1)
		l.log.Warn("login failed", "remote", address, "user", name)
	}
	return answer{wrong: true}
}

// address is where a request comes from: the last hop that is no proxy of ours.
func (g *generation) address(r *http.Request) string {
	address := r.RemoteAddr
	if g.trusted(r) {
		hops := forwardedFor(r.Header)
		for i := len(hops) - 1; i >= 0 && g.trustedProxies.hold(address); i-- {
			a, ok := hostAddr(strings.TrimSpace(hops[i]))
			if !ok {
				break
			}
			address = a.String()
		}
	}
	if a, ok := hostAddr(address); ok {
		return a.String()
	}
	return "unix"
}

// forwardedFor are the addresses that proxies say they were asked from, the nearest one last: X-Forwarded-For, or else
// for= of Forwarded (RFC 7239 §5.2). A proxy that writes the former may let a client's own Forwarded through.
func forwardedFor(header http.Header) (hops []string) {
	if lines := header.Values("X-Forwarded-For"); len(lines) > 0 {
		return strings.Split(strings.Join(lines, ","), ",")
	}
	for _, element := range strings.Split(strings.Join(header.Values("Forwarded"), ","), ",") {
		hop := "unknown"
		for pair := range strings.SplitSeq(element, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(name, "for") {
				hop = strings.Trim(value, `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
}

// network is what counts as one address: whoever has one of IPv6 has 2^64 of them.
func network(address string) string {
	if a, _ := netip.ParseAddr(address); a.Is6() {
		p, _ := a.WithZone("").Prefix(64)
		return p.String()
	}
	return address
}
