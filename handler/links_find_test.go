//go:build unix

package handler_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// Dead properties and locks of what a symbolic link leads to are told of in the same way whether the link is asked for,
// or the collection that it is in, or one above that, and through whichever name.
func TestPropfindOfLinks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"there/f", "there/deep/g", "here/own"} {
		write(t, filepath.Join(dir, name), "text")
	}
	for link, to := range map[string]string{"here/f": "../there/f", "here/deep": "../there/deep", "way": "here"} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	now := time.Now() // a lock has as long to go in every answer
	for kind, open := range map[string]func(string, fs.RootOptions) (fs.FS, error){"root": fs.OpenRoot, "portable": fs.OpenPortable} {
		base, err := open(dir, fs.RootOptions{})
		must(t, err)
		h, err := handler.New(handler.NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true, NoNotify: true}}), handler.Options{Now: func() time.Time { return now }})
		must(t, err)
		for _, name := range []string{"/there/f", "/there/deep", "/there/deep/g"} {
			if w := dav(h, "PROPPATCH", name, setProp(name)); w.Code != 207 {
				t.Fatal(w.Code, w.Body)
			}
			if w := dav(h, "LOCK", name, exclusive, "Depth", "0"); w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
		}
		// one is the part of an answer that tells of one resource.
		one := func(name, depth, href string) string {
			w := dav(h, "PROPFIND", name, "", "Depth", depth)
			for part := range strings.SplitSeq(w.Body.String(), "<D:response>") {
				if strings.HasPrefix(part, "<D:href>"+href+"</D:href>") {
					return part
				}
			}
			t.Errorf("%s: %s with Depth %s does not tell of %s", kind, name, depth, href)
			return ""
		}
		for _, row := range []struct{ in, href, real string }{
			{"/here", "/here/f", "/there/f"},
			{"/here", "/here/deep/", "/there/deep"},
			{"/here/deep", "/here/deep/g", "/there/deep/g"},
			{"/way", "/way/f", "/there/f"},
			{"/way/deep", "/way/deep/g", "/there/deep/g"},
		} {
			itself := one(row.href, "0", row.href)
			if !strings.Contains(itself, `<p xmlns="urn:p">`+row.real+`</p>`) || strings.Count(itself, "<D:activelock>") != 1 {
				t.Errorf("%s: %s: %s", kind, row.href, itself)
			}
			for _, depth := range []string{"1", "infinity"} {
				if in := one(row.in, depth, row.href); strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(in), "</D:multistatus>")) != strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(itself), "</D:multistatus>")) {
					t.Errorf("%s: %s with Depth %s: %s\nitself: %s", kind, row.in, depth, in, itself)
				}
			}
			if in := one("/", "infinity", row.href); !strings.Contains(in, row.real+"</p>") && strings.HasPrefix(row.href, "/here") {
				t.Errorf("%s: from above: %s", kind, in)
			}
		}
		base.Close()
	}
}

// What is counted for Depth infinity is what would be told of: no names that no URL can have, none that are for
// others, and nothing again for a link that leads in a circle.
func TestPropfindInfinityCountsWhatItTells(t *testing.T) {
	const shown, others = 300, 100
	dir := t.TempDir()
	for i := range shown {
		write(t, filepath.Join(dir, "c", fmt.Sprint("f", i)), "")
	}
	for i := range others {
		write(t, filepath.Join(dir, "c", fmt.Sprint("hidden", i)), "")
		_ = os.WriteFile(filepath.Join(dir, "c", fmt.Sprint("\xff", i)), nil, 0o644) // where a file can be called so
	}
	must(t, os.Symlink(".", filepath.Join(dir, "c/circle")))
	h := handlerOn(t, dir, handler.Options{MaxInfinite: shown + 1,
		MayRead: func(_ *http.Request, name string) bool { return !strings.HasPrefix(name, "/c/hidden") }})
	if a := find(t, h, "/c", "infinity", askAll); len(a.Responses) != shown+2 {
		t.Errorf("%d responses, want %d", len(a.Responses), shown+2)
	}
}
