package fs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// reports collects what a Watcher says.
type reports struct {
	mu      sync.Mutex
	changed map[string]bool
	lost    []string
}

func watch(t *testing.T, dir string, limit int) (*Watcher, *reports) {
	t.Helper()
	r := &reports{changed: make(map[string]bool)}
	w, err := newWatcher(dir, WatchOptions{
		Limit:   limit,
		Changed: func(name string) { r.mu.Lock(); r.changed[name] = true; r.mu.Unlock() },
		Lost:    func(dir string) { r.mu.Lock(); r.lost = append(r.lost, dir); r.mu.Unlock() },
	})
	must(t, err)
	t.Cleanup(func() { w.Close() })
	return w, r
}

func (r *reports) reported(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed[name]
}

// wait waits until ok holds.
func (r *reports) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 12_000 {
		r.mu.Lock()
		done := ok()
		r.mu.Unlock()
		if done {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no report of %s", what)
}

func TestWatcherReportsNames(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	w, r := watch(t, dir, 0)
	if !w.Watch("/a/b") || !w.Watch("/") {
		t.Fatal("not watched")
	}
	must(t, os.WriteFile(filepath.Join(dir, "a", "b", "f"), []byte("x"), 0o644))
	r.wait(t, "/a/b/f", func() bool { return r.changed["/a/b/f"] })
	must(t, os.WriteFile(filepath.Join(dir, "g"), nil, 0o644))
	r.wait(t, "/g", func() bool { return r.changed["/g"] })
}

// A directory renamed above a watched one: the watch of the old name must not stay.
func TestWatcherForgetsBelowRenamedDirectory(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	w, r := watch(t, dir, 0)
	w.Watch("/a/b")
	w.Watch("/")
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "z")))
	r.wait(t, "/a", func() bool { return r.changed["/a"] })
	if got := w.Stats().Watches; got != 1 {
		t.Errorf("%d directories watched after the rename, want only /", got)
	}
}

// A directory far above a watched one is renamed, which is not reported, and another one takes its name.
func TestWatcherOfNameWithAnotherDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, top := range []string{"top", "new"} {
		must(t, os.MkdirAll(filepath.Join(dir, top, "a", "b"), 0o755))
	}
	w, r := watch(t, dir, 0)
	w.Watch("/top/a/b")
	must(t, os.Rename(filepath.Join(dir, "top"), filepath.Join(dir, "old")))
	if w.Watch("/top/a/b") {
		t.Error("what is not there is said to be watched")
	}
	must(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "top")))
	if !w.Watch("/top/a/b") {
		t.Error("not watched")
	}
	must(t, os.WriteFile(filepath.Join(dir, "old", "a", "b", "other"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "top", "a", "b", "f"), nil, 0o644))
	r.wait(t, "/top/a/b/f", func() bool { return r.changed["/top/a/b/f"] })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed["/top/a/b/other"] {
		t.Error("the directory that was renamed is still reported by its old name")
	}
}

func TestWatcherKeepsToItsLimit(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		must(t, os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o755))
	}
	w, r := watch(t, dir, 3)
	for i := range 10 {
		for _, dir := range []string{fmt.Sprintf("/%d", i), "/0"} {
			if !w.Watch(dir) {
				t.Fatalf("%s not watched", dir)
			}
		}
	}
	if got := w.Stats().Watches; got != 3 {
		t.Errorf("%d watches, want 3", got)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lost) != 7 || r.lost[0] != "/1" || slices.Contains(r.lost, "/0") {
		t.Errorf("given up: %v, want the seven asked for the longest ago", r.lost)
	}
}

// Where a watch takes a descriptor for each member, the limit is one of descriptors, and no directory takes them all.
func TestWatcherKeepsToItsLimitOfDescriptors(t *testing.T) {
	defer func(was func(string, int) int) { watchCost = was }(watchCost)
	watchCost = func(osPath string, limit int) int {
		members, err := os.ReadDir(osPath)
		if err != nil {
			t.Error(err)
		}
		return 1 + min(len(members), limit)
	}
	dir := t.TempDir()
	for name, members := range map[string]int{"a": 2, "b": 2, "c": 5, "large": 9} {
		for i := range members {
			if err := os.MkdirAll(filepath.Join(dir, name, fmt.Sprint(i)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	w, r := watch(t, dir, 8)
	for _, name := range []string{"/a", "/b", "/c"} {
		if !w.Watch(name) {
			t.Errorf("%s is not watched", name)
		}
	}
	if w.Watch("/large") {
		t.Error("a directory is watched that takes more than the limit")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := w.Stats().Watches; got != 1 || !slices.Equal(r.lost, []string{"/a", "/b"}) {
		t.Errorf("%d watches, given up %v", got, r.lost)
	}
}

// The system's limit is said once, with what raises it, and the caller is told that it is on its own.
func TestWatcherSaysOnceThatNoWatchIsLeft(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	gone := make(chan string, 8)
	w, err := newWatcher(dir, WatchOptions{
		Changed: func(name string) { gone <- name }, Lost: func(string) {},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, err)
	defer w.Close()
	if !w.Watch("/d") {
		t.Fatal("not watched")
	}
	for range 3 {
		w.refused(fmt.Errorf("inotify_add_watch: %w", syscall.ENOSPC))
	}
	if w.Watch("/") {
		t.Error("watched although no watch is left")
	}
	// A directory goes, its watch is taken by another one, and none is left again.
	must(t, os.Remove(filepath.Join(dir, "d")))
	<-gone
	if !w.Watch("/") {
		t.Error("not watched although a watch is left")
	}
	w.refused(fmt.Errorf("inotify_add_watch: %w", syscall.ENOSPC))
	if n := strings.Count(log.String(), "fs.inotify.max_user_watches"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

// A collection that is moved away and removed, as each that is deleted, has its watch removed by the system while
// we remove it, too. That is no loss, and nobody waits for anybody.
func TestWatchOfWhatIsMovedAwayAndRemoved(t *testing.T) {
	dir := t.TempDir()
	last := make(chan struct{})
	w, err := newWatcher(dir, WatchOptions{Lost: func(string) {}, Changed: func(name string) {
		if time.Sleep(100 * time.Microsecond); name == "/last" { // reports come late
			last <- struct{}{}
		}
	}})
	must(t, err)
	var all sync.WaitGroup
	for id := range 8 {
		all.Go(func() {
			for i := range 100 {
				name := fmt.Sprint("/", id, "-", i)
				at, away := filepath.Join(dir, name), filepath.Join(dir, fmt.Sprint(ReservedPrefix, id, "-", i))
				if err := os.Mkdir(at, 0o777); err != nil {
					t.Error(err)
					return
				}
				w.Watch(name)
				if err := errors.Join(os.Rename(at, away), os.Remove(away)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan error)
	go func() {
		all.Wait()
		w.Watch("/")
		if err := os.Mkdir(filepath.Join(dir, "last"), 0o777); err != nil {
			t.Error(err)
		}
		<-last
		done <- w.Close()
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the watcher waits for itself")
	}
	if s := w.Stats(); s.Losses != 0 {
		t.Errorf("%+v", s)
	}
}

// Watches are begun and given up for each other's at once. What is said to be watched is.
func TestWatcherOfManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	names := []string{"/a", "/b", "/c"}
	for _, name := range names {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	w, r := watch(t, dir, 2)
	for round := range 200 {
		var all sync.WaitGroup
		for id := range 4 {
			all.Go(func() {
				for i := range 20 {
					w.Watch(names[i*(id+1)%3])
				}
			})
		}
		all.Wait()
		for _, name := range names {
			if !w.Watch(name) {
				t.Fatalf("%s is not watched", name)
			}
			f := fmt.Sprint(name, "/", round)
			must(t, os.WriteFile(filepath.Join(dir, f), nil, 0o644))
			r.wait(t, f, func() bool { return r.changed[f] })
		}
	}
}
