package main

import (
	"net/http"
	"net/netip"
	"testing"
)

// Whatever a client writes into the fields that say where it is: what the log and the throttle take for its address is
// an address, and that of the connection unless a trusted proxy has sent the request.
func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "192.0.2.1, 127.0.0.1", `for="[2001:db8::1]:80";host=a, for=127.0.0.1`, "for=unknown", "for=_x", ",;=", "::ffff:192.0.2.1"} {
		f.Add(s)
	}
	s := defaultSettings()
	if err := s.trustedProxies.Set("127.0.0.1"); err != nil {
		f.Fatal(err)
	}
	g := &generation{setup: &setup{settings: s}}
	f.Fuzz(func(t *testing.T, s string) {
		for _, field := range []string{"X-Forwarded-For", "Forwarded"} {
			r := &http.Request{RemoteAddr: "127.0.0.1:9", Header: http.Header{field: {s}}}
			if _, err := netip.ParseAddr(g.address(r)); err != nil {
				t.Fatalf("%s: %q: %v", field, s, err)
			}
			if r.RemoteAddr = "192.0.2.9:9"; g.address(r) != "192.0.2.9" {
				t.Fatalf("%s: %q: %s", field, s, g.address(r))
			}
		}
	})
}
