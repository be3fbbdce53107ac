//go:build unix

package etagfs

import (
	"os"
	"path/filepath"
	"testing"

	"ifmatch/fs"
)

// Who changes something through links holds them and the collections that they are in, so that nobody locks one of these
// between the Check and the step.
func TestLinksOnTheWayAreHeld(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a", "b/sub", "c"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"a/first": "../c/second", "c/second": "../b"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, open := range []func(string, fs.RootOptions) (fs.FS, error){fs.OpenRoot, fs.OpenPortable} {
		base, err := open(dir, fs.RootOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer base.Close()
		f := New(base, Options{Settings: Settings{NoNotify: true}})
		defer f.Close()
		followed, err := f.holdReal("/a/first/sub", "/b/sub", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !followed.has([]string{"/b/sub", "/a/first", "/c/second", "/c", "/a"}) {
			t.Errorf("held are %v", followed.names)
		}
		another := f.latch.hold("/c/other") // it is shared
		another.release()
		followed.release()

		itself, real, err := f.holdThemselves([]string{"/a/first/sub"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if real[0] != "/b/sub" || !itself.has([]string{"/b/sub", "/a/first", "/c/second", "/c", "/a"}) {
			t.Errorf("held are %v for %v", itself.names, real)
		}
		itself.release()
	}
}
