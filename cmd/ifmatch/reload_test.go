//go:build unix

package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reload has the server read everything again, and waits until its log says what came of it.
func (h *house) reload(want string) {
	h.t.Helper()
	before := h.count(want)
	h.cmd.Process.Signal(syscall.SIGHUP)
	h.loggedAgain(want, before)
}

// photosAlone is the file without the shares /backup and /home.
var photosAlone = strings.Split(houseFile, "[[share]]\nprefix = \"/backup\"")[0]

// Whoever was taken out of the file of users hears no more of what happens.
func TestReloadEndsEventStreams(t *testing.T) {
	h := newHouse(t)
	streams := map[string]*http.Response{}
	for _, user := range []string{"anna", "ben"} {
		req, err := http.NewRequest("GET", h.url+"/home/?events", nil)
		must(t, err)
		req.SetBasicAuth(user, user)
		if streams[user], err = http.DefaultClient.Do(req); err != nil {
			t.Fatal(err)
		}
		defer streams[user].Body.Close()
		wantStatus(t, streams[user], 200)
	}
	h.users("anna")
	h.reload(`"msg":"reloaded"`)
	for user, status := range map[string]int{"anna": 200, "ben": 401} {
		if _, err := io.Copy(io.Discard, streams[user].Body); err != nil {
			t.Errorf("the stream of %s did not end as a whole answer: %v", user, err)
		}
		if res, _ := h.ask(user, "HEAD", "/home/?events", ""); res.StatusCode != status {
			t.Errorf("%s comes back: %s, want %d", user, res.Status, status)
		}
	}
}

// What began before a reload that takes its share away ends well, also after further reloads, good and bad.
func TestRequestsOutliveSeveralReloads(t *testing.T) {
	h := newHouse(t)
	finish := slowPut(t, strings.Replace(h.url, "http://", "http://anna:anna@", 1)+"/backup/slow", "hello world")
	h.write(photosAlone)
	h.reload(`"msg":"reloaded"`)
	h.reload(`"msg":"reloaded"`)
	h.write("nonsense = true\n" + photosAlone)
	h.reload("not reloaded")
	h.write(strings.Replace(photosAlone, `prefix = "/photos"`, `prefix = "/pictures"`, 1))
	h.reload(`"msg":"reloaded"`)
	res, err := finish()
	must(t, err)
	wantStatus(t, res, 201)
	if text, err := os.ReadFile(filepath.Join(h.dir, "backup/slow")); string(text) != "hello world" {
		t.Errorf("%q %v", text, err)
	}
}

// A reload does not open to all what takes a password beyond this machine.
func TestReloadKeepsStrangersOut(t *testing.T) {
	h := newHouse(t, "--listen=0.0.0.0:0")
	h.url = "http://127.0.0.1" + h.url[strings.LastIndex(h.url, ":"):]
	h.write(strings.Replace(photosAlone, "users =", "# users =", 1))
	h.reload("not reloaded")
	h.logged("--no-auth")
	if res, _ := h.ask("", "GET", "/photos/", ""); res.StatusCode != 401 {
		t.Errorf("without a login: %s", res.Status)
	}
	h.write("no-auth = true\n" + strings.Replace(photosAlone, "users =", "# users =", 1))
	h.reload(`"msg":"reloaded"`)
}

// A share becomes read-only and writable again with the next request; one that is going on ends as it began.
func TestReloadTakesAndGivesWriting(t *testing.T) {
	h := newHouse(t)
	put := func(status int) {
		t.Helper()
		if res, text := h.ask("anna", "PUT", "/photos/secret/f", "new"); res.StatusCode != status {
			t.Errorf("PUT: %s, want %d: %s", res.Status, status, text)
		}
	}
	share := func(setting, want string) {
		t.Helper()
		h.write(strings.Replace(houseFile, `dir = "DIR/photos"`, "dir = \"DIR/photos\"\n"+setting, 1))
		h.reload(want)
	}
	put(201)
	finish := slowPut(t, strings.Replace(h.url, "http://", "http://anna:anna@", 1)+"/photos/secret/slow", "hello world")
	share("read-only = true", `"msg":"reloaded"`)
	put(403)
	if res, text := h.ask("anna", "GET", "/photos/secret/f", ""); text != "new" {
		t.Errorf("GET: %s %q", res.Status, text)
	}
	res, err := finish()
	must(t, err)
	wantStatus(t, res, 201)
	share("", `"msg":"reloaded"`)
	put(204)
}

// Whatever a share is told counts with the next request, for a directory that is open, too. Connections, requests that
// go on and locks stay.
func TestReloadChangesHowADirectoryIsServed(t *testing.T) {
	h := newHouse(t)
	anna := strings.Replace(h.url, "http://", "http://anna:anna@", 1)
	share := func(settings ...string) {
		t.Helper()
		h.write(strings.Replace(houseFile, `dir = "DIR/photos"`, "dir = \"DIR/photos\"\n"+strings.Join(settings, "\n"), 1))
		h.reload(`"msg":"reloaded"`)
	}
	ask := func(status int, method, name, body string, header ...string) *http.Response {
		t.Helper()
		res, text := h.ask("anna", method, "/photos/secret/"+name, body, header...)
		if res.StatusCode != status {
			t.Errorf("%s %s: %s, want %d: %s", method, name, res.Status, status, text)
		}
		return res
	}
	tag := func(kind string, res *http.Response) string {
		t.Helper()
		etag := res.Header.Get("ETag")
		if !strings.HasPrefix(etag, `"`+kind) {
			t.Errorf("the ETag is %s, want one of %s", etag, kind)
		}
		return etag
	}
	stat := tag("s", ask(201, "PUT", "f", "one"))
	token := ask(201, "LOCK", "locked", lockinfo).Header.Get("Lock-Token")
	finish := slowPut(t, anna+"/photos/secret/slow", "hello world")

	share(`etag = "content"`)
	content := tag("h", ask(200, "HEAD", "f", ""))
	ask(412, "PUT", "f", "two", "If-Match", stat)
	ask(204, "PUT", "f", "two", "If-Match", content)
	content = tag("h", ask(200, "HEAD", "f", ""))
	share(`etag = "content"`, `hash-limit = "1"`, `no-notify = true`)
	ask(200, "GET", "f", "", "If-Match", content)
	share(`durability = "none"`, `quota = "1KiB"`)
	ask(507, "PUT", "large", strings.Repeat("x", 2000))
	ask(412, "PUT", "f", "three", "If-Match", content)
	ask(204, "PUT", "f", "three", "If-Match", tag("s", ask(200, "HEAD", "f", "")))
	share(`umask = "0077"`)
	ask(201, "PUT", "large", strings.Repeat("x", 2000))
	if fi, err := os.Stat(filepath.Join(h.dir, "photos/secret/large")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	res, err := finish()
	must(t, err)
	wantStatus(t, res, 201)
	tag("s", res)
	ask(423, "PUT", "locked", "x")
	ask(204, "PUT", "locked", "x", "If", "("+strings.Trim(token, " ")+")")
}

// A directory that was read-only from the start can be written when the file says so.
func TestReloadMakesADirectoryWritable(t *testing.T) {
	h := newHouse(t)
	text := strings.Replace(photosAlone, `dir = "DIR/photos"`, "dir = \"DIR/photos\"\nread-only = true", 1)
	h.stop(syscall.SIGTERM)
	h.write(text)
	h.open()
	if res, _ := h.ask("anna", "PUT", "/photos/new", "x"); res.StatusCode != 403 {
		t.Errorf("read-only: %s", res.Status)
	}
	h.write(photosAlone)
	h.reload(`"msg":"reloaded"`)
	res, _ := h.ask("anna", "PUT", "/photos/new", "x")
	wantStatus(t, res, 201)
	if etag := res.Header.Get("ETag"); etag == "" || strings.HasPrefix(etag, "W/") {
		t.Errorf("ETag: %s", etag)
	}
}

// What a reload cannot apply is said, and the rest is applied.
func TestReloadSaysWhatTakesARestart(t *testing.T) {
	h := newHouse(t)
	h.write("header-timeout = \"7s\"\nidle-timeout = \"2m\"\nlog-level = \"warn\"\n" + photosAlone)
	h.reload(`"msg":"reloaded"`)
	h.logged(`"msg":"it takes a restart to apply these as well","settings":"log-level=warn header-timeout=7s"`)
	if res, _ := h.ask("anna", "GET", "/backup/", ""); res.StatusCode != 404 {
		t.Errorf("a share that is gone: %s", res.Status)
	}
}

// Whoever reloads after a disk was mounted anew is told that the old one is still served.
func TestReloadSaysWhichDirectoryIsAnother(t *testing.T) {
	h := newHouse(t)
	photos := filepath.Join(h.dir, "photos")
	must(t, errors.Join(os.Rename(photos, photos+".old"), os.Mkdir(photos, 0o755)))
	h.reload(`"msg":"reloaded"`)
	h.logged(`"msg":"a share is not as it was opened","err":"share /photos: ` + photos + ` is another directory than the one that was opened; restart to serve it"`)
}

// A reload that reads what does not answer, as a dead disk does, does not keep the server from ending.
func TestTermEndsAReloadThatWaits(t *testing.T) {
	h := newHouse(t)
	must(t, os.Remove(h.file))
	must(t, syscall.Mkfifo(h.file, 0o600))
	h.cmd.Process.Signal(syscall.SIGHUP)
	time.Sleep(200 * time.Millisecond) // it says nothing before it has read the file
	h.cmd.Process.Signal(syscall.SIGTERM)
	if code := h.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
