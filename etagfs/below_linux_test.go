package etagfs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs"
	"ifmatch/fs/fstest/loop"
)

// mountSeconds mounts an ext4 whose inodes have no room for more than whole seconds.
func mountSeconds(t *testing.T, dir string) {
	t.Helper()
	loop.Ext4(t, dir, 4<<20, "-I", "128", "-O", "^has_journal")
}

// coarseBelow are trees with an ext4 of whole seconds somewhere below their root.
func coarseBelow(t *testing.T, test func(t *testing.T, f *FS, dir string)) {
	for kind, set := range map[string]Settings{"stat": {NoNotify: true}, "content": {NoNotify: true, Content: true}} {
		t.Run("mounted below/"+kind, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
			mountSeconds(t, filepath.Join(dir, "sub"))
			sub := filepath.Join(dir, "sub")
			test(t, diskAt(t, dir, Options{Settings: set}), sub)
			must(t, os.RemoveAll(filepath.Join(sub, "x")))
			base, err := fs.OpenPortable(dir, fs.RootOptions{})
			must(t, err)
			defer base.Close()
			f := New(base, Options{Settings: set})
			defer f.Close()
			test(t, f, sub)
		})
		t.Run("root not for us to write/"+kind, func(t *testing.T) {
			dir := t.TempDir()
			mountSeconds(t, dir)
			must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
			immutable(t, dir)
			f := diskAt(t, dir, Options{Settings: set})
			if !f.Features().Untried {
				t.Fatalf("%+v", f.Features())
			}
			test(t, f, filepath.Join(dir, "sub"))
		})
	}
}

// immutable keeps everybody from making something in a directory.
func immutable(t *testing.T, dir string) {
	t.Helper()
	d, err := os.Open(dir)
	must(t, err)
	defer d.Close()
	must(t, unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, 0x10)) // FS_IMMUTABLE_FL
}

// Saves within one second have a tag each, whatever file system below the root they are on.
func TestSavesOnACoarseFileSystemBelow(t *testing.T) {
	coarseBelow(t, func(t *testing.T, f *FS, dir string) {
		seen := map[ETag]string{}
		for _, body := range []string{"anna", "ben1", "ben2", "ben3"} {
			info := put(t, f, "/sub/x", body)
			if old, ok := seen[info.Tag]; ok || !strong(info.Tag) {
				t.Fatalf("%q has the tag %q, as %q had", body, info.Tag, old)
			}
			seen[info.Tag] = body
			if step := f.base.Granularity(info.Dev); step < time.Second {
				t.Errorf("whole seconds were found to be steps of %v", step)
			}
			if st, err := f.Stat("/sub/x"); err != nil || st.Tag != info.Tag {
				t.Fatalf("%q: put answers %q, and stat %+v, %v", body, info.Tag, st, err)
			}
		}
		datedAlike(t, f, "/sub/dated")
	})
}

// What another program has written there is in doubt until the second is over, whether we ever wrote there or not.
func TestProgramBesideOnACoarseFileSystemBelow(t *testing.T) {
	coarseBelow(t, func(t *testing.T, f *FS, dir string) {
		path := filepath.Join(dir, "x")
		for _, tried := range []bool{false, true} {
			if tried {
				put(t, f, "/sub/other", "ours")
			}
			must(t, os.WriteFile(path, []byte("AAAA"), 0o644))
			_, before := read(t, f, "/sub/x")
			inPlace(t, path, "BBBB")
			body, after := read(t, f, "/sub/x")
			if body != "BBBB" || strong(before.Tag) && before.Tag == after.Tag {
				t.Fatalf("tried %v: %q has the tag %q, and what was there before had %q", tried, body, after.Tag, before.Tag)
			}
		}
	})
}
