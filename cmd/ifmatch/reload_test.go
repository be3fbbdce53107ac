//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
		if err != nil {
			t.Fatal(err)
		}
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
	if err != nil {
		t.Fatal(err)
	}
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

// Another way to serve a directory begins with the next request, keeps its locks and properties, and lets those in flight end
// as they began.
func TestReloadServesAShareInAnotherWay(t *testing.T) {
	h := newHouse(t)
	as := func(settings string) {
		t.Helper()
		h.write(strings.Replace(houseFile, `dir = "DIR/photos"`, "dir = \"DIR/photos\"\n"+settings, 1))
		h.reload(`"msg":"reloaded"`)
	}
	const url = "/photos/secret/f"
	put := func(body string, status int, header ...string) string {
		t.Helper()
		res, text := h.ask("anna", "PUT", url, body, header...)
		if res.StatusCode != status {
			t.Errorf("PUT: %s, want %d: %s", res.Status, status, text)
		}
		return res.Header.Get("ETag")
	}
	stat := put("one", 201)
	token := h.lock("anna", "/photos/secret/locked", "0", "exclusive", "anna")
	held := func() {
		t.Helper()
		if res, _ := h.ask("anna", "PUT", "/photos/secret/locked", "x"); res.StatusCode != 423 {
			t.Errorf("the lock: %s", res.Status)
		}
	}
	finish := slowPut(t, strings.Replace(h.url, "http://", "http://anna:anna@", 1)+"/photos/secret/slow", "hello world")

	as(`etag = "content"`)
	if res, _ := h.ask("anna", "GET", url, ""); !strings.HasPrefix(res.Header.Get("ETag"), `"h`) {
		t.Errorf("a tag of the content is %s", res.Header.Get("ETag"))
	}
	put("two", 412, "If-Match", stat)
	content := put("two", 204)
	held()

	as("etag = \"content\"\nread-only = true")
	put("three", 403, "If-Match", content)
	if res, text := h.ask("anna", "GET", url, ""); text != "two" || res.Header.Get("ETag") != content {
		t.Errorf("%q %s, want two %s", text, res.Header.Get("ETag"), content)
	}

	as("durability = \"none\"\nquota = \"100B\"")
	put(strings.Repeat("x", 101), 507)
	held()

	// A reload that fails at its last share has changed nothing about the first.
	h.write(strings.Replace(houseFile, `dir = "DIR/photos"`, "dir = \"DIR/photos\"\nread-only = true", 1) +
		"[[share]]\nprefix = \"/state\"\ndir = \"" + strings.TrimPrefix(h.cmd.Env[len(h.cmd.Env)-1], "XDG_STATE_HOME=") + "\"\n")
	h.reload("not reloaded")
	h.logged("where clients could reach it")
	put(strings.Repeat("x", 101), 507)
	put("four", 204)

	as("")
	put("five", 204)
	held()
	if res, _ := h.ask("anna", "UNLOCK", "/photos/secret/locked", "", "Lock-Token", "<"+token+">"); res.StatusCode != 204 {
		t.Errorf("UNLOCK: %s", res.Status)
	}
	res, err := finish()
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, res, 201)
	if now, _ := h.ask("anna", "HEAD", "/photos/secret/slow", ""); now.Header.Get("ETag") != res.Header.Get("ETag") {
		t.Errorf("the upload in flight was answered %s, and HEAD says %s", res.Header.Get("ETag"), now.Header.Get("ETag"))
	}
}
