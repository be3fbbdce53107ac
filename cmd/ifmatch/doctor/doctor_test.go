package doctor

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/webdav"

	"ifmatch/cmd/ifmatch/client"
)

func examine(t *testing.T, ctx context.Context, base string) (*Card, error) {
	t.Helper()
	c, err := client.New(client.Options{})
	must(t, err)
	u, err := url.Parse(base)
	must(t, err)
	return Examine(ctx, c, u, func(string) {})
}

func log(t *testing.T, c *Card) {
	var b strings.Builder
	c.Print(&b)
	t.Log(b.String())
}

// library serves dir with the handler of golang.org/x/net/webdav, whose faults are known.
func library(t *testing.T, dir string) *httptest.Server {
	s := httptest.NewServer(&webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()})
	t.Cleanup(s.Close)
	return s
}

func TestFindsFaultsOfTheLibrary(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "bystander"), []byte("mine"), 0o644))
	card, err := examine(t, t.Context(), library(t, dir).URL)
	must(t, err)
	log(t, card)
	verdicts := map[string]Verdict{}
	for _, f := range card.Findings {
		verdicts[f.Check] = f.Verdict
	}
	for check, want := range map[string]Verdict{
		"PUT with a stale If-Match is refused":                            Wrong,
		"PUT with If-None-Match: * does not overwrite":                    Wrong,
		"of many who create one name at once, one succeeds":               Wrong,
		"an upload that breaks off leaves the old bytes":                  Wrong,
		"MOVE of nothing leaves the destination alone":                    Wrong,
		"a lock keeps others from writing":                                Right,
		"If with the current tag is carried out":                          Wrong,
		"PUT with If-None-Match: * creates":                               Right,
		"If-None-Match on GET saves the transfer of what has not changed": Right,
	} {
		if verdicts[check] != want {
			t.Errorf("%s: %q, want %q", check, verdicts[check], want)
		}
	}
	if card.Healthy() {
		t.Error("the card says healthy")
	}
	onlyBystander(t, dir)
}

// onlyBystander checks that nothing was left and nothing else was touched.
func onlyBystander(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if e.Name() != "bystander" {
			t.Errorf("%s was left behind", e.Name())
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "bystander")); err != nil || string(text) != "mine" {
		t.Errorf("the bystander holds %q, %v", text, err)
	}
}

// TestStaysInItsCollection records every request: all that could change something must be below the scratch
// collection, and its name is another one each time.
func TestStaysInItsCollection(t *testing.T) {
	dir := t.TempDir()
	inner := &webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()}
	scratch := regexp.MustCompile(`^/base/ifmatch-doctor-[0-9a-f]{16}/`)
	var mu sync.Mutex
	seen := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[scratch.FindString(r.URL.Path)] = true
		if to := r.Header.Get("Destination"); to != "" {
			u, _ := url.Parse(to)
			seen[scratch.FindString(u.Path)] = true
		}
		mu.Unlock()
		inner.ServeHTTP(w, r)
	}))
	defer s.Close()
	must(t, os.Mkdir(filepath.Join(dir, "base"), 0o755))
	for range 2 {
		if _, err := examine(t, t.Context(), s.URL+"/base"); err != nil {
			t.Fatal(err)
		}
	}
	if seen[""] || len(seen) != 2 {
		t.Errorf("requests went to %v", seen)
	}
}

// TestInterruptedExaminationClearsUp cancels at every check in turn.
func TestInterruptedExaminationClearsUp(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "bystander"), []byte("mine"), 0o644))
	base, err := url.Parse(library(t, dir).URL)
	must(t, err)
	c, err := client.New(client.Options{})
	must(t, err)
	checks := 0
	for _, g := range groups {
		checks += len(g.checks)
	}
	for stop := 1; stop <= checks; stop += 3 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		card, err := Examine(ctx, c, base, func(string) {
			if n++; n == stop {
				cancel()
			}
		})
		if err == nil || card.LeftBehind != "" {
			t.Errorf("stopped at check %d: %v, left behind %q", stop, err, card.LeftBehind)
		}
		cancel()
	}
	onlyBystander(t, dir)
}

// A server that deletes no collection with members, and one where no collection can be made.
func TestAwkwardServers(t *testing.T) {
	dir := t.TempDir()
	inner := &webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := filepath.Join(dir, filepath.FromSlash(r.URL.Path))
		if entries, _ := os.ReadDir(path); r.Method == http.MethodDelete && len(entries) > 0 {
			http.Error(w, "not empty", http.StatusConflict)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	defer s.Close()
	card, err := examine(t, t.Context(), s.URL)
	if err != nil || card.LeftBehind != "" {
		t.Errorf("%v, left behind %q", err, card.LeftBehind)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("%v was left behind", entries)
	}

	files := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer files.Close()
	if _, err := examine(t, t.Context(), files.URL); err == nil {
		t.Error("a server that accepts no PUT was examined")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
