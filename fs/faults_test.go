package fs_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
	"ifmatch/fs/fstest"
)

// Whatever fails, and whenever the power goes: old or new, whole, and the answer is true.
func TestEveryFault(t *testing.T) {
	body := strings.Repeat("new bytes ", 1000)
	put := func(name string, exact bool) func(f fs.FS) error {
		return func(f fs.FS) error {
			s, err := f.Stage(name)
			if err != nil {
				return err
			}
			defer s.Discard()
			if _, err := io.Copy(s, strings.NewReader(body)); err != nil {
				return err
			}
			if err := s.Prepare(time.Time{}, true); err != nil {
				return err
			}
			_, _, release, err := s.Commit(exact, func(*fs.Info) error { return nil })
			if err == nil {
				release()
			}
			return err
		}
	}
	retire := func(name string, exact bool) func(f fs.FS) error {
		return func(f fs.FS) error {
			release, err := f.Retire(name, exact, func(*fs.Info) error { return nil })
			if err == nil {
				release()
			}
			return err
		}
	}
	move := func(src, dst string, exact bool) func(f fs.FS) error {
		return func(f fs.FS) error {
			_, release, err := f.Move(src, dst, exact, func(_, _ *fs.Info) error { return nil })
			if err == nil {
				release()
			}
			return err
		}
	}
	changes := map[string]func(f fs.FS) error{
		"create":                     put("/d/new", false),
		"replace":                    put("/d/f", false),
		"replace exact":              put("/d/f", true),
		"make collection":            func(f fs.FS) error { _, err := f.MakeCollection("/d/new"); return err },
		"retire file":                retire("/d/f", false),
		"retire file exact":          retire("/d/f", true),
		"retire collection":          retire("/d", false),
		"retire collection exact":    retire("/d", true),
		"move file":                  move("/d/f", "/new", false),
		"move file exact":            move("/d/f", "/new", true),
		"move collection":            move("/d", "/new", false),
		"move file over file":        move("/d/f", "/g", false),
		"move file over file exact":  move("/d/f", "/g", true),
		"move collection over file":  move("/d", "/g", false),
		"move file over collection":  move("/g", "/d", false),
		"move over collection":       move("/d", "/e", false),
		"move over collection exact": move("/d", "/e", true),
	}
	for treeName, tree := range trees {
		for name, act := range changes {
			t.Run(treeName+"/"+name, func(t *testing.T) {
				fstest.Every{New: tree, Setup: faultTree, Act: act, Volatile: treeName == "memory"}.Run(t)
			})
		}
	}
}

// What has left the tree and cannot be removed is told of once, with where it is; the sweep of another start removes it.
func TestWhatIsLeftIsToldOf(t *testing.T) {
	for name, open := range map[string]opener{"portable": fs.OpenPortable, "root": fs.OpenRoot} {
		for how, act := range map[string]func(f fs.FS) (release func(), err error){
			"retire": func(f fs.FS) (func(), error) {
				return f.Retire("/d/sub", false, func(*fs.Info) error { return nil })
			},
			"move over": func(f fs.FS) (func(), error) {
				_, release, err := f.Move("/g", "/d/sub", false, func(_, _ *fs.Info) error { return nil })
				return release, err
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				dir, full := t.TempDir(), false
				var left []string
				errStuck := errors.New("stuck")
				f, err := open(dir, fs.RootOptions{
					Hook: func(step, _ string) error {
						if full && (step == "remove" || step == "unlink") {
							return errStuck
						}
						return nil
					},
					Left: func(path string, err error) {
						if err != errStuck {
							t.Error(err)
						}
						left = append(left, path)
					},
				})
				must(t, err)
				faultTree(t, f)
				use, err := f.Ready(fs.RootOptions{}) // a reload
				must(t, err)
				use()
				release, err := act(f)
				must(t, err)
				full = true
				release()
				if len(left) != 1 {
					t.Fatalf("told of %q", left)
				}
				if fi, err := os.Lstat(left[0]); err != nil || !fi.IsDir() {
					t.Error(fi, err)
				}
				f.Close()
				if f, err = open(dir, fs.RootOptions{}); err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if n, err := f.Sweep(); n != 1 || err != nil {
					t.Errorf("%d swept, %v", n, err)
				}
			})
		}
	}
}

var trees = map[string]func(t *testing.T) fstest.Open{
	"memory": func(t *testing.T) fstest.Open {
		return func(func(step, name string) error) (fs.FS, error) { return fs.NewMemory(), nil }
	},
	"portable": onDisk(fs.OpenPortable),
	"linkless": onDisk(fs.OpenLinkless),
	"root":     onDisk(fs.OpenRoot),
}

func onDisk(open opener) func(t *testing.T) fstest.Open {
	return func(t *testing.T) fstest.Open {
		dir := tempDir(t)
		return func(hook func(step, name string) error) (fs.FS, error) {
			return open(dir, fs.RootOptions{Hook: hook})
		}
	}
}

// tempDir is a directory in memory where the system has one: thousands of trees are made here,
// and what they show does not depend on the disk.
func tempDir(t *testing.T) string {
	t.Helper()
	parent := os.TempDir()
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		parent = "/dev/shm"
	}
	dir, err := os.MkdirTemp(parent, "ifmatch-test")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func faultTree(t *testing.T, f fs.FS) {
	for _, dir := range []string{"/d", "/d/sub", "/e"} {
		if _, err := f.MakeCollection(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/d/f", "/d/sub/x", "/e/y", "/g"} {
		fstest.Put(t, f, name, "bytes of "+name)
	}
}
