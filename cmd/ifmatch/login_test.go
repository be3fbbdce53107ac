package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ifmatch/cmd/ifmatch/auth"
)

// siteFor is a site in process, for the flags in args and a directory that is empty.
func siteFor(t testing.TB, args ...string) *site {
	t.Helper()
	dir := t.TempDir()
	flags := defaultSettings().flags()
	must(t, flags.Parse(append(args, "--state="+t.TempDir())))
	set, err := newSource(flags, dir).load()
	must(t, err)
	s := newSite(slog.New(slog.DiscardHandler), func(string) string { return "" })
	must(t, s.use(set))
	t.Cleanup(s.close)
	writeFile(t, filepath.Join(dir, "a.txt"), "a")
	return s
}

// Whoever a proxy has let in by a name that is none here reads why, and so does the log.
func TestNameOfAProxyThatIsNone(t *testing.T) {
	s := siteFor(t, "--trusted-proxies=10.0.0.1", "--user-header=X-Remote-User")
	for remote, want := range map[string]string{
		"10.0.0.1:5": `"Anna B" is not a valid user name; accepted: up to 64 letters`,
		"10.0.0.2:5": "Log in to do this.", // strangers say nothing
	} {
		r := httptest.NewRequest("GET", "/a.txt", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Remote-User", "Anna B")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 401 || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %d, %s", remote, w.Code, w.Body)
		}
	}
}

// Only the proxies that were named may say who asks, and from where.
func TestProxiesSayWhoAsks(t *testing.T) {
	s := siteFor(t, "--trusted-proxies=10.0.0.1,192.168.0.0/16,unix", "--user-header=X-Remote-User")
	for _, tt := range []struct {
		remote, user, forwarded string // X-Forwarded-For, or with an = Forwarded
		status                  int
		address                 string
	}{
		{"10.0.0.1:5", "anna", "", 200, "10.0.0.1"},
		{"10.0.0.1:5", "", "", 401, "10.0.0.1"},
		{"10.0.0.1:5", "../anna", "", 401, "10.0.0.1"},
		{"10.0.0.1:5", "anna", "1.2.3.4", 200, "1.2.3.4"},
		{"10.0.0.1:5", "anna", "6.6.6.6, 1.2.3.4, 192.168.3.3", 200, "1.2.3.4"}, // the client wrote the first one
		{"10.0.0.1:5", "anna", "192.168.3.4, 192.168.3.3", 200, "192.168.3.4"},  // proxies ask for themselves
		{"10.0.0.1:5", "anna", "6.6.6.6\n1.2.3.4\n192.168.3.3", 200, "1.2.3.4"}, // on several lines
		{"10.0.0.1:5", "anna", "for=6.6.6.6\nfor=1.2.3.4\nfor=192.168.3.3", 200, "1.2.3.4"},
		{"10.0.0.1:5", "anna", "nonsense", 200, "10.0.0.1"},
		{"10.0.0.1:5", "anna", `for=6.6.6.6, For="[2001:db8::7]:4711";proto=https, for=192.168.3.3`, 200, "2001:db8::7"},
		{"10.0.0.1:5", "anna", "for=_hidden, for=192.168.3.3", 200, "192.168.3.3"},
		{"10.0.0.1:5", "anna", "proto=https", 200, "10.0.0.1"},
		{"10.0.0.2:5", "anna", "1.2.3.4", 401, "10.0.0.2"},
		{"[::ffff:10.0.0.1]:5", "anna", "", 200, "10.0.0.1"},
		{"@", "anna", "", 200, "unix"},
	} {
		r := httptest.NewRequest("GET", "/a.txt", nil)
		r.RemoteAddr = tt.remote
		r.Header.Set("X-Remote-User", tt.user)
		switch {
		case strings.Contains(tt.forwarded, "="):
			r.Header["Forwarded"] = strings.Split(tt.forwarded, "\n")
		case tt.forwarded != "":
			r.Header["X-Forwarded-For"] = strings.Split(tt.forwarded, "\n")
			r.Header.Set("Forwarded", "for=6.6.6.6") // of the client
		}
		r.Header.Set("X-Request-Id", "of-the-proxy")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := s.now.Load().address(r); w.Code != tt.status || got != tt.address {
			t.Errorf("%+v: %d from %s", tt, w.Code, got)
		}
		if id := w.Header().Get("X-Request-Id"); id == "" || (id == "of-the-proxy") != s.now.Load().trusted(r) {
			t.Errorf("%+v: the id is %q", tt, id)
		}
	}
}

func BenchmarkGate(b *testing.B) {
	users := writeFile(b, filepath.Join(b.TempDir(), "users"), userLine(b, "anna", "anna"))
	for name, args := range map[string][]string{"open": nil, "password": {"--users=" + users}} {
		b.Run(name, func(b *testing.B) {
			s := siteFor(b, args...)
			r := httptest.NewRequest("GET", "/a.txt", nil)
			if args != nil {
				r.SetBasicAuth("anna", "anna")
			}
			s.ServeHTTP(httptest.NewRecorder(), r) // the password is verified once
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// Who sends many passwords at once has no more of them compared than who sends them one after the other, and
// others need not wait.
func TestPasswordsThatWaitAreThrottled(t *testing.T) {
	users, err := auth.ReadUsers(writeFile(t, filepath.Join(t.TempDir(), "users"), userLine(t, "anna", "right")))
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		l := newLogin(slog.New(slog.DiscardHandler))
		now := time.Now()
		done, err := l.turns.Take(t.Context(), "6.6.6.6") // one is being compared
		must(t, err)
		answers := make(chan answer)
		for range 5 {
			go func() {
				answers <- l.password(t.Context(), users, "credentials", "anna", "right", "6.6.6.6", now)
			}()
		}
		synctest.Wait()
		if a := l.password(t.Context(), users, "other credentials", "anna", "right", "1.2.3.4", now); a.user != "anna" {
			t.Errorf("another address: %+v", a)
		}
		for range l.addresses.Limit {
			l.addresses.Fail("6.6.6.6", now)
		}
		done()
		for range 5 {
			if a := <-answers; a.wait == 0 {
				t.Errorf("after too many failures: %+v", a)
			}
		}
		if _, ok := l.verifier.Known(users, "credentials", now); ok {
			t.Error("a password was compared that had to wait")
		}
		gone, cancel := context.WithCancel(t.Context())
		done, _ = l.turns.Take(t.Context(), "5.5.5.5")
		go func() { answers <- l.password(gone, users, "credentials", "anna", "right", "5.5.5.5", now) }()
		synctest.Wait()
		cancel()
		if a := <-answers; a.user != "" {
			t.Errorf("a client that has left: %+v", a)
		}
		done()
	})
}

// Wrong passwords of one user count together, from however many addresses they come.
func TestWrongPasswordsFromManyAddresses(t *testing.T) {
	users, err := auth.ReadUsers(writeFile(t, filepath.Join(t.TempDir(), "users"), userLine(t, "anna", "right")+userLine(t, "ben", "right")))
	must(t, err)
	l, now := newLogin(slog.New(slog.DiscardHandler)), time.Now()
	ask := func(name, password, address string) answer {
		return l.password(t.Context(), users, name+password, name, password, address, now)
	}
	for i := range 50 {
		if a := ask("anna", "wrong", fmt.Sprint("192.0.2.", i)); !a.wrong {
			t.Fatalf("attempt %d: %+v", i, a)
		}
	}
	if a := ask("anna", "right", "192.0.2.99"); a.wait == 0 {
		t.Errorf("after fifty failures: %+v", a)
	}
	if a := ask("ben", "right", "192.0.2.99"); a.user != "ben" {
		t.Errorf("another user: %+v", a)
	}
}

// Who has an IPv6 address has 2^64 of them, which count as one.
func TestAddressesOfANetworkCountTogether(t *testing.T) {
	for address, want := range map[string]string{
		"2001:db8:0:1::7":      "2001:db8:0:1::/64",
		"2001:db8:0:1:ffff::8": "2001:db8:0:1::/64",
		"2001:db8:0:2::7":      "2001:db8:0:2::/64",
		"fe80::7%eth0":         "fe80::/64",
		"192.0.2.7":            "192.0.2.7",
		"unix":                 "unix",
	} {
		if got := network(address); got != want {
			t.Errorf("%s counts as %s, want %s", address, got, want)
		}
	}
}
