package etagfs

import (
	"context"
	iofs "io/fs"
	"testing"
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
