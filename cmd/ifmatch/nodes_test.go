package main

import (
	"errors"
	iofs "io/fs"
	"testing"

	"ifmatch/etagfs/state"
	"ifmatch/fs"
)

// failingFS cannot look at anything, nor list it.
type failingFS struct {
	fs.FS
	err error
}

func (f failingFS) Lookup(string) (info fs.Info, err error) {
	if f.err == fs.ErrSpecial {
		info.Ino = 7
	}
	return info, f.err
}

func (f failingFS) List(string, func(string, *fs.Info) error) error { return f.err }

// TestStateTakesOnlyWhatIsMissingForUnmapped: what a disk fails with says nothing about the name, and a link is there.
func TestStateTakesOnlyWhatIsMissingForUnmapped(t *testing.T) {
	for err, certain := range map[error]bool{
		iofs.ErrNotExist:       true,
		fs.ErrNotDir:           true,
		fs.ErrSpecial:          true,
		iofs.ErrPermission:     false,
		errors.New("io error"): false,
	} {
		n := nodes{failingFS{fs.NewMemory(), err}}
		want := state.Node{}
		if err == fs.ErrSpecial {
			want.Ino = 7
		}
		if node, got := n.Node("/a"); node != want || (got == nil) != certain {
			t.Errorf("%v: got %v, %v", err, node, got)
		}
		if !n.Empty() {
			t.Errorf("%v: the root is known to have members", err)
		}
	}
}
