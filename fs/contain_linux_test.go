package fs

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// While another program swaps a directory for a link that leads out, over and over, every
// operation works on what is inside or fails: nothing outside is read, changed or listed.
func TestNothingOutsideIsReached(t *testing.T) {
	disks(t, func(t *testing.T, top string) {
		dir, out := filepath.Join(top, "dir"), filepath.Join(top, "out")
		for _, d := range []string{dir, dir + "/sub", out} {
			must(t, os.Mkdir(d, 0o777))
		}
		must(t, os.Symlink(out, dir+"/link"))
		for _, path := range []string{dir + "/sub/f", out + "/f", out + "/outside"} {
			must(t, os.WriteFile(path, []byte(filepath.Base(filepath.Dir(path))), 0o666))
		}
		before, err := os.Stat(out + "/f")
		must(t, err)
		f := openRoot(t, dir, RootOptions{})

		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for !stop.Load() {
				unix.Renameat2(unix.AT_FDCWD, dir+"/sub", unix.AT_FDCWD, dir+"/link", unix.RENAME_EXCHANGE)
			}
		})
		inside := 0
		for until := time.Now().Add(1500 * time.Millisecond); time.Now().Before(until) || inside == 0; {
			if file, err := f.OpenRead("/sub/f"); err == nil {
				var buf [16]byte
				n, _ := file.Read(buf[:])
				if string(buf[:n]) == "out" {
					t.Error("read outside")
				}
				file.Close()
				inside++
			}
			if info, err := f.Lookup("/sub/f"); err == nil && info.SizeBytes == 0 {
				t.Error("looked up outside")
			}
			f.List("/sub", func(base string, _ *Info) error {
				if base == "outside" {
					t.Error("listed outside")
				}
				return nil
			})
			put(f, "/sub/new", "new", true, accept)
			f.MakeCollection("/sub/col")
			f.SetModTime("/sub/new", time.Unix(1, 0))
			if _, release, err := f.Move("/sub/new", "/sub/moved", true, accept2); err == nil {
				release()
			}
			for _, name := range []string{"/sub/moved", "/sub/col"} {
				if release, err := f.Retire(name, true, accept); err == nil {
					release()
				}
			}
			f.SyncDir("/sub")
			if real, err := f.Resolve("/sub/f"); err == nil && real != "/sub/f" {
				t.Error("resolved to", real)
			}
		}
		stop.Store(true)
		wg.Wait()
		entries, err := os.ReadDir(out)
		if err != nil || len(entries) != 2 {
			t.Errorf("outside: %v, %v", entries, err)
		}
		after, err := os.Stat(out + "/f")
		if err != nil || !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("outside: %v, %v", after, err)
		}
	})
}

// A program that waits for a reader of its FIFO goes on waiting.
func TestFIFOIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fifo")
	must(t, unix.Mkfifo(path, 0o666))
	f := openRoot(t, dir, RootOptions{})
	opened := make(chan error)
	go func() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			file.Close()
		}
		opened <- err
	}()
	for range 50 {
		if _, err := f.OpenRead("/fifo"); !errors.Is(err, ErrSpecial) {
			t.Fatal(err)
		}
		put(f, "/fifo", "x", true, accept)
		put(f, "/fifo", "x", false, accept)
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-opened:
		t.Fatal("somebody opened the FIFO for reading", err)
	default:
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	must(t, err)
	defer unix.Close(fd)
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a/b", "c"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o777))
	}
	must(t, os.WriteFile(filepath.Join(dir, "a/f"), []byte("x"), 0o666))
	for link, target := range map[string]string{
		"toa": "a", "a/up": "..", "a/b/f": "../f", "c/deep": "../toa/b", "dangling": "a/none",
		"out": "../x", "abs": "/etc", "far": "a/../../" + filepath.Base(dir) + "/a", "l1": "l2", "l2": "l1",
		"hidden": ReservedPrefix + "x", "self": ".", "nodir": "a/f/x", "slash": "a/",
	} {
		must(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	f := openRoot(t, dir, RootOptions{})
	for name, want := range map[string]any{
		"/":                 "/",
		"/a/f":              "/a/f",
		"/a/new":            "/a/new",
		"/toa":              "/a",
		"/toa/b/f":          "/a/f",
		"/toa/new":          "/a/new",
		"/a/up/c":           "/c",
		"/c/deep/f":         "/a/f",
		"/dangling":         "/a/none",
		"/slash/f":          "/a/f",
		"/self/self/a":      "/a",
		"/self":             "/",
		"/none/x":           os.ErrNotExist,
		"/toa/none/x":       os.ErrNotExist,
		"/out":              os.ErrNotExist,
		"/out/x":            os.ErrNotExist,
		"/abs":              os.ErrNotExist,
		"/abs/passwd":       os.ErrNotExist,
		"/far":              os.ErrNotExist,
		"/hidden":           os.ErrNotExist,
		"/l1":               ErrLoop,
		"/l1/x":             ErrLoop,
		"/a/f/x":            ErrNotDir,
		"/toa/f/x":          ErrNotDir,
		"/nodir":            ErrNotDir,
		"/a\x00":            ErrBadName,
		"/" + long(256):     ErrNameTooLong,
		"/toa/" + long(256): ErrNameTooLong,
	} {
		got, err := f.Resolve(name)
		if sentinel, ok := want.(error); ok {
			wantErr(t, name, err, sentinel)
		} else if got != want || err != nil {
			t.Errorf("%s: %q, %v; not %q", name, got, err, want)
		}
	}
}

func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'n'
	}
	return string(b)
}

// Names hold any byte but NUL and the slash.
func TestNamesOfAnyBytes(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		names := []string{"/\xff\xfe", "/a\nb", "/ ", "/-rf", "/é", "/e\u0301", "/" + long(255), "/%2f", "/*"}
		for _, name := range names {
			mustPut(t, f, name, name)
			if _, _, err := put(f, name, name+"!", true, accept); err != nil {
				t.Error(err)
			}
			if got := read(t, f, name); got != name+"!" {
				t.Errorf("%q: %q", name, got)
			}
		}
		listed := 0
		f.List("/", func(string, *Info) error { listed++; return nil })
		if listed != len(names) {
			t.Errorf("%d members, not %d", listed, len(names))
		}
		_, _, err := put(f, "/"+long(256), "x", false, accept)
		wantErr(t, "256", err, ErrNameTooLong)
		_, err = f.MakeCollection("/" + long(256))
		wantErr(t, "256", err, ErrNameTooLong)
		_, _, err = put(f, "/a\x00b", "x", false, accept)
		wantErr(t, "NUL", err, ErrBadName)
		noReserved(t, dir)
	})
}
