package fs

import (
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// disks are the directories that tests run on: the one of the test, one in memory, and, to try
// other file systems, those of $IFMATCH_TEST_DISKS.
func disks(t *testing.T, test func(t *testing.T, dir string)) {
	t.Run("disk", func(t *testing.T) { test(t, t.TempDir()) })
	for _, at := range append([]string{"/dev/shm"}, filepath.SplitList(os.Getenv("IFMATCH_TEST_DISKS"))...) {
		t.Run(filepath.Base(at), func(t *testing.T) {
			dir, err := os.MkdirTemp(at, "ifmatch-test")
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			test(t, dir)
		})
	}
}

func openRoot(t testing.TB, dir string, opts RootOptions) *Root {
	t.Helper()
	f, err := OpenRoot(dir, opts)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f.(*Root)
}

func read(t testing.TB, f FS, name string) string {
	t.Helper()
	file, err := f.OpenRead(name)
	must(t, err)
	defer file.Close()
	b, err := io.ReadAll(file)
	must(t, err)
	return string(b)
}

func noReserved(t testing.TB, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err == nil && Reserved(d.Name()) {
			t.Errorf("left over: %s", path)
		}
		return nil
	})
}

func TestCommitCreatesAndReplaces(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		t.Logf("%+v", f.Features())
		for _, name := range []string{"/f", "/d/f"} {
			if name == "/d/f" {
				if _, err := f.MakeCollection("/d"); err != nil {
					t.Fatal(err)
				}
			}
			first, created, err := put(f, name, "one", true, func(cur *Info) error {
				if cur != nil {
					t.Error("mapped before it was created")
				}
				return nil
			})
			if err != nil || !created {
				t.Fatal(created, err)
			}
			for _, exact := range []bool{false, true} {
				now := mustLookup(t, f, name)
				second, created, err := put(f, name, "two", exact, func(cur *Info) error {
					if cur == nil || cur.Identity != now.Identity {
						t.Errorf("exact %v: check saw %v, not %v", exact, cur, now)
					}
					return nil
				})
				if err != nil || created {
					t.Fatal(created, err)
				}
				if second.Mtime <= now.Mtime || second.Identity == first.Identity {
					t.Errorf("mtime %d after %d", second.Mtime, now.Mtime)
				}
				if now := mustLookup(t, f, name); now != second {
					t.Errorf("exact %v: Commit says %+v, Lookup %+v", exact, second, now)
				}
			}
			if got := read(t, f, name); got != "two" {
				t.Errorf("%q", got)
			}
			refused := errors.New("refused")
			if _, _, err := put(f, name, "three", true, func(*Info) error { return refused }); err != refused {
				t.Errorf("refused: %v", err)
			}
			release, err := f.Retire(name, true, accept)
			must(t, err)
			release()
			if _, err := f.Lookup(name); !errors.Is(err, iofs.ErrNotExist) {
				t.Errorf("retired: %v", err)
			}
		}
		noReserved(t, dir)
	})
}

func mustLookup(t testing.TB, f FS, name string) Info {
	t.Helper()
	info, err := f.Lookup(name)
	must(t, err)
	return info
}

func TestSpecialFilesAreNotServed(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o666))
	must(t, unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "link")))
	for _, name := range []string{"/fifo", "/null", "/socket", "/link"} {
		_, err := f.Lookup(name)
		wantErr(t, name+" Lookup", err, ErrSpecial)
		_, err = f.OpenRead(name)
		wantErr(t, name+" OpenRead", err, ErrSpecial)
		for _, exact := range []bool{false, true} {
			_, _, err = put(f, name, "x", exact, accept)
			wantErr(t, name+" Commit", err, ErrSpecial)
		}
		_, _, err = f.SetModTime(name, time.Now())
		wantErr(t, name+" SetModTime", err, ErrSpecial)
		if name == "/link" {
			continue
		}
		_, err = f.Retire(name, true, accept)
		wantErr(t, name+" Retire", err, ErrSpecial)
		_, _, err = f.Move(name, "/x", true, accept2)
		wantErr(t, name+" Move", err, ErrSpecial)
	}
	if err := f.List("/", func(base string, _ *Info) error { t.Error("listed", base); return nil }); err != nil {
		t.Error(err)
	}
	noReserved(t, dir)
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, not %v", what, err, want)
	}
	var p *iofs.PathError
	if err != nil && (!errors.As(err, &p) || !strings.HasPrefix(p.Path, "/")) {
		t.Errorf("%s: no PathError with a name: %#v", what, err)
	}
}

func TestEveryChange(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		t.Logf("%+v", f.Features())
		everyChange(t, f)
		noReserved(t, dir)
	})
}

// A second server on a directory notices the first one.
func TestAnotherServerIsNoticed(t *testing.T) {
	for name, open := range map[string]func(string, RootOptions) (FS, error){"root": OpenRoot, "portable": OpenPortable} {
		dir := t.TempDir()
		var before FS
		for _, beside := range []bool{false, true} {
			f, err := open(dir, RootOptions{})
			must(t, err)
			if got := f.Features().Beside; got != beside {
				t.Errorf("%s: another server: %v, want %v", name, got, beside)
			}
			if before != nil {
				before.Close()
			}
			before = f
		}
		before.Close()
	}
}
