//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// house is a server with users anna and ben (their passwords are their names) and three shares.
type house struct {
	*process
	t         testing.TB
	dir, file string
}

const houseFile = `users = "DIR/users"
trusted-proxies = ["127.0.0.2"]
[[share]]
prefix = "/photos"
dir = "DIR/photos"
cors = ["https://app.example"]
[[share.rule]]
who = ["anna"]
may = "write"
[[share.rule]]
path = "/shown"
who = ["anonymous"]
may = "read"
[[share]]
prefix = "/backup"
dir = "DIR/backup"
[[share.rule]]
who = ["*"]
may = "append"
[[share]]
prefix = "/home"
dir = "DIR/homes/{user}"
`

func newHouse(t testing.TB, args ...string) *house {
	t.Helper()
	h := houseWith(t, houseFile, "photos/shown", "photos/secret", "backup", "homes")
	writeFile(t, filepath.Join(h.dir, "photos/shown/a.txt"), "a")
	h.open(args...)
	return h
}

// houseWith has the file text and these directories, and is not open yet.
func houseWith(t testing.TB, text string, dirs ...string) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, dir: dir, file: filepath.Join(dir, "ifmatch.toml")}
	for _, d := range dirs {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	h.users("anna", "ben")
	h.write(text)
	return h
}

func (h *house) open(args ...string) {
	h.t.Helper()
	h.process = start(h.t, nil, append(args, "--config="+h.file)...)
}

func (h *house) write(text string) { writeFile(h.t, h.file, strings.ReplaceAll(text, "DIR", h.dir)) }

func (h *house) users(names ...string) {
	var lines string
	for _, n := range names {
		lines += userLine(h.t, n, n)
	}
	writeFile(h.t, filepath.Join(h.dir, "users"), lines)
}

// ask sends a request as user, "" for nobody.
func (h *house) ask(user, method, path, body string, header ...string) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], strings.ReplaceAll(header[i+1], "URL", h.url))
	}
	if user != "" {
		req.SetBasicAuth(user, user)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res, string(text)
}

func TestWhoMayDoWhat(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		user, method, path string
		status             int
		header             []string
	}{
		{"", "OPTIONS", "/photos/", 200, nil}, // Zotero asks before it logs in
		{"", "OPTIONS", "/", 200, nil},
		{"eve", "OPTIONS", "/photos/", 200, nil},
		{"", "GET", "/", 200, nil},
		{"", "HEAD", "/", 200, nil},
		{"", "PROPFIND", "/", 401, []string{"Depth", "1"}},
		{"anna", "PROPFIND", "/", 207, []string{"Depth", "1"}},
		{"anna", "PROPFIND", "/", 403, []string{"Depth", "infinity"}},
		{"anna", "PUT", "/x", 403, nil},
		{"", "DELETE", "/photos/shown/a.txt", 401, nil}, // Dolphin deletes until it sees 401
		{"", "DELETE", "/x", 401, nil},
		{"", "PUT", "/photos/new", 401, nil},
		{"", "GET", "/photos/shown/a.txt", 200, nil},
		{"", "GET", "/photos/", 401, nil},
		{"ben", "GET", "/photos/", 403, nil},
		{"ben", "GET", "/photos/shown/", 200, nil},
		{"eve", "GET", "/photos/shown/", 401, nil}, // a wrong password is no anonymous visit
		{"anna", "PUT", "/photos/one", 201, nil},
		{"anna", "GET", "/photos/made-up", 404, nil},
		{"anna", "PUT", "/photos/shown/x", 403, nil}, // the longest path decides, and it does not name her
		{"anna", "DELETE", "/photos/shown", 403, nil},
		{"anna", "MOVE", "/photos/one", 403, []string{"Destination", "URL/photos/shown/one"}},
		{"anna", "MOVE", "/photos/one", 502, []string{"Destination", "URL/backup/one"}},
		{"anna", "MOVE", "/photos/one", 201, []string{"Destination", "URL/photos/two"}},
		{"ben", "PUT", "/backup/b", 201, nil},
		{"ben", "PUT", "/backup/b", 403, nil}, // RFC 4918 §12.1: 412 would be about a condition that it does not have
		{"ben", "PUT", "/backup/b", 403, []string{"If-None-Match", `"x"`}},
		{"ben", "PUT", "/backup/b", 412, []string{"If-None-Match", "*"}},
		{"ben", "PUT", "/backup//b", 403, nil},
		{"ben", "PUT", "/backup/b", 403, []string{"If-Match", "*"}},
		{"ben", "PUT", "/backup/b", 403, []string{"If-Match", `"old"`}}, // 412 would ask to try again with another tag
		{"ben", "POST", "/photos/shown/a.txt", 415, nil},                // a merge changes nothing; this is none
		{"ben", "COPY", "/photos/shown/a.txt", 201, []string{"Destination", "URL/backup/shown"}},
		{"ben", "COPY", "/backup/b", 400, []string{"Destination", "/%zz"}},
		{"ben", "COPY", "/backup/b", 201, []string{"Destination", "URL/backup/c"}},
		{"ben", "COPY", "/backup/b", 403, []string{"Destination", "URL/backup/c", "Overwrite", "T"}},
		{"ben", "COPY", "/backup/b", 412, []string{"Destination", "URL/backup/c", "Overwrite", "F"}},
		{"ben", "MOVE", "/backup/b", 403, []string{"Destination", "URL/backup/d"}},
		{"ben", "DELETE", "/backup/b", 403, nil},
		{"ben", "LOCK", "/backup/b", 403, nil},
		{"ben", "PROPPATCH", "/backup/b", 403, nil},
		{"ben", "MKCOL", "/backup/dir", 201, nil},
		{"ben", "PATCH", "/backup/b", 403, nil},
		{"", "GET", "/home/", 401, nil},
		{"ben", "PUT", "/home/mine", 201, nil},
		{"anna", "GET", "/home/mine", 404, nil},
		{"ben", "GET", "/home/mine", 200, nil},
		{"anna", "GET", "/home/../ben/mine", 400, nil},
	} {
		res, text := h.ask(tt.user, tt.method, tt.path, "", tt.header...)
		if res.StatusCode != tt.status {
			t.Errorf("%s: %s %s %v: %s, want %d\n%s", tt.user, tt.method, tt.path, tt.header, res.Status, tt.status, text)
		}
		if ends := tt.status > 401 && (tt.method == "DELETE" || tt.method == "MOVE"); res.Close != ends { // see endRefused in package handler
			t.Errorf("%s: %s %s: the connection ends: %v, want %v", tt.user, tt.method, tt.path, res.Close, ends)
		}
		if (tt.status == 401) != (res.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %s %s: %d with the challenge %q", tt.user, tt.method, tt.path, tt.status, res.Header.Get("WWW-Authenticate"))
		}
	}
	if res, _ := h.ask("", "OPTIONS", "/", ""); !strings.Contains(res.Header.Get("Allow"), "PUT") || res.Header.Get("DAV") == "" {
		t.Errorf("the root does not say what the shares can do: %v", res.Header)
	}
	if _, text := h.ask("ben", "PROPFIND", "/", "", "Depth", "1"); !strings.Contains(text, "<D:href>/backup/</D:href>") ||
		!strings.Contains(text, "<D:href>/home/</D:href>") {
		t.Errorf("the root does not list the shares:\n%s", text)
	}
	if _, text := h.ask("", "GET", "/", ""); !strings.Contains(text, "photos") || strings.Contains(text, "backup") {
		t.Errorf("the root shows strangers the wrong shares:\n%s", text)
	}
	if fi, err := os.Stat(filepath.Join(h.dir, "homes/ben")); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("ben's home: %v %v", fi, err)
	}
}

// Where nothing may be read without a login, the list of shares asks for one.
func TestRootAsksToLogIn(t *testing.T) {
	h := houseWith(t, `users = "DIR/users"
[[share]]
prefix = "/photos"
dir = "DIR/photos"
[[share.rule]]
who = ["*"]
may = "read"
`, "photos")
	h.open()
	for _, method := range []string{"GET", "HEAD"} {
		res, _ := h.ask("", method, "/", "")
		wantStatus(t, res, 401)
		res, _ = h.ask("ben", method, "/", "")
		wantStatus(t, res, 200)
	}
}

// Who has not logged in has no home, whatever the rules say: "{user}" would be nothing, and the directory that of all homes.
func TestNobodyHasNoHome(t *testing.T) {
	h := houseWith(t, `users = "DIR/users"
[[share]]
prefix = "/photos"
dir = "DIR/photos"
[[share.rule]]
who = ["anonymous"]
may = "read"
[[share]]
prefix = "/home"
dir = "DIR/homes/{user}"
[[share.rule]]
who = ["anonymous"]
may = "write"
`, "photos", "homes/ben")
	h.open()
	for _, c := range []struct {
		user, method, path string
		status             int
	}{
		{"", "OPTIONS", "/home/", 200},
		{"", "GET", "/home/", 401},
		{"", "PUT", "/home/x", 401},
		{"", "COPY", "/photos/", 401},
		{"ben", "GET", "/home/", 200},
		{"ben", "PUT", "/home/x", 201},
		{"ben", "COPY", "/photos/", 201},
	} {
		res, _ := h.ask(c.user, c.method, c.path, "", "Destination", "URL/home/photos/")
		if res.StatusCode != c.status {
			t.Errorf("%q: %s %s: %s, want %d", c.user, c.method, c.path, res.Status, c.status)
		}
	}
}

// OPTIONS of the server as a whole tells what the shares can do.
func TestOptionsOfTheServer(t *testing.T) {
	h := newHouse(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprint(conn, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	text, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 200 ") || !strings.Contains(string(text), "PUT") {
		t.Errorf("got\n%s", text)
	}
}

// The page offers what who asks may do. Who has not logged in is asked to by the first write.
func TestPageOffersWhatSomebodyMayDo(t *testing.T) {
	h := newHouse(t)
	h.ask("ben", "PUT", "/backup/b.txt", "b")
	for _, tt := range []struct {
		user, path string
		offers     string
	}{
		{"anna", "/photos/", "all"},
		{"anna", "/photos/new.txt?edit", "all"},
		{"", "/photos/shown/", "all"},
		{"ben", "/photos/shown/", "nothing"},
		{"ben", "/photos/shown/a.txt?view", "nothing"},
		{"ben", "/photos/shown/a.txt?edit", "nothing"},
		{"ben", "/backup/", "new"},
		{"ben", "/backup/new.txt?edit", "all"},
		{"ben", "/backup/b.txt?edit", "nothing"},
		{"ben", "/backup/b.txt?view", "nothing"},
		{"ben", "/home/", "all"},
		{"ben", "/", "nothing"},
	} {
		res, text := h.ask(tt.user, "GET", tt.path, "", "Accept", "text/html")
		offers := "all"
		switch {
		case strings.Contains(text, " data-readonly"):
			offers = "nothing"
		case strings.Contains(text, " data-kept"):
			offers = "new"
		}
		if res.StatusCode != 200 || offers != tt.offers {
			t.Errorf("%s: %s: %s, offers %s, want %s", tt.user, tt.path, res.Status, offers, tt.offers)
		}
	}
}

// Each share says on its pages which one it is.
func TestPagesNameTheirShare(t *testing.T) {
	h := newHouse(t)
	for path, want := range map[string]string{"/": "<title>/</title> <h1>Files</h1>", "/backup/": "<title>/backup/</title> <h1>backup</h1>",
		"/photos/shown/": "<title>/photos/shown</title> <h1>shown</h1>", "/photos/shown/a.txt?view": "<title>/photos/shown/a.txt</title> <h1>a.txt</h1>"} {
		_, text := h.ask("ben", "GET", path, "", "Accept", "text/html")
		for part := range strings.FieldsSeq(want) {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %s in\n%s", path, part, text)
			}
		}
	}
}

// The root holds nothing of what the shares hold: an archive of it would pass for one of all, and be empty.
func TestRootOfSharesHasNoArchive(t *testing.T) {
	h := newHouse(t)
	h.ask("ben", "PUT", "/backup/b.txt", "b")
	for _, path := range []string{"/?zip", "/?zip&m=backup"} {
		if res, text := h.ask("ben", "GET", path, ""); res.StatusCode != 403 || !strings.Contains(text, "each by itself") {
			t.Errorf("%s: %s %q", path, res.Status, text)
		}
	}
	if _, text := h.ask("ben", "GET", "/", "", "Accept", "text/html"); strings.Contains(text, "?zip") || !strings.Contains(text, " data-shares") {
		t.Errorf("the page offers an archive: %s", text)
	}
	if res, text := h.ask("ben", "GET", "/backup/?zip", ""); res.StatusCode != 200 || !strings.Contains(text, "b.txt") {
		t.Errorf("%s", res.Status)
	}
}

func TestWrongPasswordsAreThrottled(t *testing.T) {
	h := newHouse(t)
	for i := range 10 {
		if res, _ := h.ask("", "GET", "/photos/", "", "Authorization", "Basic YW5uYTp3cm9uZw=="); res.StatusCode != 401 {
			t.Fatalf("attempt %d: %s", i, res.Status)
		}
	}
	res, text := h.ask("anna", "GET", "/photos/", "")
	if after := res.Header.Get("Retry-After"); res.StatusCode != 429 || after == "" || !strings.Contains(text, "again in "+after+" s.") {
		t.Errorf("after ten failures: %s, Retry-After %q, %s", res.Status, after, text)
	}
	h.logged(`"msg":"login failed","remote":"127.0.0.1","user":"anna"`)
	h.logged(`"status":401,"bytes":19,"duration":`)
	h.logged(fmt.Sprintf(`"status":429,"bytes":%d,"duration":`, len(text)))
	if strings.Contains(strings.Join(h.lines(), "\n"), "wrong\"") {
		t.Error("a password is in the log")
	}
}

func TestCORS(t *testing.T) {
	h := newHouse(t)
	res, _ := h.ask("", "OPTIONS", "/photos/x", "", "Origin", "https://app.example", "Access-Control-Request-Method", "PROPFIND", "Access-Control-Request-Headers", "depth,if-match")
	if res.StatusCode != 204 || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "PROPFIND") || res.Header.Get("Access-Control-Allow-Headers") != "depth,if-match" {
		t.Errorf("preflight: %s %v", res.Status, res.Header)
	}
	if vary := strings.Join(res.Header["Vary"], ","); res.Header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(vary, "Origin") {
		t.Errorf("preflight of who logs in: %v", res.Header)
	}
	if res, _ := h.ask("", "OPTIONS", "/photos/x", "", "Origin", "https://app.example"); res.StatusCode != 200 || res.Header.Get("DAV") == "" {
		t.Errorf("no preflight: %s %v", res.Status, res.Header)
	}
	res, text := h.ask("", "GET", "/photos/shown/a.txt", "", "Origin", "https://app.example")
	exposed := res.Header.Get("Access-Control-Expose-Headers")
	if text != "a" || res.Header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(exposed, "ETag") || !strings.Contains(exposed, "Repr-Digest") || !strings.Contains(strings.Join(res.Header["Vary"], ","), "Origin") {
		t.Errorf("GET: %q %v", text, res.Header)
	}
	if res, _ = h.ask("", "GET", "/photos/x", "", "Origin", "https://app.example"); res.StatusCode != 401 || res.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a page cannot read the 401: %v", res.Header)
	}
	for path, origin := range map[string]string{"/photos/shown/a.txt": "https://evil.example", "/backup/": "https://app.example"} {
		if res, _ = h.ask("anna", "GET", path, "", "Origin", origin); res.Header.Get("Access-Control-Allow-Origin")+res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s is open to %s", path, origin)
		}
	}
}

// SIGHUP applies users, shares and rules; locks stay; a mistake changes nothing.
func TestReload(t *testing.T) {
	h := newHouse(t)
	res, _ := h.ask("anna", "LOCK", "/photos/doc", lockinfo)
	wantStatus(t, res, 201)
	token := res.Header.Get("Lock-Token")
	h.users("anna", "eve")
	h.write(strings.Replace(strings.Split(houseFile, "[[share]]\nprefix = \"/backup\"")[0], `who = ["anna"]`, `who = ["anna", "eve"]`, 1))
	h.reload(`"msg":"reloaded"`)
	for _, tt := range []struct {
		user, method, path string
		status             int
	}{
		{"ben", "GET", "/photos/", 401}, {"eve", "GET", "/photos/", 200}, {"anna", "GET", "/backup/", 404},
		{"anna", "GET", "/home/", 404}, {"eve", "PUT", "/photos/doc", 423},
	} {
		if res, _ := h.ask(tt.user, tt.method, tt.path, "x"); res.StatusCode != tt.status {
			t.Errorf("%s: %s %s: %s, want %d", tt.user, tt.method, tt.path, res.Status, tt.status)
		}
	}
	res, _ = h.ask("anna", "PUT", "/photos/doc", "x", "If", "("+strings.Trim(token, "()")+")")
	wantStatus(t, res, 204)
	h.write("users = 5\nnonsense = true\n" + houseFile)
	h.reload("the old configuration stays")
	if res, _ := h.ask("eve", "GET", "/photos/", ""); res.StatusCode != 200 {
		t.Errorf("after a bad file: %s", res.Status)
	}
}

func TestOpenOnlyOnLoopback(t *testing.T) {
	code, _, stderr := call(t.Context(), map[string]string{"XDG_STATE_HOME": t.TempDir()}, "serve", "--listen=0.0.0.0:0", t.TempDir())
	if code != 2 || !strings.Contains(stderr, "--no-auth") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

func TestPasswd(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "users"), "\uFEFFanna:x\n# mine\nben:y\n")
	code, _, stderr := call(t.Context(), nil, "passwd", file, "anna")
	if code != 2 || !strings.Contains(stderr, "password is missing") {
		t.Errorf("without a password: %d %s", code, stderr)
	}
	cmd := newCommand(os.Getenv)
	cmd.SetIn(strings.NewReader("secret\n"))
	cmd.SetArgs([]string{"passwd", file, "anna"})
	must(t, cmd.Execute())
	text, _ := os.ReadFile(file)
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[1] != "# mine" || lines[2] != "ben:y" ||
		bcrypt.CompareHashAndPassword([]byte(strings.TrimPrefix(lines[0], "anna:")), []byte("secret")) != nil {
		t.Error(fmt.Sprint("the file is now\n", string(text)))
	}
	link := filepath.Join(t.TempDir(), "users")
	must(t, os.Symlink("nowhere", link))
	if err := setUser(link, "anna", "hash"); err == nil {
		t.Error("a link that leads nowhere was replaced")
	}
}

func TestFileSaysHowToLog(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), "log-format = \"json\"\nlisten = \"nowhere.invalid:1\"\n[[share]]\nprefix = \"/\"\ndir = \""+dir+"\"\n")
	_, _, stderr := call(t.Context(), nil, "serve", "--state="+t.TempDir(), "--config="+file)
	if !strings.HasPrefix(stderr, `{"time"`) {
		t.Errorf("the log is not JSON:\n%s", stderr)
	}
}

// One share may let its files run as pages, and the others do not.
func TestTrustPagesIsForOneShare(t *testing.T) {
	h := houseWith(t, `[[share]]
prefix = "/site"
dir = "DIR/site"
trust-pages = true
[[share]]
prefix = "/files"
dir = "DIR/files"
`, "site", "files")
	h.open()
	for path, want := range map[string]string{"/site/a.html": "", "/files/a.html": "attachment"} {
		writeFile(t, filepath.Join(h.dir, path), "<h1>a</h1>")
		res, _ := h.ask("", "GET", path, "")
		wantStatus(t, res, http.StatusOK)
		if got := res.Header.Get("Content-Disposition"); got != want {
			t.Errorf("%s: Content-Disposition %q, want %q", path, got, want)
		}
	}
}

// One --state for all is a directory of its own for each home, too.
func TestHomesWithOneStateDirectory(t *testing.T) {
	h := houseWith(t, "users = \"DIR/users\"\nstate = \"DIR/state\"\n[[share]]\nprefix = \"/home\"\ndir = \"DIR/homes/{user}\"\n", "homes")
	h.open()
	for _, user := range []string{"anna", "ben"} {
		if res, text := h.ask(user, "PUT", "/home/x", user); res.StatusCode != 201 {
			t.Error(user, res.Status, text)
		}
	}
	for _, user := range []string{"anna", "ben"} {
		if _, text := h.ask(user, "GET", "/home/x", ""); text != user {
			t.Error(user, text)
		}
		if state := filepath.Join(h.dir, "state", ownName(filepath.Join(h.dir, "homes", user))); !isDir(state) {
			t.Error("no state in", state)
		}
	}
}

// Who may write in one place and only add in another replaces nothing there by moving.
func TestMoveToWhereOneMayOnlyAdd(t *testing.T) {
	h := houseWith(t, `users = "DIR/users"
[[share]]
prefix = "/s"
dir = "DIR/s"
[[share.rule]]
who = ["ben"]
may = "append"
[[share.rule]]
path = "/desk"
who = ["ben"]
may = "write"
`, "s/desk/c", "s/c")
	for _, name := range []string{"desk/a", "a"} {
		writeFile(t, filepath.Join(h.dir, "s", name), name)
	}
	h.open()
	for _, tt := range []struct {
		path, to string
		status   int
	}{{"a", "a", 403}, {"c/", "c/", 403}, {"c/", "a", 403}, {"a", "c", 403}, {"a", "new", 201}, {"c/", "more/", 201}} {
		res, say := h.ask("ben", "MOVE", "/s/desk/"+tt.path, "", "Destination", "URL/s/"+tt.to, "Overwrite", "T")
		if res.StatusCode != tt.status {
			t.Errorf("%s to %s: %s: %s", tt.path, tt.to, res.Status, say)
		}
	}
	if _, text := h.ask("ben", "GET", "/s/a", ""); text != "a" {
		t.Errorf("a is %q", text)
	}
}
