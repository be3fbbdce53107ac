//go:build unix

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is told of a share at the root is what it tells of itself, as far as who asks may read it.
func TestRootTellsOfSharesThemselves(t *testing.T) {
	s, dir, _ := siteOf(t, `no-auth = true
[[share]]
prefix = "/in/a"
dir = "DIR/a"
[[share]]
prefix = "/b"
dir = "DIR/b"
[[share.rule]]
path = "/open"
who = ["anonymous"]
may = "read"
`)
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, d := range []string{"a", "b"} {
		must(t, os.Chtimes(filepath.Join(dir, d), then, then))
	}
	if w := ask(s, "LOCK", "/in/a/", `<lockinfo xmlns="DAV:"><lockscope><shared/></lockscope><locktype><write/></locktype><owner>Eva</owner></lockinfo>`); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	const body = `<propfind xmlns="DAV:"><prop><getlastmodified/><creationdate/><displayname/><lockdiscovery/><resourcetype/><quota-available-bytes/><quota-used-bytes/></prop></propfind>`
	told := func(path, depth string) (responses []string) {
		t.Helper()
		w := ask(s, "PROPFIND", path, body, "Depth", depth)
		if w.Code != 207 {
			t.Fatal(w.Code, w.Body)
		}
		for text := range strings.SplitSeq(w.Body.String(), "<D:response>") {
			text, _, _ = strings.Cut(text, "</D:response>")
			responses = append(responses, text)
		}
		return responses[1:]
	}
	has := func(response string, yes, no []string) {
		t.Helper()
		for _, want := range yes {
			if !strings.Contains(response, want) {
				t.Errorf("want %s in\n%s", want, response)
			}
		}
		for _, but := range no {
			if strings.Contains(response, but) {
				t.Errorf("got %s in\n%s", but, response)
			}
		}
	}
	moving := regexp.MustCompile(`(bytes>|Second-)\d+`) // the disk is not ours alone, and time goes on
	date := "Sat, 03 Feb 2001 04:05:06 GMT"
	places := told("/in/", "1")
	if itself := told("/in/a/", "0"); moving.ReplaceAllString(places[1], "") != moving.ReplaceAllString(itself[0], "") {
		t.Errorf("at the root:\n%s\nby itself:\n%s", places[1], itself[0])
	}
	has(places[1], []string{"<D:displayname>a<", "Eva", date, "<D:quota-used-bytes>"}, nil)
	has(places[0], []string{"<D:displayname>in<"}, []string{"<D:quota-available-bytes>", "<D:quota-used-bytes>"})
	shut := slices.DeleteFunc(told("/", "1"), func(r string) bool { return !strings.Contains(r, "/b/") })
	if len(shut) != 1 { // its root is for nobody, and what is in it is not
		t.Fatalf("/b/ is told of %d times", len(shut))
	}
	has(shut[0], nil, []string{date, "<D:quota-available-bytes>"})
}
