package etagfs

import (
	"errors"
	iofs "io/fs"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

// luggage is what Carry has told of: whether it was copied, by what follows the name of the copy.
type luggage map[string]bool

func (l luggage) carry(_, to string) (func() error, error) {
	l[to] = false
	return func() error { l[to] = true; return nil }, nil
}

// Nobody takes away what is copied, or puts another one there, while what goes along with it is read.
func TestCarryHoldsOffChangesOfWhatIsCopied(t *testing.T) {
	for _, at := range []string{"/s", "/s/sub", "/s/sub/f"} {
		trees(t, func(t *testing.T, f *FS) {
			for _, name := range []string{"/s", "/s/sub", "/x"} {
				if _, err := f.MakeCollection(ctx, name, time.Time{}, Write{}); err != nil {
					t.Fatal(err)
				}
			}
			put(t, f, "/s/sub/f", "f")
			put(t, f, "/y", "y")
			over := map[bool]string{true: "/y", false: "/x"}[at == "/s/sub/f"]
			moved := make(chan error, 1)
			met := false
			carry := func(name, to string) (func() error, error) {
				if name != at || met { // when it has been replaced while it was copied, it is copied anew
					return nil, nil
				}
				met = true
				if at == "/s/sub" { // members do change
					put(t, f, "/s/sub/g", "g")
				}
				go func() {
					_, _, err := f.Move(ctx, over, at, Write2{})
					moved <- err
				}()
				select {
				case err := <-moved:
					t.Errorf("%s was replaced: %v", at, err)
					moved <- err
				case <-time.After(20 * time.Millisecond):
				}
				return nil, nil
			}
			_, _, err := f.Copy(ctx, "/s", "/d", CopyOptions{Carry: carry})
			if !met || err != nil && !errors.Is(err, fs.ErrBusy) && at != "/s" { // which may be gone before it is listed
				t.Errorf("met %v, %v", met, err)
			}
			if err := <-moved; err != nil {
				t.Error("it never was:", err)
			}
			if n := len(f.latch.held); n != 0 {
				t.Errorf("%d latches left behind", n)
			}
		})
	}
}

// unstaged is a tree in which some names cannot be written.
type unstaged struct{ fs.FS }

func (u unstaged) Stage(name string) (fs.Staged, error) {
	if strings.HasPrefix(path.Base(name), "bad") {
		return nil, fs.ErrNameTooLong
	}
	return u.FS.Stage(name)
}

// Carry is told of all that is copied, and afterwards of what has been.
func TestCarryTellsWhatWasCopied(t *testing.T) {
	base := fs.NewMemory()
	for _, name := range []string{"/s/sub/f", "/s/sub/bad", "/s/a", "/s/bad"} {
		base.MkdirAll(path.Dir(name), 0o777)
		file, err := base.Create(name)
		must(t, err)
		file.Close()
	}
	f := New(unstaged{base}, Options{Settings: Settings{NoNotify: withoutNotify}})
	defer f.Close()
	got, failed := luggage{}, 0
	_, _, err := f.Copy(ctx, "/s", "/d", CopyOptions{Carry: got.carry, Failed: func(string, error) { failed++ }})
	want := luggage{"": true, "/a": true, "/sub": true, "/sub/f": true, "/bad": false, "/sub/bad": false}
	if err != nil || failed != 2 || !maps.Equal(got, want) {
		t.Errorf("%v, %d failed, carried %v", err, failed, got)
	}
	got = luggage{}
	_, _, err = f.Copy(ctx, "/s", "/d", CopyOptions{Carry: got.carry, Shallow: true})
	if err != nil || !maps.Equal(got, luggage{"": true}) {
		t.Errorf("shallow: %v, carried %v", err, got)
	}
}

// What cannot be carried is no failure of a member: nothing is copied.
func TestCarryFails(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		for _, name := range []string{"/s", "/s/sub"} {
			if _, err := f.MakeCollection(ctx, name, time.Time{}, Write{}); err != nil {
				t.Fatal(err)
			}
		}
		put(t, f, "/s/sub/f", "f")
		broken := errors.New("broken")
		for _, at := range []string{"", "/sub", "/sub/f"} {
			for _, late := range []bool{false, true} {
				carry := func(_, to string) (func() error, error) {
					switch {
					case to != at:
						return nil, nil
					case late:
						return func() error { return broken }, nil
					}
					return nil, broken
				}
				_, _, err := f.Copy(ctx, "/s", "/d", CopyOptions{Carry: carry, Failed: func(name string, err error) { t.Error(name, err) }})
				if !errors.Is(err, broken) {
					t.Errorf("%q, late %v: %v", at, late, err)
				}
			}
		}
		if _, err := f.Stat("/d"); !errors.Is(err, iofs.ErrNotExist) {
			t.Error("something was copied:", err)
		}
	})
}
