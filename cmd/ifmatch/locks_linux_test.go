package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ifmatch/cmd/ifmatch/admin"
)

// beside is the environment in which commands look for the state where p has it.
func (p *process) beside() map[string]string {
	env := map[string]string{}
	for _, entry := range p.cmd.Env {
		name, value, _ := strings.Cut(entry, "=")
		if name == "XDG_STATE_HOME" {
			env[name] = value
		}
	}
	return env
}

// locks runs "ifmatch locks" beside p and wants an exit code.
func (p *process) locks(code int, args ...string) string {
	p.t.Helper()
	got, out, errs := call(p.t.Context(), p.beside(), append([]string{"locks"}, args...)...)
	if got != code {
		p.t.Fatalf("locks %q: exit code %d, want %d\n%s%s", args, got, code, out, errs)
	}
	return out + errs
}

// lock takes a lock as user and returns its token.
func (h *house) lock(user, path, depth, scope, owner string) (token string) {
	h.t.Helper()
	res, _ := h.ask(user, "LOCK", path, `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:`+scope+
		`/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>`+owner+`</D:owner></D:lockinfo>`, "Depth", depth)
	wantStatus(h.t, res, 200, 201)
	return strings.Trim(res.Header.Get("Lock-Token"), "<>")
}

func TestLocksAreListed(t *testing.T) {
	h := newHouse(t)
	if out := h.locks(0); out != "no locks\n" {
		t.Errorf("without locks: %q", out)
	}
	if out := h.locks(0, "--json"); out != "[]\n" {
		t.Errorf("without locks, --json: %q", out)
	}
	tokens := []string{
		h.lock("anna", "/photos/a%20%01.txt", "0", "exclusive", "<D:href>mailto:anna@example</D:href>\u009b31m"),
		h.lock("anna", "/photos/secret/", "infinity", "shared", "Anna"),
		h.lock("ben", "/home/x", "0", "exclusive", ""),
	}

	table := h.locks(0)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) != 4 {
		t.Fatalf("the table has %d lines:\n%s", len(lines), table)
	}
	for i, want := range [][]string{
		{"ID", "SHARE", "PATH", "DEPTH", "SCOPE", "USER", "OWNER", "ENDS"},
		{"/home", "/home/x", "0", "exclusive", "ben", "-", time.Now().Local().Format("2006-")},
		{"/photos", "/photos/a ?.txt", "0", "exclusive", "anna", "mailto:anna@example ?31m"}, // nothing that moves a terminal
		{"/photos", "/photos/secret", "infinity", "shared", "anna", "Anna"},
	} {
		rest := lines[i]
		for _, w := range want {
			before, after, ok := strings.Cut(rest, w)
			if rest = after; !ok || i == 0 && strings.TrimSpace(before) != "" {
				t.Errorf("line %d is %q, want %q", i, lines[i], want)
			}
		}
	}

	var list []admin.Lock
	text := h.locks(0, "--json")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 3 {
		t.Fatalf("--json: %v, %s", err, text)
	}
	if l := list[2]; l.ID != admin.ID(tokens[1]) || l.Token != "" || l.Share != "/photos" || l.Dir != filepath.Join(h.dir, "photos") ||
		l.Path != "/photos/secret" || l.Depth != "infinity" || l.Scope != "shared" || l.User != "anna" || l.Owner != "Anna" ||
		time.Until(l.Ends) < time.Minute {
		t.Errorf("--json tells %+v", l)
	}
	if list[1].Path != "/photos/a \x01.txt" {
		t.Errorf("--json tells the path %q", list[1].Path)
	}
	for _, token := range tokens {
		secret := strings.TrimPrefix(token, "urn:uuid:")
		if strings.Contains(table+text, secret[:13]) {
			t.Error("a token is listed")
		}
		if !strings.Contains(h.locks(0, "--tokens"), token) || !strings.Contains(h.locks(0, "--tokens", "--json"), token) {
			t.Error("a token is not listed with --tokens")
		}
	}
}

func TestLocksAreBroken(t *testing.T) {
	h := newHouse(t)
	a := h.lock("anna", "/photos/a", "0", "exclusive", "Anna's laptop")
	b := h.lock("anna", "/photos/b", "0", "exclusive", "")
	c := h.lock("anna", "/photos/secret", "infinity", "shared", "")
	h.lock("anna", "/photos/secret", "infinity", "shared", "")
	h.lock("anna", "/home/x", "0", "exclusive", "")
	x := h.lock("ben", "/home/x", "0", "exclusive", "")

	for what, want := range map[string]string{
		"/photos/nothing":      "there is no such lock",
		"/photos/secret/a.txt": "one on /photos/secret that holds for it",
		"urn:uuid:nothing":     "there is no such lock",
		admin.ID(a)[:3]:        "there is no such lock", // too short
		"/home/x":              "any of 2 locks",        // in two homes
	} {
		if out := h.locks(1, "break", what); !strings.Contains(out, want) {
			t.Errorf("break %s: %q, want %q", what, out, want)
		}
	}
	if res, _ := h.ask("anna", "PUT", "/photos/a", "x"); res.StatusCode != 423 {
		t.Fatalf("PUT on a locked file: %s", res.Status)
	}
	if out := h.locks(0, "break", admin.ID(a)[:6]); out != "broke the exclusive lock "+admin.ID(a)+" of anna on /photos/a\n" {
		t.Errorf("by ID: %q", out)
	}
	res, _ := h.ask("anna", "PUT", "/photos/a", "x")
	wantStatus(t, res, 204)
	res, _ = h.ask("anna", "UNLOCK", "/photos/a", "", "Lock-Token", "<"+a+">")
	wantStatus(t, res, 409)
	if out := h.locks(0, "break", "<"+b+">"); !strings.Contains(out, "on /photos/b\n") {
		t.Errorf("by token: %q", out)
	}
	if out := h.locks(0, "break", "/photos/secret/"); strings.Count(out, "broke the shared lock") != 2 {
		t.Errorf("by path: %q", out)
	}
	var broken []admin.Lock
	if out := h.locks(0, "break", "--json", x); json.Unmarshal([]byte(out), &broken) != nil || len(broken) != 1 || broken[0].User != "ben" {
		t.Errorf("break --json: %q", out)
	}
	if out := h.locks(0); strings.Count(out, "\n") != 2 || !strings.Contains(out, "/home/x") {
		t.Errorf("left:\n%s", out)
	}

	us, err := user.Current()
	must(t, err)
	h.logged(`"msg":"a lock was broken","by":"` + us.Username + `","path":"/photos/a"`)
	h.logged(`"owner":"Anna's laptop"`)
	for _, token := range []string{a, b, c, x} {
		if strings.Contains(strings.Join(h.lines(), "\n"), strings.TrimPrefix(token, "urn:uuid:")) {
			t.Error("a token is in the log")
		}
	}

	// A broken lock stays broken.
	state := h.beside()
	h.stop(syscall.SIGTERM)
	again := start(t, []string{"env", "XDG_STATE_HOME=" + state["XDG_STATE_HOME"]}, "--config="+h.file)
	h.url = again.url
	h.ask("anna", "GET", "/home/", "") // homes are opened when their users come
	h.ask("ben", "GET", "/home/", "")
	_, out, _ := call(t.Context(), state, "locks")
	if strings.Count(out, "\n") != 2 {
		t.Errorf("after a restart:\n%s", out)
	}
	again.stop(syscall.SIGTERM)
}

// The socket is there while the server runs, and one that a killed server left is in nobody's way.
func TestAdminSocketComesAndGoes(t *testing.T) {
	// Longer than an address of a socket may be.
	state := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	socket := filepath.Join(state, "admin.sock")
	locks := func() (int, string) {
		code, out, errs := call(t.Context(), nil, "locks", "--state="+state)
		return code, out + errs
	}
	none := func(when string) {
		t.Helper()
		if code, out := locks(); code != 1 || !strings.Contains(out, "no server runs that keeps its state in "+state) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %d, %q", when, code, out)
		}
	}
	none("before the first start")
	p := start(t, nil, "--state="+state, t.TempDir())
	if fi, err := os.Stat(socket); err != nil || fi.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v", fi.Mode(), err)
	}
	for _, env := range []map[string]string{{"IFMATCH_STATE": state}, {"STATE_DIRECTORY": filepath.Dir(state)}} {
		if code, out, errs := call(t.Context(), env, "locks"); code != 0 || out != "no locks\n" {
			t.Errorf("%v: %d, %q", env, code, out+errs)
		}
	}
	p.stop(syscall.SIGKILL)
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("after kill -9: %v", err)
	}
	none("after kill -9")
	p = start(t, nil, "--state="+state, t.TempDir())
	if code, out := locks(); code != 0 {
		t.Errorf("after a restart: %d, %q", code, out)
	}
	p.stop(syscall.SIGTERM)
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after SIGTERM the socket is there: %v", err)
	}
	none("after SIGTERM")
}

// Nobody else gets an answer, not even when somebody made the socket accessible.
func TestAdminSocketIsForTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("it takes two users: run the tests as root, as CI does")
	}
	state := t.TempDir()
	must(t, os.Chmod(filepath.Dir(state), 0o711))
	dir := t.TempDir()
	start(t, nil, "--state="+state, dir)
	wants := func(mode os.FileMode, dirMode os.FileMode, want string) {
		t.Helper()
		must(t, errors.Join(os.Chmod(filepath.Join(state, "admin.sock"), mode), os.Chmod(state, dirMode)))
		if code, errs := asNobody(t, "locks", "--state="+state); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("mode %o: %d, %q", mode, code, errs)
		}
	}
	wants(0o600, 0o700, "no permission to look for a server there")
	wants(0o600, 0o755, "no permission to talk to the server")
	wants(0o666, 0o755, "only root and the user that the server runs as may ask")
}
