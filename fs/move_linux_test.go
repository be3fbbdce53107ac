package fs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMoveOfLinks(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		for _, exact := range []bool{false, true} {
			for _, over := range []bool{false, true} {
				target := mustPut(t, f, "/f", "target")
				must(t, os.Symlink("f", dir+"/src"))
				if over {
					mustPut(t, f, "/dst", "old")
				}
				_, release, err := f.Move("/src", "/dst", exact, func(src, dst *Info) error {
					if src == nil || src.Identity != target.Identity || (dst != nil) != over {
						t.Errorf("check saw %v, %v", src, dst)
					}
					return nil
				})
				must(t, err)
				release()
				if at, err := os.Readlink(dir + "/dst"); err != nil || at != "f" {
					t.Errorf("the link itself moves: %q, %v", at, err)
				}
				release, err = f.Retire("/dst", exact, func(cur *Info) error {
					if cur == nil || cur.Identity != target.Identity {
						t.Errorf("check saw %v", cur)
					}
					return nil
				})
				must(t, err)
				release()
				if got := read(t, f, "/f"); got != "target" {
					t.Error(got)
				}
			}
		}
		noReserved(t, dir)
	})
}

// rename(2) does nothing for two names of one file; MOVE removes the source all the same.
func TestMoveOverHardLink(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		for _, exact := range []bool{false, true} {
			mustPut(t, f, "/src", "one")
			must(t, os.Link(dir+"/src", dir+"/dst"))
			if _, release, err := f.Move("/src", "/dst", exact, accept2); err != nil {
				t.Fatal(err)
			} else {
				release()
			}
			if _, err := f.Lookup("/src"); !errors.Is(err, os.ErrNotExist) || read(t, f, "/dst") != "one" {
				t.Errorf("exact %v: src %v", exact, err)
			}
			os.Remove(dir + "/dst")
		}
	})
}

func TestMoveIntoItself(t *testing.T) {
	f := openRoot(t, t.TempDir(), RootOptions{})
	for _, d := range []string{"/a", "/a/b"} {
		if _, err := f.MakeCollection(d); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range [][2]string{{"/a", "/a/x"}, {"/a", "/a/b"}, {"/a/b", "/a"}, {"/a", "/a"}, {"/", "/x"}, {"/a", "/"}} {
		for _, exact := range []bool{false, true} {
			if _, _, err := f.Move(m[0], m[1], exact, accept2); err == nil {
				t.Errorf("%v was moved", m)
			}
		}
	}
	mustLookup(t, f, "/a/b")
}

// A commit fails while another program has the file open for writing, and says so; a refusal
// is told before that.
func TestBusy(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		mustPut(t, f, "/f", "old")
		file, err := os.OpenFile(filepath.Join(dir, "f"), os.O_WRONLY, 0)
		must(t, err)
		_, _, err = put(f, "/f", "new", true, accept)
		wantErr(t, "exact", err, ErrBusy)
		if _, _, err = put(f, "/f", "new", true, func(*Info) error { return errStale }); err != errStale {
			t.Error(err)
		}
		_, err = f.Retire("/f", true, accept)
		wantErr(t, "retire", err, ErrBusy)
		if got := read(t, f, "/f"); got != "old" {
			t.Error(got)
		}
		for try := 1; ; try++ { // again where the machine had no time for the other program
			time.AfterFunc(20*time.Millisecond, func() { file.Close() })
			if _, _, err = put(f, "/f", "new", true, accept); err == nil {
				break
			}
			if !errors.Is(err, ErrBusy) || try == 100 {
				t.Fatal("the other program has finished meanwhile:", err)
			}
			if file, err = os.OpenFile(filepath.Join(dir, "f"), os.O_WRONLY, 0); err != nil {
				t.Fatal(err)
			}
		}
		noReserved(t, dir)
	})
}

func TestReadFromFile(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		body := strings.Repeat("0123456789", 100_000)
		mustPut(t, f, "/src", body)
		src, err := f.OpenRead("/src")
		must(t, err)
		defer src.Close()
		for _, r := range []io.Reader{src, io.LimitReader(src, 777_777), struct{ io.Reader }{src}} {
			if _, err := src.Seek(10, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			want := body[10:]
			if l, ok := r.(*io.LimitedReader); ok {
				want = body[10:][:l.N]
			}
			s, err := f.Stage("/dst")
			must(t, err)
			if n, err := s.ReadFrom(r); n != int64(len(want)) || err != nil {
				t.Fatal(n, err)
			}
			must(t, s.Prepare(time.Time{}, false))
			if _, _, release, err := s.Commit(true, accept); err != nil {
				t.Fatal(err)
			} else {
				release()
			}
			if got := read(t, f, "/dst"); got != want {
				t.Errorf("%d bytes, not %d", len(got), len(want))
			}
		}
		// What has no size but content, like the files of /proc.
		proc, err := os.Open("/proc/self/status")
		must(t, err)
		defer proc.Close()
		s, err := f.Stage("/proc")
		must(t, err)
		if n, err := s.ReadFrom(proc); n == 0 || err != nil {
			t.Error(n, err)
		}
		s.Discard()
	})
}
