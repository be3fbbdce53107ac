package etagfs

import (
	"context"
	iofs "io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"ifmatch/fs"
)

// shutFS is a tree with a file that may not be read.
type shutFS struct{ fs.FS }

func (s shutFS) OpenRead(name string) (fs.File, error) {
	if name == "/shut" {
		return nil, &iofs.PathError{Op: "open", Path: name, Err: iofs.ErrPermission}
	}
	return s.FS.OpenRead(name)
}

// A file that may not be read is said to be so, and not again with each listing, but when it has changed.
func TestListingsOfWhatMayNotBeRead(t *testing.T) {
	base := fs.NewMemory()
	f := New(shutFS{base}, Options{Settings: Settings{Content: true, Relaxed: true}})
	defer f.Close()
	ctx, stop := context.WithCancel(ctx)
	said := make(chan string, 10)
	ended := make(chan error)
	must(t, afero.WriteFile(base, "/shut", []byte("x"), 0o600))
	go func() {
		ended <- f.KeepHashing(ctx, HashOptions{Failed: func(name string, err error) { said <- name }})
	}()
	list := func() {
		t.Helper()
		for range 3 {
			must(t, f.List("/", func(string, *Info) error { return nil }))
			for f.Backlog() > 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	for range 2 {
		if got := <-said; got != "/shut" {
			t.Error(got)
		}
		list()
		must(t, afero.WriteFile(base, "/shut", []byte("changed"), 0o600))
		must(t, f.List("/", func(string, *Info) error { return nil }))
	}
	<-said
	stop()
	<-ended
	if len(said) > 0 {
		t.Errorf("said %d times more", len(said))
	}
}

// TestFirstPassIsSaidToBeDone: until then nobody knows how many files wait.
func TestFirstPassIsSaidToBeDone(t *testing.T) {
	base := fs.NewMemory()
	f := New(base, Options{Settings: Settings{Content: true, Relaxed: true}})
	defer f.Close()
	for _, name := range []string{"/a", "/b"} {
		must(t, afero.WriteFile(base, name, []byte(name), 0o600))
	}
	ctx, stop := context.WithCancel(ctx)
	during, passed := -1, make(chan HashProgress, 1)
	ended := make(chan error)
	go func() {
		ended <- f.KeepHashing(ctx, HashOptions{
			Progress: func(HashProgress) { during = f.Stats().HashPasses },
			Passed:   func(p HashProgress) { passed <- p },
		})
	}()
	if p := <-passed; p.Files != 2 || during != 1 {
		t.Errorf("%d files, %d passes were under way", p.Files, during)
	}
	for f.Stats().HashPasses > 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-ended
}

// A pass over the whole tree takes long: what somebody has listed comes before the rest of it.
func TestWhatIsListedIsHashedFirst(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true, Relaxed: true, NoNotify: true}})
	collections := []string{"/a", "/b"}
	for _, c := range collections {
		must(t, os.Mkdir(filepath.Join(dir, c), 0o700))
		for i := range 9 {
			must(t, os.WriteFile(filepath.Join(dir, c, strconv.Itoa(i)), []byte("content"), 0o600))
		}
	}
	time.Sleep(50 * time.Millisecond) // they are no longer young
	hashed := func(c string) (n int) {
		for i := range 9 {
			info, err := f.base.Lookup(path.Join(c, strconv.Itoa(i)))
			must(t, err)
			if _, ok := f.content.get(info.Identity); ok {
				n++
			}
		}
		return n
	}
	later := ""
	_, err := f.HashAll(ctx, HashOptions{Progress: func(p HashProgress) {
		switch p.Files {
		case 1:
			for _, c := range collections {
				if hashed(c) == 0 {
					later = c
				}
			}
			must(t, f.List(later, func(string, *Info) error { return nil }))
		case 5:
			if n := hashed(later); n < 3 {
				t.Errorf("%d of %s, which was listed, are hashed after %d files", n, later, p.Files)
			}
		}
	}})
	must(t, err)
}

// The rate holds within a large file, too, and its progress is told while it is read.
func TestLargeFileIsHashedAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(fs.NewMemory(), Options{Settings: Settings{Content: true, NoNotify: true}})
		defer f.Close()
		beside(t, f, "/f", strings.Repeat("x", 3*tellBytes))
		began := time.Now()
		var told []HashProgress
		_, err := f.HashAll(ctx, HashOptions{BytesPerSecond: tellBytes, Progress: func(p HashProgress) {
			told = append(told, p)
			if least := time.Duration(p.Bytes-hashBufferBytes) * time.Second / tellBytes; time.Since(began) < least {
				t.Errorf("%d bytes after %v", p.Bytes, time.Since(began))
			}
		}})
		must(t, err)
		if want := []HashProgress{{Bytes: tellBytes}, {Bytes: 2 * tellBytes}, {Bytes: 3 * tellBytes}, {Files: 1, Bytes: 3 * tellBytes}}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}
