package state

import (
	"errors"
	iofs "io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"

	"ifmatch/fs"
)

// failingFS cannot look at anything, nor list it.
type failingFS struct {
	fs.FS
	err error
}

func (f failingFS) Lookup(string) (info fs.Info, err error) {
	if f.err == fs.ErrSpecial {
		info.Ino = 7
	}
	return info, f.err
}

func (f failingFS) List(string, func(string, *fs.Info) error) error { return f.err }

// TestStateTakesOnlyWhatIsMissingForUnmapped: what a disk fails with says nothing about the name, and a link is there.
func TestStateTakesOnlyWhatIsMissingForUnmapped(t *testing.T) {
	for err, certain := range map[error]bool{
		iofs.ErrNotExist:       true,
		fs.ErrNotDir:           true,
		fs.ErrSpecial:          true,
		iofs.ErrPermission:     false,
		errors.New("io error"): false,
	} {
		n := TreeOf(failingFS{fs.NewMemory(), err})
		want := Node{}
		if err == fs.ErrSpecial {
			want.Ino = 7
		}
		if node, got := n.Node("/a"); node != want || (got == nil) != certain {
			t.Errorf("%v: got %v, %v", err, node, got)
		}
		if !n.Empty() {
			t.Errorf("%v: the root is known to have members", err)
		}
	}
}

// TestRecoverStamps cuts the power in a change of properties and of the time: it comes to both, unless somebody has changed
// the resource since.
func TestRecoverStamps(t *testing.T) {
	stamp := time.Unix(1_000_000_000, 0)
	for what, c := range map[string]struct {
		since func(base fs.FS) error // before the next start
		want  bool                   // it has the time then
	}{
		"before the time": {func(fs.FS) error { return nil }, true},
		"after the time": {func(base fs.FS) error {
			_, _, err := base.SetModTime("/a", stamp)
			return err
		}, true},
		"replaced": {func(base fs.FS) error {
			return errors.Join(base.Remove("/a"), afero.WriteFile(base, "/a", []byte("2"), 0o666))
		}, false},
		"written": {func(base fs.FS) error { return afero.WriteFile(base, "/a", []byte("22"), 0o666) }, false},
		"removed": {func(base fs.FS) error { return base.Remove("/a") }, false},
	} {
		t.Run(what, func(t *testing.T) {
			base := fs.NewMemory()
			must(t, afero.WriteFile(base, "/a", []byte("1"), 0o666))
			e, s := startFull(t)
			_, err := s.Recover(TreeOf(base), &removed{})
			must(t, err)
			info, err := base.Lookup("/a")
			must(t, err)
			_, err = s.Stamp("/a", []Op{set("", "p", "1")}, info.Identity, stamp)
			must(t, err)
			must(t, c.since(base))
			before, _ := base.Lookup("/a")
			for n := range 2 { // the second time, it has been ended
				s, err = New(e, Options{})
				must(t, err)
				if found, err := s.Recover(TreeOf(base), &removed{}); found != 1-n || err != nil {
					t.Fatal(found, err)
				}
			}
			now, _ := base.Lookup("/a")
			if got := now.ModTime().Unix() == stamp.Unix(); got != c.want {
				t.Errorf("the time is %v", now.ModTime())
			}
			if what != "before the time" && now != before {
				t.Errorf("was %+v, is %+v", before, now)
			}
			if got := show(t, s, "/a"); got != "p=1" {
				t.Errorf("properties: %s", got)
			}
		})
	}
}

// TestStampThatCannotBeSetIsLeft for a later start, or until something else happens there.
func TestStampThatCannotBeSetIsLeft(t *testing.T) {
	stamp := time.Unix(1_000_000_000, 0)
	base := fs.NewMemory()
	must(t, afero.WriteFile(base, "/a", []byte("1"), 0o666))
	info, err := base.Lookup("/a")
	must(t, err)
	for _, overtaken := range []bool{false, true} {
		e, s := startFull(t)
		_, err = s.Stamp("/a", []Op{set("", "p", "1")}, info.Identity, stamp)
		must(t, err)
		s, err = New(e, Options{})
		must(t, err)
		_, err = s.Recover(tree{}, &removed{}) // whose Stamp fails
		must(t, err)
		if overtaken {
			patch(t, s, "/a", set("", "q", "2"))
		}
		left, err := s.interrupted()
		must(t, err)
		if (len(left) == 0) != overtaken {
			t.Errorf("overtaken %t: %d intents left", overtaken, len(left))
		}
	}
}

// TestNotesGoWithTheNextChange: what nobody waits for costs no transaction, and is not lost.
func TestNotesGoWithTheNextChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, s := startFull(t)
		transactions := func(want int64, what string) {
			t.Helper()
			synctest.Wait() // what goes by itself is done
			if n := e.tries.Swap(0); n != want {
				t.Errorf("%s: %d transactions, want %d", what, n, want)
			}
		}
		in, err := s.Stamp("/a", []Op{set("", "p", "1")}, fs.Identity{Ino: 1}, time.Unix(1, 0))
		must(t, err)
		transactions(1, "properties that come with a time")
		in.Stamped()
		s.SaveLocks(map[string][]byte{"one": []byte("1")}, nil)
		transactions(0, "notes")
		none, err := s.Stamp("/a", nil, fs.Identity{Ino: 1}, time.Unix(1, 0))
		if none != nil || err != nil {
			t.Errorf("a time alone: %v, %v", none, err)
		}
		transactions(0, "a time alone")
		patch(t, s, "/b", set("", "p", "1"))
		transactions(1, "the next change")
		if left, err := s.interrupted(); len(left) > 0 || err != nil {
			t.Errorf("%d intents left: %v", len(left), err)
		}
		s.SaveLocks(map[string][]byte{"two": []byte("2")}, nil)
		must(t, s.Close())
		s, err = New(e, Options{})
		must(t, err)
		n := 0
		must(t, s.LoadLocks(func(string, []byte) error { n++; return nil }))
		if n != 2 {
			t.Errorf("%d locks are kept", n)
		}
		must(t, s.Close())
	})
}
