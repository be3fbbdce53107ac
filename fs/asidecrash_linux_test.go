package fs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs"
	"ifmatch/fs/fstest"
)

// A MOVE that overwrites is one step after any crash also where the file system cannot exchange, or
// gives nothing a second name.
func TestEveryFaultOfAPoorFileSystem(t *testing.T) {
	type move struct {
		src, dst string
		exact    bool
	}
	for kind, poor := range map[string]struct {
		lacks map[string]error
		moves []move
	}{
		"no exchange": {map[string]error{"exchange": unix.EOPNOTSUPP}, []move{{"/d/f", "/g", true}, {"/d", "/g", false}, {"/d", "/e", true}}},
		"no links":    {map[string]error{"second name": unix.EPERM}, []move{{"/d/f", "/g", true}, {"/g", "/d", false}}},
		"neither":     {map[string]error{"exchange": unix.ENOSYS, "second name": unix.EMLINK}, []move{{"/d/f", "/d/h", true}}},
	} {
		tree := func(t *testing.T) fstest.Open {
			dir := tempDir(t)
			return func(hook func(step, name string) error) (fs.FS, error) {
				return fs.OpenRoot(dir, fs.RootOptions{Hook: func(step, name string) error {
					if hook != nil {
						if err := hook(step, name); err != nil {
							return err
						}
					}
					return poor.lacks[step]
				}})
			}
		}
		for _, m := range poor.moves {
			t.Run(kind+m.src+m.dst, func(t *testing.T) {
				fstest.Every{New: tree, Setup: func(t *testing.T, f fs.FS) {
					faultTree(t, f)
					fstest.Put(t, f, "/d/h", "bytes of h")
				}, Act: func(f fs.FS) error {
					_, release, err := f.Move(m.src, m.dst, m.exact, func(_, _ *fs.Info) error { return nil })
					if err == nil {
						release()
					}
					return err
				}}.Run(t)
			})
		}
	}
}

// A child that moves over what is there, killed at any moment: the destination is always there, and the
// source is either what comes next or not there.
func TestKilledMover(t *testing.T) {
	if dir := os.Getenv("IFMATCH_TEST_KILL_MOVER"); dir != "" {
		mover(t, dir)
	}
	dir := tempDir(t)
	for range 30 {
		fs.Kill(t, "TestKilledMover", "IFMATCH_TEST_KILL_MOVER="+dir, time.Duration(rand.IntN(20_000))*time.Microsecond)
		f, err := fs.OpenRoot(dir, fs.RootOptions{})
		must(t, err)
		if _, err := f.Sweep(); err != nil {
			t.Error(err)
		}
		for _, kind := range []string{"file", "collection"} {
			at, next := numbers(t, f, "/"+kind), numbers(t, f, "/next-"+kind)
			if len(at) != 1 || len(next) > 1 || len(next) == 1 && next[0] <= at[0] {
				t.Errorf("%s: the destination is %d, the source %d", kind, at, next)
			}
		}
		tree := fstest.Tree(t, f)
		for name := range tree {
			if strings.Contains(name, "kept-") || strings.Contains(name, fs.ReservedPrefix) {
				t.Errorf("%v", tree)
			}
		}
		f.Close()
	}
}

// numbers are those of the files at name or in it.
func numbers(t *testing.T, f fs.FS, name string) (found []int) {
	for at, body := range fstest.Tree(t, f) {
		if at == name || strings.HasPrefix(at, name+"/") && !strings.HasSuffix(at, "/") {
			n, err := strconv.Atoi(body)
			if err != nil {
				t.Errorf("%s: %q", at, body)
			}
			found = append(found, n)
		}
	}
	return found
}

func mover(t *testing.T, dir string) {
	f, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	f.Sweep()
	move := func(src, dst string) {
		if _, release, err := f.Move(src, dst, true, func(_, _ *fs.Info) error { return nil }); err != nil {
			t.Error(err)
		} else {
			release()
		}
	}
	first := 0
	if at := numbers(t, f, "/file"); len(at) > 0 {
		first = at[0]
	}
	if at := numbers(t, f, "/collection"); len(at) > 0 {
		first = max(first, at[0])
	}
	for n := first + 1; ; n++ {
		fstest.Put(t, f, "/next-file", strconv.Itoa(n))
		move("/next-file", "/file")
		hidden := f.Hidden("/x")
		if _, err := f.MakeCollection(hidden); err != nil {
			t.Error(err)
		}
		fstest.Put(t, f, fmt.Sprintf("%s/%d", hidden, n), strconv.Itoa(n))
		move(hidden, "/next-collection")
		move("/next-collection", "/collection")
		if n == first+1 {
			os.Stdout.WriteString("x")
		}
	}
}
