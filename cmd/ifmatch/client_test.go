package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// person is somebody at a shell with a home directory of their own.
type person struct {
	t    *testing.T
	home string
	env  map[string]string
}

func newPerson(t *testing.T) *person {
	home := t.TempDir()
	return &person{t, home, map[string]string{"HOME": home}}
}

// run runs a command; what it says is on stdout and stderr together.
func (p *person) run(args ...string) (code int, says string) {
	p.t.Helper()
	code, stdout, stderr := call(p.t.Context(), p.env, args...)
	return code, stdout + stderr
}

// want runs a command that must end with the code and say the words.
func (p *person) want(code int, words string, args ...string) {
	p.t.Helper()
	got, says := p.run(args...)
	if got != code || !strings.Contains(says, words) {
		p.t.Errorf("%q: exit code %d, want %d; it says %q, want %q in it", args, got, code, says, words)
	}
}

func (p *person) file(name string) string { return filepath.Join(p.home, name) }

func (p *person) write(name, text string) string {
	p.t.Helper()
	if err := os.WriteFile(p.file(name), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return p.file(name)
}

// editor makes $EDITOR a shell script; "$1" is the file to edit.
func (p *person) editor(script string) {
	p.t.Helper()
	path := p.write("editor.sh", "#!/bin/sh\nset -e\n"+script+"\n")
	p.env["EDITOR"] = "sh " + path
}

// shows checks what the server has.
func shows(t *testing.T, url, want string) {
	t.Helper()
	res, text := send(t, "GET", url, nil)
	if res.StatusCode != 200 || text != want {
		t.Errorf("GET %s: %s %q, want %q", url, res.Status, text, want)
	}
}

func TestPutAndGet(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a, b := newPerson(t), newPerson(t)
	fa, fb := a.write("todo.txt", "milk\n"), b.file("todo.txt")

	a.want(4, "404", "get", url, a.file("other"))
	a.want(0, "created", "put", fa, url)
	b.want(0, "fetched", "get", url, fb)
	b.want(0, "up to date", "get", url, fb)
	b.write("todo.txt", "milk\neggs\n")
	b.want(3, "changed here", "get", url, fb)
	b.want(0, "saved", "put", fb, url)
	shows(t, url, "milk\neggs\n")

	a.write("todo.txt", "bread\n")
	a.want(3, "has changed since you fetched it", "put", fa, url)
	shows(t, url, "milk\neggs\n")
	a.want(0, "overwriting "+url+" (10 bytes", "put", "--force", fa, url)
	shows(t, url, "bread\n")
	b.want(0, "(6 bytes", "get", url, fb)
}

func TestPutRefusesBlindly(t *testing.T) {
	url := start(t, nil, "--memory").url + "/"
	a, b := newPerson(t), newPerson(t)
	a.want(0, "created", "put", a.write("x", "a's"), url)
	b.want(3, "was not made from it", "put", b.write("x", "b's"), url)
	shows(t, url+"x", "a's")
	b.want(3, "did not come from", "get", url+"x", b.file("x"))
	b.want(0, "fetched", "get", "--force", url+"x", b.file("x"))
	if text, _ := os.ReadFile(b.file("x")); string(text) != "a's" {
		t.Errorf("fetched %q", text)
	}
}

func TestEdit(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.editor(`printf 'milk\neggs\n' >"$1"; case "$1" in */todo.txt) ;; *) exit 9;; esac`)
	a.want(0, "saved", "edit", url)
	shows(t, url, "milk\neggs\n")
	a.want(0, "nothing changed", "edit", url)
	a.editor(`exit 3`)
	a.want(1, "exit status 3", "edit", url)
	a.editor(`echo lost >"$1"; exit 3`)
	a.want(1, "your text is in", "edit", url)
	shows(t, url, "milk\neggs\n")
	a.keeps("lost\n")
}

// An editor that is killed has not saved, and leaves what was typed beside the file: vim a .swp, nano a .save.
func TestEditKeepsWhatAKilledEditorLeaves(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.want(0, "created", "put", a.write("todo.txt", "milk\n"), url)
	a.editor(`echo typed >"$1.save"; kill -9 $$`)
	a.want(1, "what the editor left is in", "edit", url)
	left, err := filepath.Glob(a.file(".local/state/ifmatch/client/edit-*/todo.txt.save"))
	if err != nil || len(left) != 1 {
		t.Errorf("left are %q: %v", left, err)
	}
}

// keeps checks that the one text left behind by a failed edit is this one.
func (p *person) keeps(want string) {
	p.t.Helper()
	files, err := filepath.Glob(p.file(".local/state/ifmatch/client/edit-*/*"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("texts that were kept: %q, %v", files, err)
	}
	if text, err := os.ReadFile(files[0]); err != nil || string(text) != want {
		p.t.Errorf("kept %q, %v, want %q", text, err, want)
	}
}

// while makes p's first edit wait until the other has done something.
func (p *person) while(url, edit string, other func()) (code int, says string) {
	p.t.Helper()
	started, done := p.file("started"), p.file("done")
	p.editor(`if [ ! -e ` + started + ` ]; then
	touch ` + started + `
	while [ ! -e ` + done + ` ]; do sleep 0.01; done
fi
` + edit)
	go func() {
		for p.t.Context().Err() == nil {
			if _, err := os.Stat(started); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		other()
		p.write("done", "")
	}()
	return p.run("edit", url)
}

func TestEditMergesWhatDoesNotConflict(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.want(0, "created", "put", a.write("x", "milk\neggs\nbread\n"), url)
	code, says := a.while(url, `sed -i s/milk/MILK/ "$1"`, func() {
		send(t, "PUT", url, strings.NewReader("milk\neggs\nBREAD\n"))
	})
	if code != 0 || !strings.Contains(says, "both edits are merged") {
		t.Errorf("exit code %d, %q", code, says)
	}
	shows(t, url, "MILK\neggs\nBREAD\n")
}

func TestEditShowsConflicts(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.want(0, "created", "put", a.write("x", "milk\n"), url)
	// Whoever gets markers takes both sides.
	code, says := a.while(url, `if grep -q '^<<<<<<< yours' "$1"; then
	cp "$1" `+a.file("conflict")+`
	sed -i '/^<<<<<<< /d; /^=======$/d; /^>>>>>>> /d' "$1"
else echo soap >"$1"; fi`, func() {
		send(t, "PUT", url, strings.NewReader("eggs\n"))
	})
	if code != 0 || !strings.Contains(says, "in one place both of you changed the same lines") {
		t.Errorf("exit code %d, %q", code, says)
	}
	shows(t, url, "soap\neggs\n")
	text, _ := os.ReadFile(a.file("conflict"))
	if !bytes.HasPrefix(text, []byte("<<<<<<< yours\nsoap\n=======\neggs\n>>>>>>> theirs, saved ")) {
		t.Errorf("the conflict was shown as %q", text)
	}
}

func TestEditKeepsWhatItCannotSave(t *testing.T) {
	server := start(t, nil, "--memory").url
	tests := []struct {
		name       string
		base       string
		other      func(url string)
		code       int
		says, kept string
		there      string
	}{
		{"markers left", "milk\n", func(url string) { send(t, "PUT", url, strings.NewReader("eggs\n")) }, 3, "conflict markers", "", "eggs\n"},
		{"deleted meanwhile", "milk\n", func(url string) { send(t, "DELETE", url, nil) }, 3, "deleted meanwhile", "soap\n", ""},
		{"not a text", "\x00\n", func(url string) { send(t, "PUT", url, strings.NewReader("\x00\x00\n")) }, 3, "not a text", "soap\n", "\x00\x00\n"},
		{"created meanwhile", "", func(url string) { send(t, "PUT", url, strings.NewReader("eggs\n")) }, 3, "conflict markers", "", "eggs\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := server + "/" + strings.ReplaceAll(tt.name, " ", "-")
			if tt.base != "" {
				send(t, "PUT", url, strings.NewReader(tt.base))
			}
			a := newPerson(t)
			code, says := a.while(url, `grep -q '^<<<<<<<' "$1" || echo soap >"$1"`, func() { tt.other(url) })
			if code != tt.code || !strings.Contains(says, tt.says) || !strings.Contains(says, "your text is in") {
				t.Errorf("exit code %d, %q", code, says)
			}
			if tt.kept != "" {
				a.keeps(tt.kept)
			}
			if tt.there != "" {
				shows(t, url, tt.there)
			}
		})
	}
}

func TestRemoveAndList(t *testing.T) {
	server := start(t, nil, "--memory").url
	a := newPerson(t)
	for _, c := range []string{"/d/", "/d/sub/"} {
		res, _ := send(t, "MKCOL", server+c, nil)
		wantStatus(t, res, 201)
	}
	a.want(0, "created", "put", a.write("b c#.txt", "1234567"), server+"/d/")
	a.want(0, "b c#.txt\nsub/\n", "ls", "-q", server+"/d/")
	a.want(0, "b c#.txt\nsub/\n", "ls", "-q", server+"/d")
	a.want(0, "7 bytes", "ls", "--long", server+"/d/b%20c%23.txt")
	a.want(0, `{"name":"sub","mapped":true,"collection":true`, "ls", "--json", server+"/d/")
	a.want(3, "--recursive", "rm", server+"/d")
	a.want(0, "deleting", "rm", server+"/d/b%20c%23.txt")
	a.want(4, "404", "rm", server+"/d/b%20c%23.txt")
	a.want(0, "", "rm", "-r", server+"/d")
	a.want(4, "404", "ls", server+"/d/")
}

// saved keeps what is written, and does something after the first of it.
type saved struct {
	bytes.Buffer
	then func()
}

func (s *saved) Write(p []byte) (int, error) {
	if s.Len() == 0 {
		defer s.then()
	}
	return s.Buffer.Write(p)
}

func TestWatch(t *testing.T) {
	url := start(t, nil, "--memory").url + "/x"
	a := newPerson(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stdout := &saved{then: func() { trySend(http.DefaultClient, "PUT", url, strings.NewReader("abc")) }}
	var stderr bytes.Buffer
	args := []string{"watch", "--once", "--interval=1h", url} // the server says when
	code := run(ctx, args, strings.NewReader(""), stdout, &stderr, func(name string) string { return a.env[name] })
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if code != 0 || len(lines) != 2 || !strings.Contains(lines[0], "nothing there") || !strings.Contains(lines[1], "3 bytes") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, &stderr)
	}
}

func TestClientMistakes(t *testing.T) {
	a := newPerson(t)
	a.want(2, "usage: ifmatch get", "get")
	a.want(2, "usage: ifmatch put", "put", "x")
	a.want(2, "not a URL", "get", "example.org/x")
	a.want(2, "%23", "get", "http://example.org/x#y")
	a.want(2, "begins with http:// or https://", "get", "127.0.0.1:8080/x")
	a.want(2, "invalid URL escape", "get", "http://example.org/100%")
	a.want(2, "names no file", "get", "http://example.org/")
	a.want(2, "names no file", "get", "http://example.org/dir/")
	a.want(1, "ifmatch: PROPFIND http://127.0.0.1:1/: dial tcp 127.0.0.1:1: connect: connection refused", "ls", "http://127.0.0.1:1/")
	a.want(1, "no such file", "put", a.file("none"), "http://127.0.0.1:1/")
	t.Setenv("HOME", "")
	a.env = nil
	a.want(2, "ifmatch: no directory for state is known ", "get", "http://127.0.0.1:1/x")
}

// What a collection is taken for by mistake: each command says what it is, before anything is written or opened.
func TestCollectionsAreNoFiles(t *testing.T) {
	server := start(t, nil, "--memory").url
	res, _ := send(t, "MKCOL", server+"/d/", nil)
	wantStatus(t, res, 201)
	a := newPerson(t)
	a.editor("exit 9")
	a.want(3, "with a slash behind it", "put", a.write("x", "text"), server+"/d")
	a.want(3, "with a slash behind it", "put", "--force", a.file("x"), server+"/d")
	a.want(0, "created", "put", a.file("x"), server+"/d/")
	a.want(3, "a collection has none", "edit", server+"/d")
	a.want(3, "a collection has none", "watch", server+"/d")
	if code, says := a.run("rm", server+"/d"); code != 3 || strings.Contains(says, "deleting") {
		t.Errorf("exit code %d, %q", code, says)
	}
	shows(t, server+"/d/x", "text")
}

// TestLogin asks a server that wants ann's password. What is nearer to the user counts more.
func TestLogin(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "p:w" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		w.Header().Set("ETag", `"1"`)
		io.WriteString(w, "hello")
	}))
	defer s.Close()
	netrc := "machine 127.0.0.1\nlogin ann\npassword p:w\n"
	for _, tt := range []struct {
		name  string
		env   map[string]string
		netrc string
		args  []string
		code  int
	}{
		{"nobody", nil, "", nil, 5},
		{"--user", nil, "", []string{"--user=ann:p:w"}, 0},
		{"environment", map[string]string{"IFMATCH_USER": "ann:p:w"}, "", nil, 0},
		{"password in the environment", map[string]string{"IFMATCH_PASSWORD": "p:w"}, "", []string{"--user=ann"}, 0},
		{"netrc", nil, netrc, nil, 0},
		{"netrc, for one user", nil, netrc, []string{"--user=ann"}, 0},
		{"netrc, for one of two users", nil, strings.Replace(netrc, "ann", "ben", 1) + netrc, []string{"--user=ann"}, 0},
		{"--user beats netrc", nil, netrc, []string{"--user=ben:x"}, 5},
		{"default of netrc", nil, "machine other\nlogin x\npassword y\ndefault\nlogin ann\npassword p:w\n", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newPerson(t)
			for k, v := range tt.env {
				a.env[k] = v
			}
			if tt.netrc != "" {
				a.env["NETRC"] = a.write("netrc", tt.netrc)
			}
			code, says := a.run(append([]string{"get", s.URL + "/x", "-"}, tt.args...)...)
			if code != tt.code || code == 0 && says != "hello" {
				t.Errorf("exit code %d, want %d; it says %q", code, tt.code, says)
			}
			if code == 5 && !strings.Contains(says, "who are you?") {
				t.Errorf("the server's sentence is missing in %q", says)
			}
		})
	}
	newPerson(t).want(0, "hello", "get", strings.Replace(s.URL, "//", "//ann:p%3Aw@", 1)+"/x", "-")
	a, b, named := newPerson(t), newPerson(t), strings.Replace(s.URL, "//", "//ann@", 1)+"/x"
	a.env["IFMATCH_PASSWORD"] = "p:w"
	a.want(0, "hello", "get", named, "-")
	b.env["NETRC"] = b.write("netrc", netrc)
	b.want(0, "hello", "get", named, "-")
	b.want(5, "who are you?", "get", strings.Replace(named, "ann", "ann:", 1), "-")
}

// TestCredentialsStayWithTheirServer follows a redirect to another host.
func TestCredentialsStayWithTheirServer(t *testing.T) {
	var got http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer other.Close()
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	s := httptest.NewServer(http.RedirectHandler(elsewhere, http.StatusFound))
	defer s.Close()
	a := newPerson(t)
	a.want(0, "", "get", "--user=ann:pw", s.URL+"/x", "-")
	if got == nil || got.Get("Authorization") != "" {
		t.Errorf("the other host got %v", got)
	}
	a.want(1, "writes do not follow", "put", "--force", a.write("x", "text"), redirectPut(t, elsewhere)+"/x")
}

// redirectPut serves reads and sends writes elsewhere.
func redirectPut(t *testing.T, elsewhere string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestDoctorFindsUsHealthy(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	})
	for name, args := range map[string][]string{"disk": {dir}, "memory": {"--memory"}, "strict": {"--memory", "--require-if-match", "on"}, "small": {"--memory", "--max-upload", "200KB"},
		"content": {"--memory", "--etag", "content"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // an examination waits most of its time
			a := newPerson(t)
			url := start(t, nil, args...).url
			a.want(0, " 0 wrong, ", "doctor", url)
			if name == "memory" {
				a.want(0, `"healthy": true`, "doctor", "--json", url)
			}
		})
	}
}

// What was done before the tag could not be remembered is said to be done: who believes otherwise does it again.
func TestPutSaysWhatIsDoneAndNotRemembered(t *testing.T) {
	url := start(t, nil, "--memory").url + "/todo.txt"
	a := newPerson(t)
	a.env["XDG_STATE_HOME"] = a.write("full", "")
	a.want(1, "it is done, but its ETag cannot be remembered", "put", a.write("todo.txt", "milk\n"), url)
	shows(t, url, "milk\n")
}

// A server that asks for conditions has a collection deleted by the time that was seen.
func TestRemoveCollectionWithCondition(t *testing.T) {
	url := start(t, nil, "--memory", "--require-if-match", "on").url + "/"
	a := newPerson(t)
	send(t, "MKCOL", url+"c/", nil)
	a.want(0, "created", "put", a.write("x", "text"), url+"c/")
	a.want(0, "deleting", "rm", "-r", url+"c/")
	a.want(4, "404", "ls", url+"c/")
}
