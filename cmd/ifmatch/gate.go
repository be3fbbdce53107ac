package main

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	neturl "net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/handler"
)

// The gate: which share a request is for, who asks, and whether they may. What passes is answered by
// package handler, which knows nothing of it but the name of the user.
//
//	OPTIONS                      needs no login: clients ask before they log in
//	GET HEAD PROPFIND POST       read (POST merges texts, and changes nothing)
//	PUT MKCOL                    append, or write
//	COPY                         read for all that is copied; append or write at the destination
//	MOVE                         write for all that is moved; append or write at the destination
//	all else                     write, for all below as well
//
// Append is kept by package handler, which alone knows under the latch whether something is there. A PUT with If-Match asks
// to replace: 412 would tell its client to get what is there and to try again, for ever.

// gate is what one request passes.
type gate struct {
	*generation
	began time.Time
}

func (g *generation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	gate{g, time.Now()}.serve(w, r)
}

func (g gate) serve(w http.ResponseWriter, r *http.Request) {
	s := g.holds(r.URL.Path)
	if g.serveAsset(w, r, s) {
		return
	}
	if g.misled(r) {
		g.refuse(w, r, "", http.StatusMisdirectedRequest, "Nobody has to log in here, so browsers may call this server only localhost, by its address, or by a name that --hosts gives it.")
		return
	}
	if r.URL.Scheme == "https" && r.TLS == nil && !g.trusted(r) { // RFC 9110 §7.4
		g.refuse(w, r, "", http.StatusMisdirectedRequest, "This connection is not secure, so nobody can ask for an https URL by it.")
		return
	}
	if s != nil && len(s.cors) > 0 {
		w = allowOrigin(w, r, s.cors)
		if w == nil {
			return // a preflight
		}
	}
	var a answer
	if r.Method != http.MethodOptions && g.canLogIn() {
		a = g.who(r)
	}
	switch {
	case a.wait > 0:
		g.login.throttled.Add(1)
		after := strconv.Itoa(int(math.Ceil(a.wait.Seconds())))
		w.Header().Set("Retry-After", after)
		g.refuse(w, r, "", http.StatusTooManyRequests, "Too many passwords were wrong; try again in "+after+" s.")
		return
	case a.wrong:
		g.challenge(w, r)
		return
	}
	if s == nil {
		g.serveRoot(w, r, a.user)
		return
	}
	if r.Method != http.MethodOptions && !g.permit(w, r, s, a.user) {
		return
	}
	if s.one == nil && a.user == "" {
		if r.Method == http.MethodOptions {
			g.serveRoot(w, r, "")
		} else {
			g.challenge(w, r)
		}
		return
	}
	h, err := s.of(a.user)
	if err != nil {
		g.fail(w, r, a.user, "The server could not open it; its log says why.", err)
		return
	}
	h.ServeHTTP(w, g.asked(r, a.user))
}

// serveAsset answers with what pages load, above the shares and in each: it is nothing of anybody, and the page of a refusal
// loads it. A proxy may pass on no path but those of one share.
func (g gate) serveAsset(w http.ResponseWriter, r *http.Request, s *share) (done bool) {
	name := r.URL.Path
	if s != nil {
		name, _ = s.cut(name)
	}
	if !strings.HasPrefix(name, handler.PageAssets) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	r2 := r.WithContext(r.Context())
	r2.URL = &neturl.URL{Path: name}
	g.list(w, r2, "")
	return true
}

// asked is the request with the name of the user.
func (g *generation) asked(r *http.Request, user string) *http.Request {
	if user == "" {
		return r
	}
	return r.WithContext(handler.WithUser(r.Context(), user))
}

// serveRoot answers above the shares. Whoever has not logged in is asked to, where that would show more.
func (g gate) serveRoot(w http.ResponseWriter, r *http.Request, user string) {
	if r.Method == http.MethodOptions && len(g.shares) > 0 {
		for _, s := range g.shares {
			if s.one != nil { // its methods are those of all, for clients that ask at the root
				r2 := r.WithContext(r.Context())
				r2.URL = &neturl.URL{Path: s.prefix}
				s.one.ServeHTTP(w, r2)
				return
			}
		}
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if user == "" && g.canLogIn() && !(reads && g.open()) && r.Method != http.MethodOptions {
		g.challenge(w, r)
		return
	}
	g.list(w, r, user)
}

// list answers above the shares with those that user may see.
func (g gate) list(w http.ResponseWriter, r *http.Request, user string) {
	h, err := g.root(user)
	if err != nil {
		g.fail(w, r, user, "The server could not list the shares.", err)
		return
	}
	h.ServeHTTP(w, g.asked(r, user))
}

// open tells whether there is something that may be read without a login.
func (g *generation) open() bool {
	return slices.ContainsFunc(g.shares, func(s *share) bool { return s.who.Somewhere("") >= auth.Read })
}

// permit tells whether user may do it, and answers if not.
func (g gate) permit(w http.ResponseWriter, r *http.Request, s *share, user string) bool {
	name := s.nameIn(r.URL.Path)
	may := s.who.May(user, name)
	ok := false
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, "PROPFIND":
		ok = may >= auth.Read
		if ok && wide(r) && s.who.Throughout(user, name) < auth.Read {
			g.refuse(w, r, user, http.StatusForbidden, "There are members below that you are not allowed to read; ask collection by collection with Depth 1.")
			return false
		}
	case http.MethodPut, "MKCOL":
		ok = may >= auth.Append
		if ok && may < auth.Write && r.Method == http.MethodPut {
			ok = r.Header["If-Match"] == nil // it asks to replace
			*r = *r.WithContext(handler.OnlyAdds(r.Context()))
		}
	case "COPY":
		ok = s.who.Throughout(user, name) >= auth.Read
	default:
		ok = s.who.Throughout(user, name) >= auth.Write
	}
	switch {
	case !ok:
		g.forbid(w, r, user)
	case r.Method == "COPY" || r.Method == "MOVE":
		return g.permitDestination(w, r, s, user)
	}
	return ok
}

// wide tells whether a request to read is about more than one resource and its members: Depth infinity, an archive. Reports
// of changes are not: they say of members only that one of them changed.
func wide(r *http.Request) bool {
	if r.Method == "PROPFIND" {
		d := strings.TrimSpace(r.Header.Get("Depth"))
		return !strings.HasPrefix(d, "0") && !strings.HasPrefix(d, "1")
	}
	return strings.HasPrefix(r.URL.RawQuery, "zip")
}

// permitDestination is the other half of COPY and MOVE, for the share that the destination is in. A Destination that
// is none is left to package handler to refuse. Where one of two shares is inside the other, a resource could be
// copied onto itself unnoticed: then each is another server to the other, for which RFC 4918 §9.8.5 names 502.
func (g gate) permitDestination(w http.ResponseWriter, r *http.Request, s *share, user string) bool {
	u, err := neturl.Parse(strings.TrimSpace(r.Header.Get("Destination")))
	if err != nil {
		return true
	}
	d := g.holds(u.Path)
	if d == nil {
		return true
	}
	may := d.who.Throughout(user, d.nameIn(u.Path))
	if may < auth.Append || d.one == nil && user == "" {
		g.forbid(w, r, user)
		return false
	}
	if d != s && nested(s.dirOf(user), d.dirOf(user)) {
		g.refuse(w, r, user, http.StatusBadGateway, "One of the two shares is inside the other, so nothing was copied; use GET and PUT.")
		return false
	}
	if may < auth.Write {
		*r = *r.WithContext(handler.OnlyAdds(r.Context()))
	}
	return true
}

// forbid is 401 for whoever could log in (Dolphin writes without a login until it sees that), else 403.
func (g gate) forbid(w http.ResponseWriter, r *http.Request, user string) {
	if user == "" && g.canLogIn() {
		g.challenge(w, r)
		return
	}
	g.refuse(w, r, user, http.StatusForbidden, "You are not allowed to do this here.")
}

// challenge asks for a password. RFC 9110 §11.6.1, RFC 7617. Whoever has logged in elsewhere, by a name that is none here,
// would not know why.
func (g gate) challenge(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Www-Authenticate", `Basic realm="ifmatch", charset="UTF-8"`)
	say := "Log in to do this."
	for _, name := range g.said(r) {
		if name != "" && !auth.GoodName(name) {
			say = fmt.Sprintf("%.80q is not a valid user name; accepted: %s.", name, auth.NameRule)
		}
	}
	g.refuse(w, r, "", http.StatusUnauthorized, say)
}

// refuse answers for the gate, and writes its line of the log. A body that nobody asked for yet is not read.
func (g gate) refuse(w http.ResponseWriter, r *http.Request, user string, status int, say string) {
	g.answer(w, r, user, status, say, nil)
}

// fail is refuse for what went wrong here: the log learns the cause.
func (g gate) fail(w http.ResponseWriter, r *http.Request, user, say string, cause error) {
	g.answer(w, r, user, http.StatusInternalServerError, say, cause)
}

func (g gate) answer(w http.ResponseWriter, r *http.Request, user string, status int, say string, cause error) {
	id := handler.RequestID(r, g.trusted)
	prefix := ""
	if s := g.holds(r.URL.Path); s != nil {
		prefix = s.prefix
	}
	sent := handler.Refuse(w, r, prefix, id, status, say)
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("id", id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Int64("bytes", sent), slog.Duration("duration", time.Since(g.began)),
		slog.String("remote", g.address(r)), slog.String("user", user), slog.String("why", say)}
	if cause != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	g.dirs.log.LogAttrs(r.Context(), level, "request", attrs...)
}
