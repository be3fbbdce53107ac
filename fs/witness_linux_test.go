package fs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func look(t *testing.T, f FS, name string) Witness {
	t.Helper()
	file, err := f.OpenRead(name)
	must(t, err)
	t.Cleanup(func() { file.Close() })
	w := file.(Witnessed).Witness()
	if w == nil {
		t.Fatal("no witness")
	}
	t.Cleanup(w.Close)
	return w
}

// says asks a witness.
func says(t *testing.T, when string, w Witness, writes, all bool) {
	t.Helper()
	if gotWrites, gotAll := w.Written(); gotWrites != writes || gotAll != all {
		t.Errorf("%s: writes %v, all %v; want %v, %v", when, gotWrites, gotAll, writes, all)
	}
}

func writeTo(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt([]byte("B"), 0)
		err = errors.Join(err, f.Close())
	}
	must(t, err)
}

// Whoever writes by whatever way has been seen when his call returns; whoever only changes names, times and modes has not.
func TestWitness(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		path := filepath.Join(dir, "f")
		old := time.Unix(1e6, 0)
		for name, c := range map[string]struct {
			do     func() error
			writes bool
		}{
			"nothing":                 {func() error { return nil }, false},
			"renamed and linked":      {func() error { return errors.Join(os.Rename(path, path+"2"), os.Link(path+"2", path)) }, false},
			"mode and times":          {func() error { return errors.Join(os.Chmod(path, 0o600), os.Chtimes(path, old, old)) }, false},
			"deleted":                 {func() error { return os.Remove(path) }, false},
			"written, dated, deleted": {func() error { writeTo(t, path); return errors.Join(os.Chtimes(path, old, old), os.Remove(path)) }, true},
			"truncated":               {func() error { return os.Truncate(path, 4) }, true},
			"written by another name": {func() error {
				if err := os.Link(path, path+"3"); err != nil {
					return err
				}
				writeTo(t, path+"3")
				return os.Remove(path)
			}, true},
			"mapped, and unmapped": {func() error {
				w, err := os.OpenFile(path, os.O_RDWR, 0)
				if err != nil {
					return err
				}
				m, err := unix.Mmap(int(w.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
				if err != nil {
					return err
				}
				m[0] = 'B'
				return errors.Join(unix.Munmap(m), w.Close())
			}, true},
		} {
			mustPut(t, f, "/f", "body")
			w := look(t, f, "/f")
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			says(t, name, w, c.writes, true)
		}
		mustPut(t, f, "/f", "body")
		w := look(t, f, "/f")
		writer, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		says(t, "open for writing", w, true, false)
		writer.Close()
	})
}

// Witnesses of one file each begin when they begin, and one ends without the other.
func TestWitnessesOfOneFile(t *testing.T) {
	dir := openDir(t)
	f := openRoot(t, dir, RootOptions{})
	path := filepath.Join(dir, "f")
	mustPut(t, f, "/f", "body")
	first := look(t, f, "/f")
	writeTo(t, path)
	second := look(t, f, "/f")
	says(t, "the first", first, true, true)
	says(t, "the second", second, false, true)
	file, err := f.OpenRead("/f")
	must(t, err)
	defer file.Close()
	file.(Witnessed).Witness().Close()
	writeTo(t, path)
	says(t, "the second, later", second, true, true)
}

// Watches are kept for who comes back, but not many, and none of what is gone; what was written before is nobody's concern.
func TestWitnessesAreKept(t *testing.T) {
	dir := openDir(t)
	f := openRoot(t, dir, RootOptions{})
	once := func(name string) {
		t.Helper()
		file, err := f.OpenRead(name)
		must(t, err)
		file.(Witnessed).Witness().Close()
		must(t, file.Close())
	}
	for i := range 3 * keptMost {
		mustPut(t, f, fmt.Sprint("/", i), "body")
		once(fmt.Sprint("/", i))
	}
	if n := len(inotify.watches); n > keptMost {
		t.Errorf("%d watches, nobody looks", n)
	}
	last := fmt.Sprint("/", 3*keptMost-1)
	writeTo(t, filepath.Join(dir, last))
	says(t, "written before", look(t, f, last), false, true)
	before := len(inotify.watches)
	must(t, os.Remove(filepath.Join(dir, fmt.Sprint(3*keptMost-2))))
	mustPut(t, f, "/next", "body") // which may have its inode
	w := look(t, f, "/next")
	if n := len(inotify.watches); n > before {
		t.Errorf("%d watches after a file was deleted, %d before", n, before)
	}
	writeTo(t, filepath.Join(dir, "next"))
	says(t, "written", w, true, true)
}

// Reports that nobody reads do not pile up, and when too many were made they count for every file.
func TestWitnessesLoseNoReport(t *testing.T) {
	dir := openDir(t)
	f := openRoot(t, dir, RootOptions{})
	for _, name := range []string{"/a", "/b", "/still"} {
		mustPut(t, f, name, "body")
	}
	still := look(t, f, "/still")
	for range 20_000 { // the queue holds 16,384
		file, err := f.OpenRead("/a")
		must(t, err)
		file.(Witnessed).Witness().Close()
		file.Close()
	}
	says(t, "many have come and gone", still, false, true)
	look(t, f, "/a")
	look(t, f, "/b")
	a, err := os.OpenFile(filepath.Join(dir, "a"), os.O_WRONLY, 0)
	must(t, err)
	defer a.Close()
	b, err := os.OpenFile(filepath.Join(dir, "b"), os.O_WRONLY, 0)
	must(t, err)
	defer b.Close()
	for range 10_000 {
		a.WriteString("x")
		b.WriteString("x")
	}
	says(t, "reports were lost", still, true, true)
	says(t, "after that", look(t, f, "/still"), false, true)
}

// On FUSE and in a network not all writes are reported.
func TestWitnessNeedsReports(t *testing.T) {
	for kind, want := range map[string]bool{"ext4": true, "tmpfs": true, "fuse": false, "nfs": false, "smb": false, "cifs": false, "9p": false} {
		if reporting(kind) != want {
			t.Errorf("%s: reports %v", kind, !want)
		}
	}
}

// A file system in user space can have the number of a disk, as ntfs-3g has that of its partition.
func TestNoWitnessInUserSpace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	below, above := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(below, "f"), []byte("body"), 0o644))
	if out, err := exec.Command("bindfs", below, above).CombinedOutput(); err != nil {
		t.Fatalf("bindfs: %v: %s", err, out)
	}
	t.Cleanup(func() { unix.Unmount(above, unix.MNT_DETACH) })
	f := openRoot(t, above, RootOptions{})
	for _, major := range []uint64{0, 8} {
		file, err := f.OpenRead("/f")
		must(t, err)
		defer file.Close()
		file.(*DiskFile).info.Dev |= major << 32
		if w := file.(Witnessed).Witness(); w != nil {
			w.Close()
			t.Errorf("major number %d: writes are taken to be reported", major)
		}
	}
}
