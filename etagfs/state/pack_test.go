package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStartAfterManyPropertiesAreGone: the list of pages that are free is written with each change, for ever.
func TestStartAfterManyPropertiesAreGone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, fileName)
	want := makeHollow(t, dir)
	before := size(t, file)

	// Where it cannot be made anew, it is as good as before.
	inTheWay := filepath.Join(dir, fileName+".packed", "x")
	must(t, os.MkdirAll(inTheWay, 0o700))
	s := open(t, dir)
	if got := all(t, s); got != want || size(t, file) != before {
		t.Errorf("got %s of %d bytes, want %s of %d", got, size(t, file), want, before)
	}
	must(t, s.Close())
	must(t, os.Chmod(filepath.Dir(inTheWay), 0o700)) // it was given the mode of a file
	must(t, os.RemoveAll(filepath.Dir(inTheWay)))

	must(t, os.WriteFile(filepath.Dir(inTheWay), []byte("what a crash left"), 0o600))
	s = open(t, dir)
	if got := all(t, s); got != want || size(t, file) > before/2 {
		t.Errorf("got %s of %d bytes, want %s of less than half of %d", got, size(t, file), want, before)
	}
	patch(t, s, "/0", set("", "q", "1"))
	must(t, s.Ready())
	must(t, s.Close())
	if left, _ := filepath.Glob(file + ".*"); left != nil {
		t.Error("left: ", left)
	}
	if was, now := size(t, file), sizeAfterOpen(t, dir); now != was {
		t.Errorf("a second start made %d bytes of %d", now, was)
	}
}

// makeHollow makes a store that is mostly empty, and returns all that is in it.
func makeHollow(t *testing.T, dir string) string {
	s, err := Open(dir, Options{Relaxed: true})
	must(t, err)
	const resources = 400
	large := set("", "large", strings.Repeat("x", 60<<10))
	for i := range resources {
		patch(t, s, fmt.Sprint("/", i), large, set("", "p", fmt.Sprint(i)))
	}
	for i := range resources {
		patch(t, s, fmt.Sprint("/", i), Op{Name: large.Name})
	}
	defer func() { must(t, s.Close()) }()
	return all(t, s)
}

func sizeAfterOpen(t *testing.T, dir string) int64 {
	must(t, open(t, dir).Close())
	return size(t, filepath.Join(dir, fileName))
}

func size(t *testing.T, file string) int64 {
	info, err := os.Stat(file)
	must(t, err)
	return info.Size()
}
