package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells the service manager that we live for as long as requests are served: it sends one
// through the listening socket, as a client would, and stays silent when no answer comes. The
// service manager then kills and restarts us (WatchdogSec=).
type watchdog struct {
	manager
	every  time.Duration // 0: nobody wants to know
	marks  bool          // somebody sends our own requests
	secret string        // marks them, so that the log does not fill with them
}

// newWatchdog asks the service manager how often it wants to hear of us.
func newWatchdog(m manager) *watchdog {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.log.Warn("the watchdog is off", "err", err)
	}
	return &watchdog{manager: m, every: within / 3, marks: within > 0, secret: rand.Text()} // one request may be lost
}

// watch probes ln until ctx ends; scheme is "http" or "https".
func (d *watchdog) watch(ctx context.Context, ln net.Listener, scheme string) {
	if d.every <= 0 {
		return
	}
	client := d.client(ln)
	each(ctx, d.every, func() {
		if err := d.probe(ctx, client, scheme); err == nil {
			d.alive()
		} else if ctx.Err() == nil {
			d.log.Error("the watchdog's request was not served", "err", err)
		}
	})
}

// client reaches ln whatever the URL says. It knows that it talks to itself, so it needs no certificate.
func (d *watchdog) client(ln net.Listener) *http.Client {
	var dialer net.Dialer
	return &http.Client{Timeout: d.every, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, ln.Addr().Network(), ln.Addr().String())
			if p, ok := ln.(*proxyListener); ok && err == nil {
				err = p.greet(c)
			}
			return c, err
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true, // each time a new connection, as it is accepting that is to be proven
	}}
}

// probe sends OPTIONS *, which costs the disk nothing. Every answer but an error of ours will do: who
// wants to see a password serves requests.
func (d *watchdog) probe(ctx context.Context, client *http.Client, scheme string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, scheme+"://localhost", nil)
	if err != nil {
		return err
	}
	req.URL.Opaque = "*"
	req.Header.Set(probeField, d.secret)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode >= 500 {
		return fmt.Errorf("the answer was %s", res.Status)
	}
	return nil
}

const probeField = "Ifmatch-Watchdog"

// ownProbe is the key of contexts of our own requests, which the log passes over (log.go).
type ownProbe struct{}

// mark lets our own requests be known.
func (d *watchdog) mark(next http.Handler) http.Handler {
	if !d.marks {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.Header.Get(probeField) == d.secret {
			r = r.WithContext(context.WithValue(r.Context(), ownProbe{}, true))
		}
		next.ServeHTTP(w, r)
	})
}
