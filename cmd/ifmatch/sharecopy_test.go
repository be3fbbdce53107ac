//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const copyFile = `users = "DIR/users"
[[share]]
prefix = "/a"
dir = "DIR/a"
[[share]]
prefix = "/shown"
dir = "DIR/shown"
read-only = true
[[share]]
prefix = "/content"
dir = "DIR/content"
etag = "content"
require-if-match = "on"
[[share]]
prefix = "/backup"
dir = "DIR/backup"
[[share.rule]]
who = ["*"]
may = "append"
[[share]]
prefix = "/inner"
dir = "DIR/a/inner"
[[share]]
prefix = "/home"
dir = "DIR/homes/{user}"
[[share]]
prefix = "/anna"
dir = "DIR/anna"
[[share.rule]]
who = ["anna"]
may = "write"
`

func newCopyHouse(t *testing.T) *house {
	t.Helper()
	h := houseWith(t, copyFile, "a/tree/sub", "a/inner", "shown", "content", "backup", "homes", "anna")
	for name, text := range map[string]string{"a/one": "one", "a/two": "two", "a/tree/x": "x", "a/tree/sub/y": "y", "shown/s": "s", "anna/secret": "secret"} {
		writeFile(t, filepath.Join(h.dir, name), text)
	}
	h.open()
	return h
}

// holds fails the test unless the file has this text, or is missing with "".
func (h *house) holds(name, text string) {
	h.t.Helper()
	got, err := os.ReadFile(filepath.Join(h.dir, name))
	if string(got) != text || (err != nil) != (text == "") {
		h.t.Errorf("%s is %q (%v), want %q", name, got, err, text)
	}
}

// RFC 4918 §9.8, §9.9 with the destination in another share of the same server.
func TestCopyBetweenShares(t *testing.T) {
	h := newCopyHouse(t)
	for _, tt := range []struct {
		user, method, path, to string
		status                 int
		header                 []string
	}{
		{"ben", "COPY", "/a/one", "/content/one", 201, nil},
		{"ben", "COPY", "/a/one", "/content/no/one", 409, nil},
		{"ben", "COPY", "/a/none", "/content/x", 404, nil},
		{"ben", "COPY", "/a/one", "/content/x", 412, []string{"If-Match", `"other"`}},
		{"ben", "COPY", "/a/two", "/content/one", 412, []string{"Overwrite", "F"}},
		{"ben", "COPY", "/a/two", "/content/one", 428, nil}, // the policy is that of the destination
		{"ben", "COPY", "/content/one", "/a/two", 204, nil},
		{"ben", "COPY", "/a/tree", "/content/shallow", 201, []string{"Depth", "0"}},
		{"ben", "COPY", "/a/tree/", "/content/tree/", 201, nil},
		{"ben", "COPY", "/a/", "/content/all", 201, nil},
		{"ben", "COPY", "/a/one", "/content/", 428, nil},
		{"ben", "COPY", "/content/tree", "/a/", 403, nil}, // a share is not replaced
		{"ben", "COPY", "/shown/s", "/a/s", 201, nil},     // to read is enough at the source
		{"ben", "COPY", "/a/one", "/shown/one", 403, nil},
		{"ben", "COPY", "/a/one", "/backup/one", 201, nil},
		{"ben", "COPY", "/a/two", "/backup/one", 403, []string{"Overwrite", "T"}}, // append-only
		{"ben", "COPY", "/a/one", "/anna/one", 403, nil},
		{"ben", "COPY", "/anna/secret", "/a/secret", 403, nil},
		{"", "COPY", "/a/one", "/backup/two", 401, nil},
		{"ben", "COPY", "/a/one", "/home/one", 201, nil},
		{"ben", "COPY", "/home/one", "/a/home-one", 201, nil},
		{"ben", "COPY", "/a/one", "/inner/one", 502, nil}, // one inside the other
		{"ben", "COPY", "/a/one", "/nowhere/one", 502, nil},
		{"ben", "COPY", "/a/one", "http://elsewhere.example/a/x", 502, nil},
		{"ben", "COPY", "/a/one", "/backup/.ifmatch-x", 403, nil},
		{"ben", "MOVE", "/a/one", "/content/moved", 502, nil},
	} {
		res, text := h.ask(tt.user, tt.method, tt.path, "", append([]string{"Destination", tt.to}, tt.header...)...)
		if res.StatusCode != tt.status {
			t.Errorf("%s: %s %s to %s %v: %s, want %d\n%s", tt.user, tt.method, tt.path, tt.to, tt.header, res.Status, tt.status, text)
		}
		if tt.status != 201 {
			continue
		}
		if where := res.Header.Get("Location"); strings.TrimSuffix(where, "/") != strings.TrimSuffix(tt.to, "/") {
			t.Errorf("COPY to %s: Location %q", tt.to, where)
		}
		now, _ := h.ask(tt.user, "HEAD", tt.to, "")
		if tag := res.Header.Get("ETag"); tag != now.Header.Get("ETag") || tag == "" && !strings.Contains(now.Header.Get("Content-Type"), "html") {
			t.Errorf("COPY to %s said ETag %q, and HEAD says %q", tt.to, tag, now.Header.Get("ETag"))
		}
	}
	for name, text := range map[string]string{
		"content/one": "one", "a/two": "one", "content/shallow/x": "", "content/tree/x": "x", "content/tree/sub/y": "y",
		"content/all/tree/sub/y": "y", "a/s": "s", "shown/one": "", "backup/one": "one", "anna/one": "", "a/secret": "",
		"homes/ben/one": "one", "a/home-one": "one", "a/inner/one": "", "a/one": "one", "content/moved": "", "content/x": "",
	} {
		h.holds(name, text)
	}
	if staged, _ := filepath.Glob(filepath.Join(h.dir, "*/.ifmatch-*")); len(staged) > 0 {
		t.Errorf("left behind: %v", staged)
	}
}

// Locks, states named in the If header, and dead properties, at both ends.
func TestCopyBetweenSharesHasAllConditions(t *testing.T) {
	h := newCopyHouse(t)
	res, text := h.ask("ben", "PROPPATCH", "/a/tree/x", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><colour xmlns="urn:x">red</colour></D:prop></D:set></D:propertyupdate>`)
	if res.StatusCode != 207 || !strings.Contains(text, "200 OK") {
		t.Fatal(res.Status, text)
	}
	colour := func(path string) bool {
		_, text := h.ask("ben", "PROPFIND", path, "", "Depth", "0")
		return strings.Contains(text, ">red<")
	}
	res, _ = h.ask("ben", "COPY", "/a/tree", "", "Destination", "/backup/tree")
	wantStatus(t, res, 201)
	if !colour("/backup/tree/x") || colour("/backup/tree/sub/y") || !colour("/a/tree/x") {
		t.Error("dead properties did not travel")
	}
	res, _ = h.ask("ben", "COPY", "/a/one", "", "Destination", "/home/f")
	wantStatus(t, res, 201)
	tag := res.Header.Get("ETag")
	res, _ = h.ask("ben", "COPY", "/a/tree/x", "", "Destination", "/home/f", "If", `</home/f> (["stale"])`)
	wantStatus(t, res, 412)
	res, _ = h.ask("ben", "COPY", "/a/tree/x", "", "Destination", "/home/f", "If", "</home/f> (["+tag+"])")
	wantStatus(t, res, 204)
	if !colour("/home/f") {
		t.Error("dead properties of a file did not travel")
	}
	res, _ = h.ask("ben", "COPY", "/a/two", "", "Destination", "/home/f")
	wantStatus(t, res, 204)
	if colour("/home/f") {
		t.Error("dead properties of what was replaced are left")
	}

	res, _ = h.ask("ben", "LOCK", "/home/f", lockinfo)
	wantStatus(t, res, 200)
	token := res.Header.Get("Lock-Token")
	res, text = h.ask("ben", "COPY", "/a/one", "", "Destination", "/home/f")
	if res.StatusCode != 423 || !strings.Contains(text, "<D:href>/home/f</D:href>") {
		t.Errorf("without the lock token: %s\n%s", res.Status, text)
	}
	res, _ = h.ask("ben", "COPY", "/a/one", "", "Destination", "/home/f", "If", "</a/one> ("+token+")")
	wantStatus(t, res, 412) // another resource has that lock
	res, _ = h.ask("ben", "COPY", "/a/one", "", "Destination", "/home/f", "If", "</home/f> ("+token+")")
	wantStatus(t, res, 204)
	h.holds("homes/ben/f", "one")
	res, _ = h.ask("ben", "PUT", "/home/f", "x")
	wantStatus(t, res, 423) // what was locked is locked still (RFC 4918 §7.6 is about the source of a MOVE)
}

// A rule can be about one file: then no list tells others of it, its size or its tag.
func TestListsTellNothingHidden(t *testing.T) {
	h := newHouse(t)
	writeFile(t, filepath.Join(h.dir, "photos/shown/pin.txt"), "1234")
	h.write(strings.Replace(houseFile, "[[share]]\nprefix = \"/backup\"", `[[share.rule]]
path = "/shown/pin.txt"
who = ["anna"]
may = "write"
[[share]]
prefix = "/backup"`, 1))
	h.reload(`"msg":"reloaded"`)
	for _, user := range []string{"anna", "ben", ""} {
		_, found := h.ask(user, "PROPFIND", "/photos/shown/", "", "Depth", "1")
		_, page := h.ask(user, "GET", "/photos/shown/", "")
		for what, text := range map[string]string{"PROPFIND": found, "GET": page} {
			if !strings.Contains(text, "a.txt") || strings.Contains(text, "pin.txt") != (user == "anna") {
				t.Errorf("%s: %s shows\n%s", user, what, text)
			}
		}
		if res, _ := h.ask(user, "PROPFIND", "/photos/shown/", "", "Depth", "0"); res.StatusCode != 207 {
			t.Errorf("%s: Depth 0: %s", user, res.Status)
		}
		if res, _ := h.ask(user, "PROPFIND", "/photos/shown/", "", "Depth", "infinity"); (res.StatusCode == 207) != (user == "anna") {
			t.Errorf("%s: Depth infinity: %s", user, res.Status)
		}
		if res, _ := h.ask(user, "HEAD", "/photos/shown/?zip", ""); (res.StatusCode == 200) != (user == "anna") {
			t.Errorf("%s: an archive: %s", user, res.Status)
		}
		if res, _ := h.ask(user, "HEAD", "/photos/shown/?events", "", "Accept", "text/event-stream"); res.StatusCode != 200 {
			t.Errorf("%s: the page is not kept up to date: %s", user, res.Status)
		}
	}
	version := func(user string) string { // of the page, which events tell as well
		_, page := h.ask(user, "GET", "/photos/shown/", "", "Accept", "text/html")
		_, after, _ := strings.Cut(page, `data-version="`)
		v, _, _ := strings.Cut(after, `"`)
		return v
	}
	anna, ben := version("anna"), version("ben")
	res, _ := h.ask("anna", "LOCK", "/photos/shown/pin.txt", lockinfo)
	wantStatus(t, res, 200)
	if anna == version("anna") || ben != version("ben") {
		t.Errorf("a lock is told of: to anna %v, to ben %v", anna != version("anna"), ben != version("ben"))
	}
}

// The states of others, which an If header could try out tag by tag, are as good as none to who may not read them.
func TestIfHeaderTriesOutNothingHidden(t *testing.T) {
	h := newHouse(t)
	h.write(strings.Replace(houseFile, "[[share]]\nprefix = \"/backup\"", `[[share.rule]]
path = "/secret"
who = ["ben"]
may = "write"
[[share]]
prefix = "/backup"`, 1))
	h.reload(`"msg":"reloaded"`)
	res, _ := h.ask("ben", "PUT", "/photos/secret/pin", "1234")
	wantStatus(t, res, 201)
	right := "</photos/secret/pin> ([" + res.Header.Get("ETag") + "])"
	res, _ = h.ask("ben", "PUT", "/photos/secret/other", "x", "If", right)
	wantStatus(t, res, 201)
	for _, guess := range []string{right, `</photos/secret/pin> (["wrong"])`, `</photos/secret/none> (["wrong"])`} {
		res, _ = h.ask("anna", "PUT", "/photos/mine", "x", "If", guess)
		wantStatus(t, res, 412)
		res, _ = h.ask("anna", "PUT", "/photos/mine", "x", "If", strings.Replace(guess, "(", "(Not ", 1))
		if res.StatusCode >= 300 {
			t.Errorf("If: %s: %s", guess, res.Status)
		}
	}
}

// A file that two shares lead to, since one is inside the other, is saved by one request at a time.
func TestCounterThroughTwoShares(t *testing.T) {
	h := newCopyHouse(t)
	const clients, each = 8, 10
	urls := []string{"/a/inner/counter", "/inner/counter"}
	res, _ := h.ask("ben", "PUT", urls[0], "0")
	wantStatus(t, res, 201)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for done := 0; done < each && !t.Failed(); {
				res, text := h.ask("ben", "GET", urls[c%2], "")
				n, err := strconv.Atoi(text)
				if err != nil {
					t.Errorf("%s: torn: %q", res.Status, text)
					return
				}
				switch res, text = h.ask("ben", "PUT", urls[c%2], strconv.Itoa(n+1), "If-Match", res.Header.Get("ETag")); res.StatusCode {
				case 204:
					done++
				case 412:
				default:
					t.Errorf("%s: %s", res.Status, text)
				}
			}
		})
	}
	all.Wait()
	h.holds("a/inner/counter", strconv.Itoa(clients*each))
}
