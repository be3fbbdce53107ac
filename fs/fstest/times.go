package fstest

import (
	"testing"
	"time"

	"ifmatch/fs"
)

// Each commit gets a later time than every one before, however fast they come.
func testTimes(t *testing.T, f fs.FS) {
	last := int64(0)
	seen := map[fs.Identity]bool{}
	for i := range 200 {
		name := []string{"/a", "/b"}[i%2]
		info := Put(t, f, name, "same")
		if info.Mtime <= last {
			t.Fatalf("commit %d: mtime %d, not later than %d", i, info.Mtime, last)
		}
		if seen[info.Identity] {
			t.Fatalf("commit %d: identity %+v was there before", i, info.Identity)
		}
		last, seen[info.Identity] = info.Mtime, true
	}
}

// Of a time that a client chose the second is kept; two contents with one chosen time still differ.
func testChosenTime(t *testing.T, f fs.FS) {
	chosen := time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	seen := map[int64]bool{}
	for range 5 {
		s, err := f.Stage("/f")
		must(t, err)
		must(t, s.Prepare(chosen, false))
		info, _, release, err := s.Commit(false, accept)
		must(t, err)
		release()
		if info.ModTime().Unix() != chosen.Unix() {
			t.Errorf("mtime = %v, want the second of %v", info.ModTime(), chosen)
		}
		if seen[info.Mtime] {
			t.Errorf("mtime %v was given twice", info.ModTime())
		}
		seen[info.Mtime] = true
	}
}
