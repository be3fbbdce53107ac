package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ifmatch/fs/fstest/loop"
)

// A directory is removed and made anew while reports are lost: the new one, which has the number of the old on ext4, is watched when
// it is asked for.
func TestWatcherAfterLostReports(t *testing.T) {
	dir, _ := mountExt4(t, 32<<20)
	for _, name := range []string{"busy/0", "busy/1", "d"} {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	w, r := watch(t, dir, 0)
	w.Watch("/busy")
	w.Watch("/d")
	r.mu.Lock() // nobody takes a report
	for i := range 100_000 {
		must(t, os.Chmod(filepath.Join(dir, "busy", fmt.Sprint(i%2)), 0o755))
	}
	must(t, os.Remove(filepath.Join(dir, "d")))
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	r.mu.Unlock()
	r.wait(t, "the loss", func() bool { return len(r.lost) > 0 })
	if !w.Watch("/d") {
		t.Error("not watched")
	}
	must(t, os.WriteFile(filepath.Join(dir, "d", "f"), nil, 0o644))
	r.wait(t, "/d/f", func() bool { return r.changed["/d/f"] })
}

// A directory is watched, renamed with one above it, of which nothing is reported, and watched by its new name.
func TestWatcherOfDirectoryWithAnotherName(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "top", "a", "b"), 0o755))
	w, r := watch(t, dir, 0)
	w.Watch("/top/a/b")
	must(t, os.Rename(filepath.Join(dir, "top"), filepath.Join(dir, "new")))
	if !w.Watch("/new/a/b") {
		t.Error("not watched")
	}
	must(t, os.WriteFile(filepath.Join(dir, "new", "a", "b", "f"), nil, 0o644))
	r.wait(t, "/new/a/b/f", func() bool { return r.changed["/new/a/b/f"] })
	if got := w.Stats().Watches; got != 1 || !slices.Equal(r.lost, []string{"/top/a/b"}) {
		t.Errorf("%d watches, given up %v", got, r.lost)
	}
}

// A disk below the root is unmounted, of which nothing is reported, and mounted again: its directories are the same ones.
func TestWatcherOfADiskThatWasMountedAgain(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "disk"), 0o755))
	again := loop.Ext4(t, filepath.Join(dir, "disk"), 32<<20)
	must(t, os.Mkdir(filepath.Join(dir, "disk", "d"), 0o755))
	w, r := watch(t, dir, 0)
	w.Watch("/disk/d")
	again()
	until := time.Now().Add(10 * endedEvery)
	for time.Now().Before(until) && !r.reported("/disk/d/f") { // it is looked for now and then
		w.Watch("/disk/d")
		must(t, os.WriteFile(filepath.Join(dir, "disk", "d", "f"), nil, 0o644))
		time.Sleep(100 * time.Millisecond)
	}
	if !r.reported("/disk/d/f") {
		t.Error("it is not watched")
	}
}

// Of 128 that a user can have (fs.inotify.max_user_instances), a home that nobody watches takes none.
func TestWatcherTakesNoQueueBeforeItWatches(t *testing.T) {
	dir := t.TempDir()
	queues := func() (n int) {
		members, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		for _, m := range members {
			if to, _ := os.Readlink(filepath.Join("/proc/self/fd", m.Name())); to == "anon_inode:inotify" {
				n++
			}
		}
		return n
	}
	before := queues()
	w, _ := watch(t, dir, 0)
	if n := queues() - before; n != 0 {
		t.Errorf("%d queues before", n)
	}
	if ok, n := w.Watch("/"), queues()-before; !ok || n != 1 {
		t.Errorf("watched: %v, %d queues", ok, n)
	}
	must(t, w.Close())
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	if ok, n := w.Watch("/d"), queues()-before; ok || n != 0 {
		t.Errorf("after the end: watched: %v, %d queues", ok, n)
	}
}
