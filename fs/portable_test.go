package fs_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ifmatch/fs"
	"ifmatch/fs/fstest"
)

func TestMemoryConformance(t *testing.T) {
	fstest.Conformance(t, func(t *testing.T) fs.FS { return fs.NewMemory() })
}

func TestPortableConformance(t *testing.T) { onDisks(t, fs.OpenPortable) }

func TestLinklessConformance(t *testing.T) { onDisks(t, fs.OpenLinkless) }

func TestRootConformance(t *testing.T) { onDisks(t, fs.OpenRoot) }

// What stepped aside for a MOVE that a crash cut off, and cannot be put back now, is there for the next start.
func TestSweepKeepsWhatItCannotPutBack(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, fs.ReservedPrefix+"0123456789abcdef-1-was", "d", "sub"), 0o777))
	for _, fails := range []error{syscall.EIO, nil} {
		f, err := fs.OpenPortable(dir, fs.RootOptions{Hook: func(step, _ string) error {
			if step == "rename" {
				return fails
			}
			return nil
		}})
		must(t, err)
		_, err = f.Sweep()
		must(t, err)
		if _, err := f.Lookup("/d/sub"); (err == nil) != (fails == nil) {
			t.Errorf("the rename says %v, and then: %v", fails, err)
		}
		f.Close()
	}
}

// What keeps names inside the tree is said as it is: os.Root looks at each step by itself.
func TestPortableIsNotTheKernel(t *testing.T) {
	f, err := fs.OpenPortable(t.TempDir(), fs.RootOptions{})
	must(t, err)
	defer f.Close()
	if f.Features().Beneath {
		t.Error("the kernel keeps names inside")
	}
}

type opener func(dir string, opts fs.RootOptions) (fs.FS, error)

// onDisks runs the suite in a temporary directory, and in one of a tmpfs where there is one.
func onDisks(t *testing.T, open opener) {
	parents := []string{os.TempDir()}
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		parents = append(parents, "/dev/shm")
	}
	for _, parent := range parents {
		t.Run(filepath.Base(parent), func(t *testing.T) {
			fstest.Conformance(t, func(t *testing.T) fs.FS {
				dir, err := os.MkdirTemp(parent, "ifmatch-test")
				must(t, err)
				t.Cleanup(func() { os.RemoveAll(dir) })
				f, err := open(dir, fs.RootOptions{})
				must(t, err)
				return linkable{f, dir}
			})
		})
	}
}

// linkable is a tree on disk that a test can put links into.
type linkable struct {
	fs.FS
	dir string
}

func (l linkable) Symlink(target, name string) error {
	return os.Symlink(target, filepath.Join(l.dir, name))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
