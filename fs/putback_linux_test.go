package fs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A step that brings out what nobody checked removes no file that nobody has asked to remove, whatever another program
// does with the names before each of its exchanges.
func TestPutBackRemovesNothingElse(t *testing.T) {
	swapped := func(dir string) error {
		return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
	}
	for _, tt := range []struct {
		name   string
		before func(n int, dir string) error // the n-th exchange, from 1; with 0, a rename after the first
		stay   []string                      // of the bytes that were there, or came
	}{
		{"two names are exchanged", func(n int, dir string) error {
			if n == 1 || n == 2 {
				return swapped(dir)
			}
			return nil
		}, []string{"of a", "of b"}},
		{"they are exchanged all the time", func(n int, dir string) error {
			if n > 0 {
				return swapped(dir)
			}
			return nil
		}, []string{"of a", "of b"}},
		{"the way back fails", func(n int, dir string) error {
			switch n {
			case 0:
				return nil
			case 1:
				return swapped(dir)
			}
			return unix.EIO
		}, []string{"of a", "of b"}},
		{"the second way back fails", func(n int, dir string) error {
			switch n {
			case 0:
				return nil
			case 1, 2:
				return swapped(dir)
			}
			return unix.EIO
		}, []string{"of a", "of b"}},
		{"the file is replaced twice", func(n int, dir string) error {
			if n != 1 && n != 2 {
				return nil
			}
			if err := os.WriteFile(dir+"/t", []byte{'0' + byte(n)}, 0o666); err != nil {
				return err
			}
			return os.Rename(dir+"/t", dir+"/a")
		}, []string{"2", "of b"}},
		{"names move on", func(n int, dir string) error {
			switch n {
			case 1:
				return swapped(dir)
			case 2: // what we have put there is moved away
				return os.Rename(dir+"/a", dir+"/c")
			case 0: // and something else comes
				if _, err := os.Lstat(dir + "/a"); err != nil {
					return os.Rename(dir+"/b", dir+"/a")
				}
			}
			return nil
		}, []string{"of a", "of b"}},
	} {
		move := func(f FS, same func(cur *Info) error) error {
			_, _, err := f.Move("/new", "/a", true, func(_, dst *Info) error { return same(dst) })
			return err
		}
		for step, act := range map[string]func(f FS, same func(cur *Info) error) error{
			"save": func(f FS, same func(cur *Info) error) error {
				_, _, err := put(f, "/a", "new", true, same)
				return err
			},
			"move": move, "move, no links": move,
		} {
			moves := step != "save"
			if moves && tt.name == "the way back fails" {
				continue // which leaves it to the next sweep
			}
			t.Run(step+": "+tt.name, func(t *testing.T) {
				dir := t.TempDir()
				n := 0
				links := step != "move, no links"
				f := openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
					switch {
					case step == "second name" && !links:
						return unix.EPERM
					case step == "exchange":
						n++
						return tt.before(n, dir)
					case step == "rename" && n > 0:
						return tt.before(0, dir)
					}
					return nil
				}})
				mustPut(t, f, "/a", "of a")
				mustPut(t, f, "/b", "of b")
				if moves {
					mustPut(t, f, "/new", "new")
				}
				checked := mustLookup(t, f, "/a")
				err := act(f, func(cur *Info) error {
					if cur == nil || cur.Ino != checked.Ino {
						return errStale
					}
					return nil
				})
				if n == 0 {
					t.Fatalf("%v, and nothing was exchanged", err)
				}
				bodies := namesOf(t, dir)
				replaced := !links && tt.name == "the file is replaced twice" // at its only name
				if moves && !replaced && len(bodies["new"]) == 0 {
					t.Errorf("%v: what was to move is gone", err)
				}
				delete(bodies, "new") // of which nobody can tell where another program has moved it
				for _, body := range tt.stay {
					if len(bodies[body]) != 1 && (err != nil || body != "of a") {
						t.Errorf("%v: %q is at %v", err, body, bodies[body])
					}
					delete(bodies, body)
				}
				if len(bodies) > 0 {
					t.Errorf("left over: %v", bodies)
				}
				noReserved(t, dir)
			})
		}
	}
}

// namesOf are the names in dir by the bytes that they have.
func namesOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	files, err := os.ReadDir(dir)
	must(t, err)
	names := map[string][]string{}
	for _, e := range files {
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Error(err)
		}
		names[string(body)] = append(names[string(body)], e.Name())
	}
	return names
}

// What another program has put at the name in between is not removed when it can get no name either: it stays under the one that it has.
func TestPutBackRemovesNothingThatGetsNoName(t *testing.T) {
	swapped := func(dir string) error {
		return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
	}
	for name, then := range map[string]func(n int, dir string) error{
		"moved away": func(n int, dir string) error { return os.Rename(dir+"/a", dir+"/c") },
		"exchanged":  func(n int, dir string) error { return swapped(dir) },
		"fails":      func(n int, dir string) error { return unix.EIO },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			n := 0
			f := openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
				switch {
				case step == "rename" && n > 0:
					return unix.ENOSPC
				case step != "exchange":
					return nil
				}
				if n++; n == 1 {
					return swapped(dir)
				}
				return then(n, dir)
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
			if err == nil || err == errStale {
				t.Errorf("%v, want why it got none", err)
			}
			bodies := namesOf(t, dir)
			for _, body := range []string{"of a", "of b"} {
				if len(bodies[body]) != 1 {
					t.Errorf("%v: %q is at %v; there are %v", err, body, bodies[body], bodies)
				}
			}
		})
	}
}
