package handler

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

func TestDestination(t *testing.T) {
	proxied := func(r *http.Request) bool { return r.Header.Get("Via") != "" }
	for _, c := range []struct {
		name, destination string
		header            http.Header
		options           Options
		want              string // name
		status            int
	}{
		{"path", "/a/b", nil, Options{}, "/a/b", 0},
		{"encoded once", "/a%20b%2525", nil, Options{}, "/a b%25", 0},
		{"slash at the end", "/a/b/", nil, Options{}, "/a/b", 0},
		{"same host", "http://inner:8080/a", nil, Options{}, "/a", 0},
		{"no path", "http://inner:8080", nil, Options{}, "/", 0},
		{"query is nothing to us", "/a?b", nil, Options{}, "/a", 0},
		{"another host", "https://public.example/a", nil, Options{}, "", 502},
		{"another port", "http://inner:8081/a", nil, Options{}, "", 502},
		{"configured name", "https://public.example/a", nil, Options{Hosts: []string{"Public.Example"}}, "/a", 0},
		{"configured name with the port of https", "https://public.example:443/a", nil, Options{Hosts: []string{"public.example"}}, "/a", 0},
		{"configured name with the port of http", "http://public.example:80/a", nil, Options{Hosts: []string{"public.example"}}, "/a", 0},
		{"configured name with an empty port", "http://public.example:/a", nil, Options{Hosts: []string{"public.example"}}, "/a", 0},
		{"configured address", "https://[2001:db8::80]:443/a", nil, Options{Hosts: []string{"[2001:db8::80]"}}, "/a", 0},
		{"another address", "https://[2001:db8::80]/a", nil, Options{Hosts: []string{"[2001:db8::443]"}}, "", 502},
		{"configured name with a port", "https://public.example:8443/a", nil, Options{Hosts: []string{"public.example:8443"}}, "/a", 0},
		{"Forwarded of anybody", "https://public.example/a", http.Header{"Forwarded": {"host=public.example"}}, Options{TrustForwarded: proxied}, "", 502},
		{"Forwarded of a proxy", "https://public.example/a", http.Header{"Via": {"x"}, "Forwarded": {`for=10.0.0.1;proto=https;Host="public.example"`}}, Options{TrustForwarded: proxied}, "/a", 0},
		{"Forwarded of a proxy behind another one", "https://public.example/a", http.Header{"Via": {"x"}, "Forwarded": {"host=other.example, host=public.example"}}, Options{TrustForwarded: proxied}, "/a", 0},
		{"a client that Forwarded names", "https://public.example/a", http.Header{"Via": {"x"}, "Forwarded": {"for=public.example"}}, Options{TrustForwarded: proxied}, "", 502},
		{"X-Forwarded-Host of a proxy", "https://public.example/a", http.Header{"Via": {"x"}, "X-Forwarded-Host": {"other.example, public.example"}}, Options{TrustForwarded: proxied}, "/a", 0},
		{"prefix", "/docs/a", nil, Options{Prefix: "/docs"}, "/a", 0},
		{"outside the prefix", "/other/a", nil, Options{Prefix: "/docs"}, "", 502},
		{"relative", "a", nil, Options{}, "", 400},
		{"empty", "", nil, Options{}, "", 400},
		{"fragment", "/a#b", nil, Options{}, "", 400},
		{"malformed encoding", "/a%zz", nil, Options{}, "", 400},
		{"not hierarchical, with a prefix", "mailto:a@b", nil, Options{Prefix: "/docs"}, "", 400},
		{"empty, with a prefix", "", nil, Options{Prefix: "/docs"}, "", 400},
		{"not hierarchical", "mailto:a@b", nil, Options{}, "", 400},
		{"a scheme and no host", "http:///a", nil, Options{}, "", 502},
		{"encoded slash", "/a%2fb", nil, Options{}, "", 400},
		{"dots", "/a/../b", nil, Options{}, "", 400},
		{"NUL", "/a%00", nil, Options{}, "", 400},
		{"reserved", "/.ifmatch-1", nil, Options{}, "", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), c.options)
			must(t, err)
			r := httptest.NewRequest("MOVE", "http://inner:8080/x", nil)
			if c.header != nil {
				r.Header = c.header
			}
			r.Header["Destination"] = []string{c.destination}
			_, got, err := h.destination(r)
			if status(err) != c.status || err == nil && got.name != c.want {
				t.Errorf("got %q, %v; want %q, %d", got.name, err, c.want, c.status)
			}
		})
	}
}
