package fs_test

import (
	"testing"

	"ifmatch/fs"
	"ifmatch/fs/fstest"
)

func TestMemoryConformance(t *testing.T) {
	fstest.Conformance(t, func(t *testing.T) fs.FS { return fs.NewMemory() })
}

func TestPortableConformance(t *testing.T) {
	fstest.Conformance(t, func(t *testing.T) fs.FS { return openPortable(t, t.TempDir()) })
}

func openPortable(t *testing.T, dir string) fs.FS {
	t.Helper()
	f, err := fs.OpenPortable(dir, fs.RootOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
