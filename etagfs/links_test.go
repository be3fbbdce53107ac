//go:build unix

package etagfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ifmatch/fs"
)

// Who changes something through links holds them and the collections that they are in, so that nobody locks one of these
// between the Check and the step.
func TestLinksOnTheWayAreHeld(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a", "b/sub", "c"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for link, to := range map[string]string{"a/first": "../c/second", "c/second": "../b"} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	for _, open := range []func(string, fs.RootOptions) (fs.FS, error){fs.OpenRoot, fs.OpenPortable} {
		base, err := open(dir, fs.RootOptions{})
		must(t, err)
		defer base.Close()
		f := New(base, Options{Settings: Settings{NoNotify: true}})
		defer f.Close()
		followed, err := f.holdReal("/a/first/sub", "/b/sub", nil)
		must(t, err)
		if !followed.has([]string{"/b/sub", "/a/first", "/c/second", "/c", "/a"}) {
			t.Errorf("held are %v", followed.names)
		}
		another := f.latch.hold("/c/other") // it is shared
		another.release()
		followed.release()

		itself, real, err := f.holdThemselves([]string{"/a/first/sub"}, nil)
		must(t, err)
		if real[0] != "/b/sub" || !itself.has([]string{"/b/sub", "/a/first", "/c/second", "/c", "/a"}) {
			t.Errorf("held are %v for %v", itself.names, real)
		}
		itself.release()
	}
}

// What takes no step on a prepared place, as LOCK and UNLOCK, follows a link that others change, and tells that it is busy
// only when that has no end.
func TestUpdateFollowsALinkThatChanges(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a", "b"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	link := filepath.Join(dir, "l")
	for _, c := range []struct {
		changes int
		want    error
	}{{3, nil}, {1000, fs.ErrBusy}} {
		os.Remove(link)
		must(t, os.Symlink("a", link))
		f := New(&relinking{base, link, c.changes}, Options{Settings: Settings{NoNotify: true}})
		at := ""
		_, err := f.Update(ctx, "/l", time.Time{}, Write{
			Check: func(*Info) error { return nil },
			Then:  func(cur *Info) error { at = cur.Name; return nil },
		})
		if !errors.Is(err, c.want) || err == nil && at != "/b" {
			t.Errorf("%d changes: at %q: %v", c.changes, at, err)
		}
		f.Close()
	}
}

// relinking changes a link right after it was followed, some times.
type relinking struct {
	fs.FS
	link string
	left int
}

func (r *relinking) Resolve(name string) (string, error) {
	real, err := r.FS.Resolve(name)
	if r.left > 0 {
		r.left--
		other := "b"
		if real == "/b" {
			other = "a"
		}
		err = errors.Join(err, os.Remove(r.link), os.Symlink(other, r.link))
	}
	return real, err
}

// A collection that is not made because a link on the way has changed leaves nothing of what its Check did, where the
// link leads now.
func TestRelinkedCollectionIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	for _, d := range []string{"a", "b"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	must(t, os.Symlink("a", link))
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	f := New(&relinking{base, link, 1}, Options{Settings: Settings{NoNotify: true}})
	defer f.Close()
	checks, backs := 0, 0
	_, err = f.MakeCollection(ctx, "/link/c", time.Unix(1e9, 0), Write{
		Check: func(*Info) error { checks++; return nil },
		Back:  func() { backs++ },
	})
	if !errors.Is(err, fs.ErrBusy) || checks != 1 || backs != 1 {
		t.Errorf("%v, checked %d times, taken back %d times", err, checks, backs)
	}
}
