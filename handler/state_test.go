package handler_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/lock"
)

// keeping is a server of a directory with a state directory, which can be stopped and started again.
type keeping struct {
	http.Handler
	store *state.Store
	base  fs.FS
	tree  *etagfs.FS
	opts  handler.Options
	stop  func()
}

// reload makes the settings count from the next request on, as SIGHUP does.
func (k *keeping) reload(t testing.TB, s etagfs.Settings) {
	t.Helper()
	k.tree = k.tree.With(s)
	k.tree.Use(s)
	h, err := handler.New(k.tree, k.opts)
	must(t, err)
	k.Handler = h
}

func startKeeping(t testing.TB, dir, stateDir string, now func() time.Time) *keeping {
	t.Helper()
	return startKeepingAs(t, dir, stateDir, now, fs.OpenRoot, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}, state.Options{}, handler.Options{})
}

func startKeepingAs(t testing.TB, dir, stateDir string, now func() time.Time, open opener, tags etagfs.Options, kept state.Options, o handler.Options) *keeping {
	t.Helper()
	base, err := open(dir, fs.RootOptions{})
	must(t, err)
	store, err := state.Open(stateDir, kept)
	must(t, err)
	locks, err := lock.New(store, now(), lock.Options{Unmapped: func(root string) bool {
		_, err := base.Lookup(root)
		return errors.Is(err, iofs.ErrNotExist)
	}})
	must(t, err)
	_, err = store.Recover(state.TreeOf(base), locks)
	must(t, err)
	tags.Digests = etagfs.KeepDigests(store)
	tree := handler.NewTree(base, tags)
	o.State, o.Locks, o.Now = store, locks, now
	h, err := handler.New(tree, o)
	must(t, err)
	background, end := context.WithCancel(context.Background())
	var counting sync.WaitGroup
	counting.Go(func() { tree.KeepCounted(background) })
	return &keeping{Handler: h, store: store, base: base, tree: tree, opts: o, stop: func() {
		end()
		counting.Wait()
		tree.Close()
		base.Close()
		store.Close()
	}}
}

// opener opens a directory in one of the ways of package fs.
type opener func(dir string, o fs.RootOptions) (fs.FS, error)

// ask sends one request; headers are "Name: value".
func (k *keeping) ask(method, target, body string, headers ...string) *http.Response {
	return ask(k, method, target, body, headers...)
}

func ask(h http.Handler, method, target, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

const (
	exclusive = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>Eva</D:owner></D:lockinfo>`
	asXML     = "Content-Type: application/xml"
)

func want(t testing.TB, what string, res *http.Response, status int) *http.Response {
	t.Helper()
	if res.StatusCode != status {
		body, _ := io.ReadAll(res.Body)
		t.Errorf("%s: got %d, want %d: %s", what, res.StatusCode, status, body)
	}
	return res
}

func setProp(value string) string {
	return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><p xmlns="urn:p">` + value + `</p></D:prop></D:set></D:propertyupdate>`
}

// TestLocksAndPropertiesSurviveARestart: a client that holds a lock does not notice that the server was
// started anew, and neither does anybody else.
func TestLocksAndPropertiesSurviveARestart(t *testing.T) {
	dir, stateDir := t.TempDir(), t.TempDir()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	k := startKeeping(t, dir, stateDir, clock)
	want(t, "create", k.ask("PUT", "/doc", "one"), 201)
	res := want(t, "lock", k.ask("LOCK", "/doc", exclusive, asXML, "Timeout: Second-600"), 200)
	submitted := "If: (" + res.Header.Get("Lock-Token") + ")"
	want(t, "short lock", k.ask("LOCK", "/short", exclusive, asXML, "Timeout: Second-60"), 201)
	want(t, "proppatch", k.ask("PROPPATCH", "/doc", setProp("kept"), asXML, submitted), 207)
	k.stop()

	now = now.Add(2 * time.Minute)
	k = startKeeping(t, dir, stateDir, clock)
	want(t, "somebody else", k.ask("PUT", "/doc", "two"), 423)
	want(t, "the holder", k.ask("PUT", "/doc", "two", submitted), 204)
	want(t, "what expired meanwhile", k.ask("PUT", "/short", "two"), 204)
	body, _ := io.ReadAll(k.ask("PROPFIND", "/doc", "", "Depth: 0").Body)
	for _, part := range []string{">kept</p>", "<D:owner>Eva</D:owner>", "<D:timeout>Second-480</D:timeout>"} {
		if !strings.Contains(string(body), part) {
			t.Errorf("no %s after the restart in %s", part, body)
		}
	}
	want(t, "refresh", k.ask("LOCK", "/doc", "", submitted, "Timeout: Second-3600"), 200)
	k.stop()

	now = now.Add(50 * time.Minute)
	k = startKeeping(t, dir, stateDir, clock)
	defer k.stop()
	want(t, "after a refresh", k.ask("PUT", "/doc", "three"), 423)
	now = now.Add(10 * time.Minute)
	want(t, "at the end", k.ask("PUT", "/doc", "three"), 204)
}

// relinking calls turn before the first byte.
type relinking struct {
	io.Reader
	turn func()
}

func (r *relinking) Read(p []byte) (int, error) {
	if r.turn != nil {
		r.turn()
		r.turn = nil
	}
	return r.Reader.Read(p)
}

// A save through a link that comes to lead elsewhere meanwhile touches nothing where it led before.
func TestRelinkedSaveForgetsNothing(t *testing.T) {
	dir := t.TempDir()
	k := startKeeping(t, dir, t.TempDir(), time.Now)
	defer k.stop()
	want(t, "create", k.ask("PUT", "/a", "one"), 201)
	want(t, "proppatch", k.ask("PROPPATCH", "/a", setProp("kept"), asXML), 207)
	relink := func(to string) {
		os.Remove(dir + "/l")
		must(t, os.Symlink(to, dir+"/l"))
	}
	relink("a")
	body := &relinking{strings.NewReader("two"), func() { relink("b") }} // where nothing is yet
	k.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PUT", "/l", body))
	if now, _ := os.ReadFile(dir + "/a"); string(now) != "one" {
		t.Errorf("/a is %q", now)
	}
	if props, _ := io.ReadAll(k.ask("PROPFIND", "/a", "", "Depth: 0").Body); !strings.Contains(string(props), ">kept</p>") {
		t.Errorf("the property is gone: %s", props)
	}
}

// TestStateGoesWithTheTree: a new resource has nothing of what was there before, however that went.
func TestStateGoesWithTheTree(t *testing.T) {
	k := startKeeping(t, t.TempDir(), t.TempDir(), time.Now)
	defer k.stop()
	for what, remove := range map[string]func(){
		"DELETE": func() { want(t, "delete", k.ask("DELETE", "/d", ""), 204) },
		"MOVE away": func() {
			want(t, "move", k.ask("MOVE", "/d", "", "Destination: /away"), 201)
			k.ask("DELETE", "/away", "")
		},
		"another program": func() { k.base.RemoveAll("/d") },
	} {
		t.Run(what, func(t *testing.T) {
			want(t, "mkcol", k.ask("MKCOL", "/d", ""), 201)
			want(t, "put", k.ask("PUT", "/d/f", "1"), 201)
			want(t, "proppatch", k.ask("PROPPATCH", "/d", setProp("old"), asXML), 207)
			want(t, "proppatch", k.ask("PROPPATCH", "/d/f", setProp("old"), asXML), 207)
			remove()
			for _, make := range []func(){
				func() { want(t, "put", k.ask("PUT", "/d", "file"), 201) },
				func() {
					want(t, "mkcol", k.ask("MKCOL", "/d", ""), 201)
					want(t, "put", k.ask("PUT", "/d/f", "2"), 201)
				},
				func() { want(t, "lock", k.ask("LOCK", "/d", exclusive, asXML, "Timeout: Second-1"), 201) },
			} {
				make()
				for _, name := range []string{"/d", "/d/f"} {
					body, _ := io.ReadAll(k.ask("PROPFIND", name, "", "Depth: 0").Body)
					if strings.Contains(string(body), ">old</p>") { // a tag may well have these letters
						t.Errorf("%s has the properties of what was there before: %s", name, body)
					}
				}
				k.base.RemoveAll("/d")
			}
			time.Sleep(1100 * time.Millisecond)
		})
	}
	if k.store.HasBelow("/") {
		t.Error("the store still has properties")
	}
}

// TestFullStoreChangesNothing: what cannot be kept is not granted, and leaves no file behind.
func TestFullStoreChangesNothing(t *testing.T) {
	locks, err := lock.New(brokenStore{}, time.Now(), lock.Options{})
	must(t, err)
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{Locks: locks})
	must(t, err)
	want(t, "lock", ask(h, "LOCK", "/new", exclusive, asXML), 507)
	want(t, "what it would have made", ask(h, "GET", "/new", ""), 404)
	want(t, "put", ask(h, "PUT", "/new", "one"), 201)
	want(t, "lock", ask(h, "LOCK", "/new", exclusive, asXML), 507)
	want(t, "put", ask(h, "PUT", "/new", "two"), 204)
}

// TestDeleteWhileTheStateFails: what is gone is not answered with an error, and its properties and locks do not come back.
func TestDeleteWhileTheStateFails(t *testing.T) {
	dir, stateDir := t.TempDir(), t.TempDir()
	var k *keeping
	k = startKeepingAs(t, dir, stateDir, time.Now, func(dir string, o fs.RootOptions) (fs.FS, error) {
		base, err := fs.OpenRoot(dir, o)
		return endingState{base, func() { k.store.Close() }}, err
	}, etagfs.Options{}, state.Options{}, handler.Options{})
	want(t, "put", k.ask("PUT", "/a", "one"), 201)
	want(t, "proppatch", k.ask("PROPPATCH", "/a", `<propertyupdate xmlns="DAV:"><set><prop><p xmlns="urn:p">1</p></prop></set></propertyupdate>`, asXML), 207)
	token := want(t, "lock", k.ask("LOCK", "/a", exclusive, asXML), 200).Header.Get("Lock-Token")
	want(t, "delete", k.ask("DELETE", "/a", "", "If: ("+token+")"), 204)
	k.stop()
	k = startKeeping(t, dir, stateDir, time.Now)
	defer k.stop()
	if k.store.HasBelow("/a") {
		t.Error("it has properties")
	}
	want(t, "put of what is unlocked", k.ask("PUT", "/a", "two"), 201)
}

// endingState is a tree whose state can be kept no more once something was taken out of it.
type endingState struct {
	fs.FS
	end func()
}

func (e endingState) Retire(name string, exact bool, check func(*fs.Info) error) (release func(), err error) {
	release, err = e.FS.Retire(name, exact, check)
	e.end()
	return release, err
}

func (e endingState) Move(src, dst string, exact bool, check func(src, dst *fs.Info) error) (info fs.Info, release func(), err error) {
	info, release, err = e.FS.Move(src, dst, exact, check)
	e.end()
	return info, release, err
}

// TestNothingIsWrittenOverWhatTheStateDoesNotFollow: the next start tells by the inode whether a MOVE or DELETE was made.
func TestNothingIsWrittenOverWhatTheStateDoesNotFollow(t *testing.T) {
	for name, test := range map[string]struct {
		made  []string // request whose state cannot follow
		next  []string // each is refused until it does
		after string   // of /b, after the next start
	}{
		"moved":   {[]string{"MOVE", "/a", "", "Destination: /b"}, []string{"PUT", "LOCK", "DELETE"}, "p"},
		"deleted": {[]string{"DELETE", "/b", ""}, []string{"PUT", "LOCK", "MKCOL"}, "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, full := t.TempDir(), false
			base, err := fs.OpenRoot(dir, fs.RootOptions{})
			must(t, err)
			engine := &mortal{records: map[state.Bucket]map[string][]byte{}, dead: func() bool { return full }}
			h, end := onEngine(t, endingState{base, func() { full = true }}, engine)
			at := map[string]string{"MOVE": "/a", "DELETE": "/b"}[test.made[0]]
			want(t, "put", ask(h, "PUT", at, "one"), 201)
			want(t, "proppatch", ask(h, "PROPPATCH", at, setProp("new"), asXML), 207)
			token := want(t, "lock", ask(h, "LOCK", at, exclusive, asXML), 200).Header.Get("Lock-Token")
			ask(h, test.made[0], test.made[1], test.made[2], append(test.made[3:], "If: ("+token+")")...)
			if _, err := os.Stat(dir + at); err == nil || !full {
				t.Fatal("it was not made")
			}
			for _, method := range test.next {
				body := map[string]string{"PUT": "two", "LOCK": exclusive}[method]
				want(t, method, ask(h, method, "/b", body, asXML), 500)
			}
			end()
			full = false
			base, err = fs.OpenRoot(dir, fs.RootOptions{})
			must(t, err)
			h, end = onEngine(t, base, engine)
			defer end()
			if got := propAndYear(h, "/b"); got != test.after {
				t.Errorf("it has %s", got)
			}
			want(t, "put of what is unlocked", ask(h, "PUT", at, "two"), 201)
		})
	}
}

// brokenStore is on a full disk.
type brokenStore struct{}

func (brokenStore) LoadLocks(func(string, []byte) error) error { return nil }

func (b brokenStore) DropLocks(tokens []string) func() error { return b.SaveLocks(nil, tokens) }

func (brokenStore) SaveLocks(map[string][]byte, []string) func() error {
	return func() error { return fmt.Errorf("write: %w", fs.ErrNoSpace) }
}

// TestRefusedProppatchChangesNothing: properties that find no room leave the time of the file and its tag alone, and a time that
// cannot be set leaves the properties. RFC 4918 §9.2.
func TestRefusedProppatchChangesNothing(t *testing.T) {
	const times = `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><p xmlns="urn:p">new</p><Z:Win32LastModifiedTime ` +
		`xmlns:Z="urn:schemas-microsoft-com:">Thu, 01 Jan 2004 00:00:00 GMT</Z:Win32LastModifiedTime></D:prop></D:set></D:propertyupdate>`
	full, err := state.New(fullEngine{}, state.Options{})
	must(t, err)
	for name, test := range map[string]struct {
		base   fs.FS
		store  *state.Store
		status int
		before string
	}{
		"full store":  {fs.NewMemory(), full, 207, "404 Not Found"},
		"another's":   {&timeless{fs.NewMemory()}, state.NewMemory(state.Options{}), 403, `<p xmlns="urn:p">old</p>`},
		"without any": {&timeless{fs.NewMemory()}, state.NewMemory(state.Options{}), 403, "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := handler.New(handler.NewTree(test.base, etagfs.Options{}), handler.Options{State: test.store})
			must(t, err)
			want(t, "put", ask(h, "PUT", "/f", "x"), 201)
			if strings.Contains(test.before, "old") {
				want(t, "proppatch", ask(h, "PROPPATCH", "/f", setProp("old"), asXML), 207)
			}
			before := ask(h, "HEAD", "/f", "").Header
			res := want(t, "proppatch", ask(h, "PROPPATCH", "/f", times, asXML), test.status)
			if body, _ := io.ReadAll(res.Body); test.status == 207 && !strings.Contains(string(body), "507 Insufficient Storage") {
				t.Errorf("it was not refused: %s", body)
			}
			after := ask(h, "HEAD", "/f", "").Header
			for _, field := range []string{"Etag", "Last-Modified"} {
				if before.Get(field) != after.Get(field) {
					t.Errorf("%s was %s and is %s", field, before.Get(field), after.Get(field))
				}
			}
			res = ask(h, "PROPFIND", "/f", `<propfind xmlns="DAV:"><prop><p xmlns="urn:p"/></prop></propfind>`, "Depth: 0", asXML)
			if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), test.before) {
				t.Errorf("the property has changed: %s", body)
			}
		})
	}
}

// fullEngine is empty, on a full disk.
type fullEngine struct{}

func (fullEngine) View(fn func(state.Tx) error) error { return fn(emptyTx{}) }
func (fullEngine) Update(fn func(state.Tx) error) error {
	return errors.Join(fn(emptyTx{}), syscall.ENOSPC)
}
func (fullEngine) Relax(bool) error { return nil }
func (fullEngine) Close() error     { return nil }

type emptyTx struct{}

func (emptyTx) Get(state.Bucket, []byte) []byte                                { return nil }
func (emptyTx) Put(state.Bucket, []byte, []byte) error                         { return nil }
func (emptyTx) Delete(state.Bucket, []byte) error                              { return nil }
func (emptyTx) Scan(state.Bucket, []byte, func(key, value []byte) error) error { return nil }

// timeless has files whose times are another user's to set.
type timeless struct{ fs.FS }

func (timeless) SetModTime(name string, _ time.Time) (was fs.Identity, now fs.Info, err error) {
	return was, now, &iofs.PathError{Op: "settime", Path: name, Err: iofs.ErrPermission}
}

// TestLocksBelongToTheirUser: a token is no password. RFC 4918 §6.4.
func TestLocksBelongToTheirUser(t *testing.T) {
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{})
	must(t, err)
	as := func(user string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(handler.WithUser(r.Context(), user)))
		})
	}
	token := want(t, "lock", ask(as("eva"), "LOCK", "/doc", exclusive, asXML), 201).Header.Get("Lock-Token")
	want(t, "put by another", ask(as("max"), "PUT", "/doc", "x", "If: ("+token+")"), 423)
	want(t, "refresh by another", ask(as("max"), "LOCK", "/doc", "", "If: ("+token+")"), 403)
	want(t, "unlock by another", ask(as("max"), "UNLOCK", "/doc", "", "Lock-Token: "+token), 403)
	want(t, "put", ask(as("eva"), "PUT", "/doc", "x", "If: ("+token+")"), 204)
	want(t, "unlock", ask(as("eva"), "UNLOCK", "/doc", "", "Lock-Token: "+token), 204)
}

// TestTenThousandLocks: none of them makes the server slow or large.
func TestTenThousandLocks(t *testing.T) {
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{})
	must(t, err)
	want(t, "mkcol", ask(h, "MKCOL", "/d", ""), 201)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var last string
	for i := range 10_000 {
		res := ask(h, "LOCK", fmt.Sprintf("/d/%d", i), exclusive, asXML, "Timeout: Second-3600")
		if last = res.Header.Get("Lock-Token"); res.StatusCode != 201 {
			t.Fatal(i, res.Status)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("they and their files take %d bytes of memory", grown)
	}
	start := time.Now()
	for range 100 {
		want(t, "put", ask(h, "PUT", "/d/9999", "x", "If: ("+last+")"), 204)
		want(t, "put of another", ask(h, "PUT", "/d/77", "x", "If: (Not <DAV:no-lock>)"), 423)
		want(t, "new member", ask(h, "PUT", "/d/new", "x"), 201)
		want(t, "delete", ask(h, "DELETE", "/d/new", ""), 204)
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("400 requests took %v", d)
	}
	res := want(t, "delete of all", ask(h, "DELETE", "/d", ""), 423)
	if body, _ := io.ReadAll(res.Body); len(body) > 1<<20 {
		t.Errorf("an answer of %d bytes", len(body))
	}
	want(t, "lock above", ask(h, "LOCK", "/", exclusive, asXML), 207)
}
