package fs

import (
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A file whose project quota is not that of its directory, as one that was there before the directory had one, is renamed by
// nobody: EXDEV. It is replaced and removed all the same, a link is removed, and whoever changes it meanwhile is seen.
func TestFileOfAnotherProject(t *testing.T) {
	for _, meanwhile := range []bool{false, true} {
		dir := t.TempDir()
		f := openRoot(t, dir, RootOptions{Hook: func(step, name string) error {
			if step == "exchange" || step == "rename" && Reserved(name) {
				return unix.EXDEV
			}
			return nil
		}})
		mustPut(t, f, "/f", "old")
		must(t, os.Symlink("f", dir+"/link"))
		asked := 0
		changed := func(cur *Info) error {
			if asked++; meanwhile && asked == 1 {
				must(t, os.WriteFile(dir+"/new", []byte("program"), 0o600))
				must(t, os.Rename(dir+"/new", dir+"/f"))
			}
			return nil
		}
		_, _, err := put(f, "/f", "changed", true, changed)
		wantErr(t, "replace", err, nil)
		if read(t, f, "/f") != "changed" || meanwhile && asked != 2 {
			t.Errorf("%q after %d checks", read(t, f, "/f"), asked)
		}
		asked = 0
		retireAll(t, f, changed, "/link", "/f")
		noReserved(t, dir)
	}
}

// A full Btrfs has no room for another name, and lets everything be removed.
func TestRetireOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	full := false
	f := openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
		if full && step == "rename" {
			return unix.ENOSPC
		}
		return nil
	}})
	mustPut(t, f, "/f", "old")
	must(t, os.Symlink("f", dir+"/link"))
	must(t, os.MkdirAll(dir+"/d/member", 0o777))
	full = true
	_, err := f.Retire("/d", true, accept)
	wantErr(t, "with a member", err, ErrNotEmpty)
	retireAll(t, f, accept, "/link", "/f", "/d/member", "/d")
	noReserved(t, dir)
}

// What another program has put in the place of a link that is about to be removed stays, where nothing can be renamed.
func TestRetireLinkThatIsReplacedOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{Hook: func(step, name string) error {
		if step == "rename" && Reserved(name) {
			return unix.ENOSPC
		}
		return nil
	}})
	mustPut(t, f, "/f", "old")
	must(t, os.Symlink("f", dir+"/link"))
	asked := 0
	_, err := f.Retire("/link", true, func(cur *Info) error {
		if asked++; asked > 1 {
			return os.ErrInvalid
		}
		must(t, os.WriteFile(dir+"/new", []byte("program"), 0o600))
		must(t, os.Rename(dir+"/new", dir+"/link"))
		return nil
	})
	if got := read(t, f, "/link"); err != os.ErrInvalid || got != "program" {
		t.Errorf("%v, %q", err, got)
	}
}

// Who comes to open a file for writing, while it is about to be replaced by a rename, writes to it and not to what was replaced.
func TestReplaceOfFileThatIsOpened(t *testing.T) {
	dir := t.TempDir()
	written := make(chan error, 1)
	opening := sync.OnceFunc(func() {
		go func() {
			f, err := os.OpenFile(dir+"/f", os.O_WRONLY, 0) // waits for the lease
			if err == nil {
				_, err = f.WriteString("program")
				f.Close()
			}
			written <- err
		}()
		time.Sleep(100 * time.Millisecond)
	})
	f := openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
		if step == "exchange" {
			opening()
			return unix.EXDEV
		}
		return nil
	}})
	mustPut(t, f, "/f", "old")
	asked := 0
	_, _, err := put(f, "/f", "changed", true, func(*Info) error {
		if asked++; asked > 1 {
			return os.ErrInvalid // it is another state
		}
		return nil
	})
	wantErr(t, "the program", <-written, nil)
	if got := read(t, f, "/f"); got != "program" {
		t.Errorf("%q after %v", got, err)
	}
}

func retireAll(t *testing.T, f *Root, check func(*Info) error, names ...string) {
	t.Helper()
	for _, name := range names {
		release, err := f.Retire(name, true, check)
		wantErr(t, "Retire "+name, err, nil)
		release()
		_, err = f.Lookup(name)
		wantErr(t, "Lookup "+name, err, os.ErrNotExist)
	}
}
