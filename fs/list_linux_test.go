package fs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListShowsWhatIsServed(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		for _, d := range []string{"/sub", "/sub/col"} {
			if _, err := f.MakeCollection(d); err != nil {
				t.Fatal(err)
			}
		}
		mustPut(t, f, "/top", "12345")
		want := map[string]Info{}
		for n := range 5000 {
			base := fmt.Sprintf("file-%d", n)
			must(t, os.WriteFile(filepath.Join(dir, "sub", base), []byte(base), 0o666))
			want[base] = mustLookup(t, f, "/sub/"+base)
		}
		for link, target := range map[string]string{
			"tofile": "file-7", "tocol": "col", "totop": "../top", "self": "self",
			"dangling": "none", "out": "../../x", "abs": "/etc/passwd", ReservedPrefix + "l": "file-7",
		} {
			must(t, os.Symlink(target, filepath.Join(dir, "sub", link)))
		}
		want["tofile"], want["totop"] = want["file-7"], mustLookup(t, f, "/top")
		want["col"] = mustLookup(t, f, "/sub/col")
		want["tocol"] = want["col"]
		for link, real := range map[string]string{"tofile": "/sub/file-7", "totop": "/top", "tocol": "/sub/col"} {
			info := want[link]
			info.Real = real
			want[link] = info
		}
		err := f.List("/sub", func(base string, info *Info) error {
			w, ok := want[base]
			if !ok {
				t.Errorf("listed %q", base)
			} else if *info != w {
				t.Errorf("%s: %+v, not %+v", base, *info, w)
			}
			delete(want, base)
			return nil
		})
		if err != nil || len(want) != 0 {
			t.Errorf("%v; not listed: %v", err, want)
		}
		if err := f.List("/sub", func(string, *Info) error { return errStale }); err != errStale {
			t.Error(err)
		}
		wantErr(t, "file", f.List("/top", nil), ErrNotDir)
		wantErr(t, "none", f.List("/none", nil), os.ErrNotExist)
	})
}

// What is allocated does not grow with the members, but for their names, of which some 1,500 share a piece of memory.
func TestListAllocations(t *testing.T) {
	f := openRoot(t, manyFiles(t, 2000), RootOptions{})
	list := func() { f.List("/", func(string, *Info) error { return nil }) }
	if n := testing.AllocsPerRun(5, list); n > 20 {
		t.Errorf("%v allocations for 2000 members", n)
	}
}

// States are read where no stack may grow: neither the collector nor another listing comes between.
func TestListWhileCollecting(t *testing.T) {
	const members, lists = 300, 40
	f := openRoot(t, manyFiles(t, members), RootOptions{})
	done := make(chan struct{})
	var collector, all sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	})
	for range 4 {
		all.Go(func() {
			for range lists {
				n := 0
				err := f.List("/", func(base string, info *Info) error {
					if n++; base != fmt.Sprint("f", info.SizeBytes) {
						t.Errorf("%s has %d bytes", base, info.SizeBytes)
					}
					return nil
				})
				if err != nil || n != members {
					t.Errorf("%d members, %v", n, err)
				}
			}
		})
	}
	all.Wait()
	close(done)
	collector.Wait()
}

// A listing for which descriptors are missing is no listing of an empty collection.
func TestListWithoutDescriptors(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "f"), nil, 0o666), os.Mkdir(filepath.Join(dir, "c"), 0o777),
		os.Symlink("../f", filepath.Join(dir, "c", "link"))); err != nil {
		t.Fatal(err)
	}
	f := openRoot(t, dir, RootOptions{})
	free, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	unix.Close(free)
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free) + 1, Max: before.Max}))
	err = f.List("/c", func(base string, _ *Info) error { t.Error("listed", base); return nil })
	if !errors.Is(err, ErrTooManyOpen) {
		t.Errorf("listing with one descriptor: %v", err)
	}
}

// manyFiles makes files whose names end in their sizes.
func manyFiles(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for n := range n {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("f", n)), make([]byte, n), 0o666))
	}
	return dir
}
