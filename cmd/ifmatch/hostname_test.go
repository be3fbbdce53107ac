package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// A page of another site whose name leads to this machine gets nothing of a server that asks nobody to log in.
func TestNamesOfOtherSites(t *testing.T) {
	users := "--users=" + writeFile(t, filepath.Join(t.TempDir(), "users"), "")
	tcp, unix := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.UnixAddr{}
	for _, tt := range []struct {
		args  string
		local net.Addr
		hosts string // that are answered
		not   string // that are not
	}{
		{"", tcp, "localhost localhost:8080 LOCALHOST. app.localhost:80 127.0.0.1:8080 127.0.0.1 [::1]:8080 [::ffff:127.0.0.1] box a:80",
			"evil.example evil.example:8080 EVIL.example. 127.0.0.1.evil.example localhost.evil.example:80"},
		{"--hosts=Files.example.org,box.lan:8080", tcp, "files.example.org files.example.org:8080 FILES.example.org. box.lan:8080 localhost", "evil.example box.lan:80"},
		{"--no-auth", tcp, "files.example.org", ""},
		{"--trusted-proxies=192.0.2.1", tcp, "files.example.org", ""},
		{users, tcp, "files.example.org", ""},
		{"", unix, "files.example.org", ""},
	} {
		s := siteFor(t, strings.Fields(tt.args)...)
		for want, hosts := range map[int]string{http.StatusNoContent: tt.hosts, http.StatusMisdirectedRequest: tt.not} {
			for _, host := range strings.Fields(hosts) {
				for _, method := range []string{"OPTIONS", "PUT"} {
					r := httptest.NewRequest(method, "/new.txt", strings.NewReader("a"))
					r.Host = host
					r.Header.Set("Accept-Language", "")
					w := httptest.NewRecorder()
					s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tt.local)))
					if (w.Code == http.StatusMisdirectedRequest) != (want == http.StatusMisdirectedRequest) {
						t.Errorf("%s %s, %s for %q: %d", tt.args, tt.local.Network(), method, host, w.Code)
					}
				}
			}
		}
	}
	r := httptest.NewRequest("PUT", "/new.txt", strings.NewReader("a"))
	r.Host = "files.example.org"
	w := httptest.NewRecorder()
	siteFor(t).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tcp)))
	if w.Code != http.StatusCreated {
		t.Errorf("what is no browser: %d", w.Code)
	}
	r = httptest.NewRequest("GET", "https://files.example.org/new.txt", nil)
	r.Header.Set("Accept-Language", "")
	w = httptest.NewRecorder()
	siteFor(t).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tcp)))
	if w.Code == http.StatusMisdirectedRequest {
		t.Error("by TLS, where the certificate tells the name: 421")
	}
}

// RFC 9110 §7.4: what is asked for as https comes over TLS, or through a proxy that ended it.
func TestHTTPSNeedsTLS(t *testing.T) {
	for args, want := range map[string]int{"": http.StatusMisdirectedRequest, "--trusted-proxies=192.0.2.1": http.StatusNoContent} {
		s := siteFor(t, strings.Fields(args)...)
		for url, want := range map[string]int{"http://files.example.org/x": http.StatusNoContent, "https://files.example.org/x": want} {
			if w := askedOver(s, url, nil); w.Code/100 != want/100 {
				t.Errorf("%s, %s: %d", args, url, w.Code)
			}
			if w := askedOver(s, url, &tls.ConnectionState{}); w.Code/100 != 2 {
				t.Errorf("%s, %s over TLS: %d", args, url, w.Code)
			}
		}
	}
}

// askedOver is the answer to a PUT whose request line has the whole URL.
func askedOver(s http.Handler, url string, secured *tls.ConnectionState) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest("PUT", url, strings.NewReader("a")), httptest.NewRecorder()
	r.TLS = secured
	s.ServeHTTP(w, r)
	return w
}
