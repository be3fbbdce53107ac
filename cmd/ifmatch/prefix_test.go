//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/handler"
	"ifmatch/handler/web"
)

// accented has shares whose prefixes are composed (NFC), and a collection in one of them that is for nobody.
const accented = `no-auth = true
[[share]]
prefix = "/d` + "\u00e9" + ` x/p` + "\u00e9" + `"
dir = "DIR/a"
[[share.rule]]
who = ["anonymous"]
may = "write"
[[share.rule]]
path = "/s` + "\u00e9" + `cret"
who = ["anonymous"]
may = "none"
[[share]]
prefix = "/b"
dir = "DIR/b"
`

// spelledPrefixes are URLs of the first of those shares.
var spelledPrefixes = []string{
	"/d%C3%A9%20x/p%C3%A9", "/de%CC%81%20x/pe%CC%81", "/d%C3%A9%20x/pe%CC%81",
	"//d%C3%A9%20x/p%C3%A9", "/d%C3%A9%20x//p%C3%A9/", "///de%CC%81%20x//pe%CC%81//",
}

func newAccented(t *testing.T) (s *site, dir string) {
	t.Helper()
	s, dir, _ = siteOf(t, accented)
	secret := filepath.Join(dir, "a", "s\u00e9cret")
	must(t, os.Mkdir(secret, 0o755))
	writeFile(t, filepath.Join(secret, "f"), "secret")
	return s, dir
}

// macOS sends every name decomposed, also that of the share.
func TestPrefixInAnySpelling(t *testing.T) {
	for _, prefix := range spelledPrefixes {
		s, dir := newAccented(t)
		writeFile(t, filepath.Join(dir, "a/there"), "there")
		for _, c := range []struct {
			method, path, to string
			status           int
		}{
			{"PUT", prefix + "/f", "", 201},
			{"PUT", prefix + "/sub/f", "", 409},
			{"GET", prefix + "/f", "", 200},
			{"GET", prefix + "/there", "", 200},
			{"MKCOL", prefix + "/sub", "", 415}, // found: what is wrong is the body
			{"MOVE", prefix + "/f", prefix + "/moved", 201},
			{"COPY", prefix + "/moved", prefix + "/f", 201},
			{"COPY", prefix + "/f", "/b/f", 201},
			{"COPY", "/b/f", prefix + "/g", 201},
			{"COPY", "/b/f", prefix, 403}, // a share is not replaced
			{"OPTIONS", prefix, "", 200},
			{"GET", strings.TrimRight(prefix, "/") + handler.PageAssets + web.Hash() + "/page.css", "", 200},
			{"LOCK", prefix + "/there", "", 400},
			{"DELETE", prefix + "/there", "", 204},
			{"GET", prefix + "x/f", "", 404},
		} {
			to := c.to
			if to != "" {
				to = "http://example.com" + to // a path that begins with two slashes names a host
			}
			body := "text"
			if to != "" || c.method == "DELETE" {
				body = ""
			}
			if w := ask(s, c.method, c.path, body, "Destination", to); w.Code != c.status {
				t.Errorf("%s %s to %s: %d, want %d\n%s", c.method, c.path, to, w.Code, c.status, w.Body)
			}
		}
		w := ask(s, "PROPFIND", prefix+"/", "", "Depth", "1")
		// As with other names: the answer spells what is there as it is there.
		if want := "<D:href>/d%C3%A9%20x/p%C3%A9/moved</D:href>"; w.Code != 207 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("PROPFIND %s: %d, want %s in\n%s", prefix, w.Code, want, w.Body)
		}
	}
}

// The rules are about the name that the handler serves, however the path is spelled.
func TestRulesInAnySpellingOfThePrefix(t *testing.T) {
	s, dir := newAccented(t)
	writeFile(t, filepath.Join(dir, "b/f"), "b")
	host := "http://example.com"
	for _, prefix := range spelledPrefixes {
		for _, name := range []string{"/s%C3%A9cret", "/se%CC%81cret", "//se%CC%81cret/"} {
			at := prefix + name
			for _, c := range [][]string{
				{"GET", at + "/f"}, {"HEAD", at + "/f"}, {"PUT", at + "/f"}, {"PUT", at + "/g"}, {"DELETE", at + "/f"},
				{"MKCOL", at + "/c"}, {"PROPFIND", at + "/", "Depth", "1"}, {"PROPFIND", at + "/f", "Depth", "0"},
				{"PROPFIND", prefix, "Depth", "infinity"}, {"GET", prefix + "?zip"}, {"DELETE", prefix},
				{"PROPPATCH", at + "/f"}, {"LOCK", at + "/f"}, {"POST", at + "/f"},
				{"COPY", at + "/f", "Destination", host + "/b/got"}, {"COPY", prefix, "Destination", host + "/b/got"},
				{"MOVE", at + "/f", "Destination", host + "/b/got"},
				{"COPY", "/b/f", "Destination", host + at + "/f"}, {"COPY", "/b/f", "Destination", host + at + "/g"},
			} {
				if w := ask(s, c[0], c[1], "text", c[2:]...); w.Code != 403 {
					t.Errorf("%q: %d, want 403\n%s", c, w.Code, w.Body)
				}
			}
			for _, path := range []string{ // refused for how they are spelled
				prefix + "/x/.." + name + "/f", prefix + "/." + name + "/f", "/x/.." + prefix + name + "/f",
				prefix + "%2F" + name[1:] + "/f", "/%2F" + prefix[1:] + name + "/f",
			} {
				if w := ask(s, "PUT", path, "text"); w.Code/100 != 4 {
					t.Errorf("PUT %s: %d", path, w.Code)
				}
			}
			if w := ask(s, "PROPFIND", prefix, "", "Depth", "1"); w.Code != 207 || strings.Contains(w.Body.String(), "cret") {
				t.Errorf("PROPFIND %s: %d\n%s", prefix, w.Code, w.Body)
			}
		}
	}
	h := &house{t: t, dir: dir}
	h.holds("a/s\u00e9cret/f", "secret")
	h.holds("a/s\u00e9cret/g", "")
	h.holds("b/got", "")
}
