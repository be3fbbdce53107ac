//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ifmatch/fs"
)

// siteOf serves a file in which DIR is a new directory; reload has the site use another one.
func siteOf(t *testing.T, text string) (s *site, dir string, reload func(text string) error) {
	t.Helper()
	dir = t.TempDir()
	state := t.TempDir()
	s = newSite(slog.New(slog.DiscardHandler), os.Getenv)
	close(s.dirs.listening)
	t.Cleanup(s.close)
	reload = func(text string) error {
		file := filepath.Join(t.TempDir(), "ifmatch.toml")
		writeFile(t, file, strings.ReplaceAll(text, "DIR", dir))
		flags := defaultSettings().flags()
		must(t, flags.Parse([]string{"--state=" + state, "--config=" + file}))
		set, err := newSource(flags, "").load()
		must(t, err)
		return s.use(set)
	}
	for _, d := range []string{"a", "b"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	must(t, reload(text))
	return s, dir, reload
}

func ask(s *site, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const twoShares = `no-auth = true
[[share]]
prefix = "/a"
dir = "DIR/a"
[[share]]
prefix = "/b"
dir = "DIR/b"
`

// refusing is a directory that cannot be had in another way.
type refusing struct{ fs.FS }

func (refusing) Ready(fs.RootOptions) (func(), error) { return nil, errors.New("refused") }

// What cannot be applied to one directory is applied to none.
func TestReloadAppliesAllOrNothing(t *testing.T) {
	s, dir, reload := siteOf(t, "durability = \"none\"\n"+twoShares)
	syncs := func() uint64 { n := s.dirs.totals().tree.Syncs; return n.Count() }
	before := syncs()
	if w := ask(s, "PUT", "/a/f", "x"); w.Code != 201 || syncs() != before {
		t.Errorf("%d, %d fsyncs", w.Code, syncs()-before)
	}
	b := s.dirs.open[filepath.Join(dir, "b")]
	b.base = refusing{b.base}
	const all = "quota = \"1KiB\"\netag = \"content\"\numask = \"0077\"\n"
	for range 3 { // the directories come in any order
		if err := reload(all + twoShares); err == nil || err.Error() != "refused" {
			t.Fatal(err)
		}
		before = syncs()
		w := ask(s, "PUT", "/a/f", strings.Repeat("x", 2000))
		if w.Code != 204 || w.Header().Get("ETag")[1] != 's' || syncs() != before {
			t.Errorf("%d %v, %d fsyncs", w.Code, w.Header(), syncs()-before)
		}
		if w = ask(s, "PUT", "/b/f", "x"); w.Code/100 != 2 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	b.base = b.base.(refusing).FS
	must(t, reload(all+twoShares))
	before = syncs()
	w := ask(s, "PUT", "/a/new", "x")
	if w.Code != 507 { // f has 2000 of 1024 bytes
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w = ask(s, "PUT", "/a/f", "x"); w.Code != 204 || w.Header().Get("ETag")[1] != 'h' || syncs() != before+2 {
		t.Errorf("%d %v, %d fsyncs", w.Code, w.Header(), syncs()-before)
	}
	if w = ask(s, "PUT", "/b/new", "x"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if fi, err := os.Stat(filepath.Join(dir, "b/new")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
}

// Hashing in the background goes on while tags are made of contents, and only then.
func TestReloadBeginsAndEndsHashing(t *testing.T) {
	s, dir, reload := siteOf(t, twoShares)
	a := filepath.Join(dir, "a")
	for i, mode := range []string{"stat", "content", "content", "stat", "content", "stat"} {
		before := s.dirs.totals().tree.HashedFiles
		writeFile(t, filepath.Join(a, fmt.Sprint(i)), strings.Repeat("x", i+1))
		must(t, reload("etag = \""+mode+"\"\n"+twoShares))
		if hashing := s.dirs.open[a].stopHashing != nil; hashing != (mode == "content") {
			t.Errorf("%s: %v", mode, hashing)
		}
		if mode != "content" {
			continue
		}
		ask(s, "PROPFIND", "/a/", "", "Depth", "1") // a listing asks for what it meets, and hashes nothing
		eventually(t, func() error {
			if s.dirs.totals().tree.HashedFiles == before {
				return errors.New("nothing is hashed")
			}
			return nil
		})
	}
}

// A directory has one state directory for as long as it is served: its locks are in there.
func TestReloadLeavesTheStateWhereItIs(t *testing.T) {
	s, dir, _ := siteOf(t, twoShares)
	o := s.dirs.open[filepath.Join(dir, "a")]
	other := *o.settings
	other.state = "/elsewhere"
	if _, err := o.prepare(&other); err == nil || !strings.Contains(err.Error(), "takes a restart") {
		t.Error(err)
	}
}

// Whoever moves a share finds in the log under which name its locks and properties are looked for now.
func TestMovedShareSaysWhereItsStateIs(t *testing.T) {
	state := t.TempDir()
	wrap := []string{"env", "STATE_DIRECTORY=" + state}
	old := filepath.Join(t.TempDir(), "photos")
	moved := filepath.Join(t.TempDir(), "photos")
	must(t, os.Mkdir(old, 0o755))
	p := start(t, wrap, old)
	was := p.stateBegun()
	res, _ := send(t, "LOCK", p.url+"/a", strings.NewReader(lockinfo))
	wantStatus(t, res, 201)
	p.stop(syscall.SIGTERM)
	p = start(t, wrap, old)
	if p.count("start empty") != 0 {
		t.Error("it starts empty again")
	}
	p.stop(syscall.SIGTERM)
	must(t, os.Rename(old, moved))
	p = start(t, wrap, moved)
	now := p.stateBegun()
	p.logged(`"file system tried","dir":"` + moved + `"`)
	p.stop(syscall.SIGTERM)
	must(t, errors.Join(os.RemoveAll(now), os.Rename(was, now)))
	p = start(t, wrap, moved)
	res, _ = send(t, "PUT", p.url+"/a", strings.NewReader("x"))
	wantStatus(t, res, 423)
}

// stateBegun is the state directory of which the log says that it starts empty.
func (p *process) stateBegun() string {
	p.t.Helper()
	p.logged("start empty")
	for _, line := range p.lines() {
		if _, path, ok := strings.Cut(line, `"state":"`); ok && strings.Contains(line, "start empty") {
			return strings.TrimRight(path, "\"}")
		}
	}
	return ""
}

// What is opened by who has not heard of a reload yet is opened as the reload says.
func TestHomeOpenedAcrossAReload(t *testing.T) {
	homes := strings.Replace(strings.Replace(twoShares, "no-auth = true", "user-header = \"X-User\"\ntrusted-proxies = [\"192.0.2.1\"]", 1), "DIR/b", "DIR/b/{user}", 1)
	s, dir, reload := siteOf(t, homes)
	old := s.enter()
	must(t, reload("umask = \"0077\"\n"+homes))
	r := httptest.NewRequest("PUT", "/b/f", strings.NewReader("x"))
	r.Header.Set("X-User", "anna")
	w := httptest.NewRecorder()
	old.ServeHTTP(w, r)
	old.mu.RUnlock()
	if w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w = ask(s, "PUT", "/b/g", "x", "X-User", "anna"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, name := range []string{"f", "g"} {
		if fi, err := os.Stat(filepath.Join(dir, "b/anna", name)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", fi, err)
		}
	}
}

// waiting is a directory whose disk does not answer until it is told to.
type waiting struct {
	fs.FS
	asked, goOn chan struct{}
}

func (w waiting) Ready(o fs.RootOptions) (func(), error) {
	close(w.asked)
	<-w.goOn
	return w.FS.Ready(o)
}

// While a reload waits for one disk, who needs another one does not; and what is opened meanwhile is changed as well.
func TestReloadHoldsNobodyUp(t *testing.T) {
	const homes = "[[share]]\nprefix = \"/home\"\ndir = \"DIR/b/{user}\"\n"
	text := strings.Replace(strings.Split(twoShares, "[[share]]\nprefix = \"/b\"")[0]+homes, "no-auth = true", "user-header = \"X-User\"\ntrusted-proxies = [\"192.0.2.1\"]", 1)
	s, dir, reload := siteOf(t, text)
	a := s.dirs.open[filepath.Join(dir, "a")]
	w := waiting{a.base, make(chan struct{}), make(chan struct{})}
	a.base = w
	done := make(chan error)
	go func() { done <- reload("umask = \"0077\"\n" + text) }()
	<-w.asked
	s.dirs.totals()
	if w := ask(s, "PUT", "/home/f", "x", "X-User", "anna"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(w.goOn)
	must(t, <-done)
	if w := ask(s, "PUT", "/home/g", "x", "X-User", "anna"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if fi, err := os.Stat(filepath.Join(dir, "b/anna/g")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
}

// held is a log that takes no line while there is one in it: what opens a directory waits there, as for its disk.
type held chan struct{}

func (h held) Enabled(context.Context, slog.Level) bool { return true }
func (h held) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h held) WithGroup(string) slog.Handler            { return h }
func (h held) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "file system tried" {
		h <- struct{}{}
		h <- struct{}{}
	}
	return nil
}

// While the home of one is being opened on a disk that does not answer, the others have theirs. A reload meanwhile counts for it.
func TestHomeHoldsNobodyUp(t *testing.T) {
	const text = "user-header = \"X-User\"\ntrusted-proxies = [\"192.0.2.1\"]\n[[share]]\nprefix = \"/home\"\ndir = \"DIR/b/{user}\"\n"
	s, dir, reload := siteOf(t, text)
	put := func(user, name string) {
		t.Helper()
		if w := ask(s, "PUT", "/home/"+name, "x", "X-User", user); w.Code != 201 {
			t.Errorf("%s: %d %s", user, w.Code, w.Body)
		}
	}
	put("anna", "f")
	disk, quiet := make(held), s.dirs.log
	s.dirs.log = slog.New(disk)
	done := make(chan struct{})
	go func() {
		defer close(done)
		put("ben", "f")
	}()
	<-disk
	s.dirs.log = quiet
	put("anna", "g")
	put("carla", "f")
	s.dirs.totals()
	must(t, reload("umask = \"0077\"\n"+text))
	<-disk
	<-done
	put("ben", "g")
	for _, file := range []string{"ben/g", "carla/f"} {
		want := map[bool]os.FileMode{true: 0o600, false: 0o644}[file == "ben/g"]
		if fi, err := os.Stat(filepath.Join(dir, "b", file)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", file, fi, err)
		}
	}
}

// While a directory that is no longer served is being closed, and its disk does not answer, all else goes on. Who is to serve
// it again waits.
func TestClosingHoldsNobodyUp(t *testing.T) {
	onlyA, _, _ := strings.Cut(twoShares, "[[share]]\nprefix = \"/b\"")
	s, dir, reload := siteOf(t, twoShares)
	b := filepath.Join(dir, "b")
	disk := make(chan struct{})
	s.dirs.open[b].keepers.Go(func() { <-disk })
	must(t, reload(onlyA))
	for open := true; open; time.Sleep(time.Millisecond) {
		s.dirs.mu.Lock()
		open = s.dirs.open[b] != nil
		s.dirs.mu.Unlock()
	}
	s.dirs.totals()
	must(t, reload("quota = \"1GiB\"\n"+onlyA))
	if w := ask(s, "PUT", "/a/f", "x"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	time.AfterFunc(50*time.Millisecond, func() { close(disk) })
	must(t, reload(twoShares))
	if w := ask(s, "PUT", "/b/f", "x"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A share that names its directory has its own settings, also where homes could have that name; who really has it as
// a home cannot have it in another way.
func TestSharesAmongHomes(t *testing.T) {
	text := "user-header = \"X-User\"\ntrusted-proxies = [\"192.0.2.1\"]\n[[share]]\nprefix = \"/home\"\ndir = \"DIR/{user}\"\nquota = \"1KiB\"\n" +
		"[[share]]\nprefix = \"/a\"\ndir = \"DIR/a\"\n[[share]]\nprefix = \"/deep\"\ndir = \"DIR/b\"\n[[share]]\nprefix = \"/twice\"\ndir = \"DIR/b/{user}-{user}\"\n"
	s, _, reload := siteOf(t, "no-auth = true\n[[share]]\nprefix = \"/\"\ndir = \"DIR\"\n")
	must(t, reload(text))
	large := strings.Repeat("x", 2000)
	for path, status := range map[string]int{"/a/f": 201, "/deep/f": 201, "/home/f": 507, "/twice/f": 201} {
		if w := ask(s, "PUT", path, large, "X-User", "anna"); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(s, "PUT", "/home/f", "x", "X-User", "a"); w.Code != 500 {
		t.Errorf("two shares in one directory: %d %s", w.Code, w.Body)
	}
}

// One directory is one, however it is spelled and in whichever order; and a link that leads elsewhere is followed by
// the next reload, with the locks and all else of where it leads now.
func TestReloadFollowsLinks(t *testing.T) {
	s, dir, reload := siteOf(t, twoShares)
	link := filepath.Join(dir, "link")
	must(t, os.Symlink("a", link))
	first := strings.Replace(twoShares, "DIR/b", "DIR/link", 1)
	second := strings.Replace(strings.Replace(twoShares, "DIR/a", "DIR/link", 1), "DIR/b", "DIR/a", 1)
	alone := strings.Replace(strings.Split(twoShares, "[[share]]\nprefix = \"/b\"")[0], "DIR/a", "DIR/link", 1)
	for _, text := range []string{first, second, alone} {
		must(t, reload(text))
		if w := ask(s, "PUT", "/a/f", "x"); w.Code/100 != 2 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if err := s.ready(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, errors.Join(os.Remove(link), os.Symlink("b", link)))
	if err := s.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "leads to another directory") {
		t.Error(err)
	}
	must(t, reload(alone))
	if w := ask(s, "PUT", "/a/new", "x"); w.Code != 201 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if _, err := os.Stat(filepath.Join(dir, "b/new")); err != nil {
		t.Error(err)
	}
	if err := s.ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// A reload leaves nothing behind, also where somebody has looked at the list of the shares before.
func TestReloadsLeaveNoGoroutines(t *testing.T) {
	s, _, reload := siteOf(t, twoShares)
	look := func() {
		t.Helper()
		if w := ask(s, "PROPFIND", "/", "", "Depth", "0"); w.Code != 207 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	look()
	before := runtime.NumGoroutine()
	for range 30 {
		must(t, reload(twoShares))
		look()
	}
	eventually(t, func() error { // those of the generations before end by themselves
		if after := runtime.NumGoroutine(); after > before+5 {
			return fmt.Errorf("%d goroutines before 30 reloads, %d after", before, after)
		}
		return nil
	})
}
