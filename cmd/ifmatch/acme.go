package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Certificates by ACME (RFC 8555), proven by TLS-ALPN-01 (RFC 8737) on the port that serves HTTPS: no other
// port is needed. autocert obtains, keeps and renews them; what it lacks is here: it asks again a minute
// after a failure, where authorities allow five an hour, and it says nothing when renewing fails.

// acmeCerts are the certificates of some names. It outlives a reload. Safe for concurrent use.
type acmeCerts struct {
	fresh    func() *acmeManager
	settings string // those that only a restart can change
	fallback *tls.Certificate
	log      *slog.Logger

	mu      sync.Mutex
	manager *acmeManager // guarded by mu, as all below
	names   []string
	fails   map[string]*acmeFailure // by name
}

// acmeManager is autocert's, which renews what it has obtained until the process ends: it cannot be told to stop, but
// one that was retired no longer reaches the authority.
type acmeManager struct {
	autocert.Manager
	retired chan struct{}
}

// RoundTrip sends what the manager asks the authority.
func (m *acmeManager) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-m.retired:
		return nil, errors.New("names were taken away, and another one asks for those that stayed")
	default:
		return http.DefaultTransport.RoundTrip(r)
	}
}

type acmeFailure struct {
	err   error
	wait  time.Duration
	until time.Time
}

// acmeFirstWait doubles with each failure up to acmeLongestWait.
const (
	acmeFirstWait   = 2 * time.Minute
	acmeLongestWait = 2 * time.Hour
)

// newACME keeps account and certificates in dir.
func newACME(dir string, s *settings, log *slog.Logger) (*acmeCerts, error) {
	text, err := selfSign([]string{"localhost"}, time.Now())
	if err != nil {
		return nil, err
	}
	fallback, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	a := &acmeCerts{settings: acmeSettings(s), fallback: &fallback, log: log, fails: map[string]*acmeFailure{}}
	a.fresh = func() *acmeManager {
		m := &acmeManager{retired: make(chan struct{})}
		m.Manager = autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(dir), Email: s.acmeEmail, HostPolicy: a.mayHave,
			Client: &acme.Client{DirectoryURL: string(s.acmeDirectory), UserAgent: "ifmatch", HTTPClient: &http.Client{Transport: m}},
		}
		return m
	}
	a.manager = a.fresh()
	return a, nil
}

func acmeSettings(s *settings) string {
	return fmt.Sprintf("acme-directory=%s acme-email=%s", s.acmeDirectory, s.acmeEmail)
}

// use says which names there are from now on. The others are no longer renewed.
func (a *acmeCerts) use(names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.ContainsFunc(a.names, func(name string) bool { return !slices.Contains(names, name) }) {
		a.beginAnew()
	}
	a.names = names
}

// beginAnew has another manager, which finds the certificates on the disk. a.mu is held.
func (a *acmeCerts) beginAnew() {
	close(a.manager.retired)
	a.manager = a.fresh()
}

func (a *acmeCerts) current() *acmeManager {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.manager
}

// mayHave keeps strangers from having certificates made for other names.
func (a *acmeCerts) mayHave(_ context.Context, name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.names, name) {
		return fmt.Errorf("%q is no name of --acme", name)
	}
	return nil
}

// certificate finds the certificate for a handshake, or has it made. The authority itself comes for the proof.
func (a *acmeCerts) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	switch {
	case slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}):
		return a.current().GetCertificate(hello)
	case name == "localhost": // the watchdog, which has to get in before there is a certificate
		return a.fallback, nil
	case name == "" || net.ParseIP(name) != nil:
		a.mu.Lock()
		if len(a.names) > 0 {
			name = a.names[0]
		}
		a.mu.Unlock()
	}
	return a.obtain(name, time.Now())
}

// obtain does not ask for what failed a moment ago.
func (a *acmeCerts) obtain(name string, now time.Time) (*tls.Certificate, error) {
	if err := a.mayHave(context.Background(), name); err != nil {
		return nil, err
	}
	a.mu.Lock()
	f := a.fails[name]
	a.mu.Unlock()
	if f != nil && now.Before(f.until) {
		return nil, f.err
	}
	// One kind of certificate for all: what can do TLS 1.2 can do ECDSA, and RSA would be a second order.
	cert, err := a.current().GetCertificate(&tls.ClientHelloInfo{ServerName: name,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err == nil:
		delete(a.fails, name)
	case a.fails[name] == f: // the first to see it counts it
		next := &acmeFailure{err: err, wait: acmeFirstWait}
		if f != nil {
			next.wait = min(2*f.wait, acmeLongestWait)
		}
		next.until = time.Now().Add(next.wait)
		a.fails[name] = next
		a.log.Error("no certificate by ACME", "name", name, "err", err, "again_in", next.wait.String())
	}
	return cert, err
}

// run obtains what is missing before anybody asks for it, and looks after what is not renewed, until ctx ends.
func (a *acmeCerts) run(ctx context.Context) {
	told, late := map[string]bool{}, map[string]bool{}
	each(ctx, time.Hour, func() { a.look(ctx, time.Now(), told, late) })
}

// look tells of each certificate once. One that was not renewed in time may be so since autocert's timer stood still while
// the machine slept, or was set by a clock that was wrong: so all begins anew, and the log hears of it when that was no help.
func (a *acmeCerts) look(ctx context.Context, now time.Time, told, late map[string]bool) {
	a.mu.Lock()
	names := a.names
	a.mu.Unlock()
	for _, name := range names {
		cert, err := a.obtain(name, now)
		if err != nil || ctx.Err() != nil {
			continue // obtain has said it
		}
		end := cert.Leaf.NotAfter
		if !told[name] {
			told[name] = true
			a.log.Info("certificate", "name", name, "until", end.Format(time.RFC3339), "issuer", cert.Leaf.Issuer.CommonName)
		}
		left := end.Sub(now)
		was := late[name]
		late[name] = left < end.Sub(cert.Leaf.NotBefore)/4
		switch {
		case late[name] && was:
			a.log.Error("the certificate should have been renewed by now", "name", name, "left", left.Round(time.Minute).String())
		case late[name]:
			a.mu.Lock()
			a.beginAnew()
			a.mu.Unlock()
			a.obtain(name, now) // has it renewed, beside us
		}
	}
}

// each calls fn now and again and again until ctx ends.
func each(ctx context.Context, every time.Duration, fn func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		fn()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
