package fs

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// store makes x the bytes of name.
func store(f FS, name string) error {
	_, _, err := put(f, name, "x", false, accept)
	return err
}

// A tree that was opened read-only is tried when it is to be written, and nothing counts before it is used.
func TestReadyToWrite(t *testing.T) {
	for name, open := range map[string]func(string, RootOptions) (FS, error){"root": OpenRoot, "portable": OpenPortable} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f, err := open(dir, RootOptions{ReadOnly: true})
			must(t, err)
			defer f.Close()
			fresh, err := open(dir, RootOptions{})
			must(t, err)
			want := fresh.Features()
			fresh.Close()
			use, err := f.Ready(RootOptions{})
			must(t, err)
			if err := store(f, "/f"); !errors.Is(err, ErrReadOnly) {
				t.Errorf("before it is used: %v", err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("the trial left %v, %v", entries, err)
			}
			use()
			if err := store(f, "/f"); err != nil {
				t.Error(err)
			}
			if err := f.Mkdir("/d", 0o777); err != nil {
				t.Error(err)
			}
			got := f.Features()
			got.Granularity, want.Granularity = 0, 0 // of a clock, measured twice
			got.Beside, want.Beside = false, false
			if got != want {
				t.Errorf("found %+v, want %+v", got, want)
			}
			// What is under way must not find it read-only.
			if use, err = f.Ready(RootOptions{ReadOnly: true}); err != nil {
				t.Fatal(err)
			}
			use()
			if err := store(f, "/g"); err != nil {
				t.Error(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 3 {
				t.Errorf("%v, %v", entries, err)
			}
		})
	}
}

// Owner and umask are those that count when a file is made, and are tried before.
func TestReadyForOwners(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenRoot(dir, RootOptions{})
	must(t, err)
	defer f.Close()
	mask := Umask(0o077)
	use, err := f.Ready(RootOptions{Umask: &mask})
	must(t, err)
	modes := func(name string) (mode iofs.FileMode) {
		t.Helper()
		must(t, store(f, name))
		fi, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		return fi.Mode().Perm()
	}
	if before := modes("/before"); before == 0o600 {
		t.Errorf("before it is used: %o", before)
	}
	use()
	if after := modes("/after"); after != 0o600 {
		t.Errorf("after: %o", after)
	}
	if os.Geteuid() == 0 {
		use, err = f.Ready(RootOptions{Owner: &Owner{UID: 65534, GID: -1}})
		must(t, err)
		use()
		modes("/given")
		return
	}
	if _, err := f.Ready(RootOptions{Owner: &Owner{UID: 0, GID: -1}}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("files cannot be given away, and it says %v", err)
	}
	if after := modes("/still"); after != 0o600 {
		t.Errorf("after what failed: %o", after)
	}
}
