package fs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A commit that brings out what nobody checked removes no file that nobody has asked to remove, whatever another program
// does with the names before each of its exchanges.
func TestPutBackRemovesNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(n int, dir string) error // the n-th exchange, from 1
		stay   []string                      // of the bytes that were there, or came
	}{
		{"two names are exchanged", func(n int, dir string) error {
			if n <= 2 {
				return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
			}
			return nil
		}, []string{"of a", "of b"}},
		{"they are exchanged all the time", func(_ int, dir string) error {
			return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
		}, []string{"of a", "of b"}},
		{"and then nothing can be exchanged", func(n int, dir string) error {
			if n == 1 {
				return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
			}
			return unix.EIO
		}, []string{"of a", "of b"}},
		{"the file is replaced twice", func(n int, dir string) error {
			if n > 2 {
				return nil
			}
			if err := os.WriteFile(dir+"/t", []byte{'0' + byte(n)}, 0o666); err != nil {
				return err
			}
			return os.Rename(dir+"/t", dir+"/a")
		}, []string{"2", "of b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			n := 0
			f := openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
				if step != "exchange" {
					return nil
				}
				n++
				return tt.before(n, dir)
			}})
			mustPut(t, f, "/a", "of a")
			mustPut(t, f, "/b", "of b")
			checked := mustLookup(t, f, "/a")
			_, _, err := put(f, "/a", "new", true, func(cur *Info) error {
				if cur == nil || cur.Ino != checked.Ino {
					return errStale
				}
				return nil
			})
			if err == nil || n == 0 {
				t.Fatalf("%v after %d exchanges", err, n)
			}
			found := map[string]int{}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range files {
				body, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				found[string(body)]++
			}
			delete(found, "new") // of which nobody can tell where it has been moved to
			for _, body := range tt.stay {
				if found[body] != 1 {
					t.Errorf("%q has %d names", body, found[body])
				}
				delete(found, body)
			}
			if len(found) > 0 {
				t.Errorf("left over: %v", found)
			}
			noReserved(t, dir)
		})
	}
}
