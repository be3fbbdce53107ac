package fs

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// In a directory with chattr +a names can be made, and neither renamed nor removed: what is refused there leaves none, nor does a
// start. Names are made.
func TestAppendOnlyDirectory(t *testing.T) {
	for _, sub := range []string{"", "/log"} {
		dir, _ := mountExt4(t, 32<<20)
		must(t, os.MkdirAll(filepath.Join(dir, sub, "old"), 0o777))
		must(t, os.MkdirAll(filepath.Join(dir, "elsewhere"), 0o777))
		flags := func(flags int) {
			d, err := os.Open(filepath.Join(dir, sub))
			must(t, err)
			defer d.Close()
			must(t, unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, flags))
		}
		flags(0x20) // FS_APPEND_FL
		f := openRoot(t, dir, RootOptions{})
		if got := f.Features(); got.Untried != (sub == "") {
			t.Errorf("%+v", got)
		}
		mustPut(t, f, sub+"/f", "old")
		mustPut(t, f, "/elsewhere/f", "other")
		_, err := f.MakeCollection(sub + "/new")
		wantErr(t, "MakeCollection", err, nil)
		for _, exact := range []bool{false, true} {
			_, _, err := put(f, sub+"/f", "changed", exact, accept)
			wantErr(t, "replace", err, iofs.ErrPermission)
			_, err = f.Retire(sub+"/f", exact, accept)
			wantErr(t, "Retire", err, iofs.ErrPermission)
			for src, dst := range map[string]string{
				sub + "/f":     "/elsewhere/f",
				"/elsewhere/f": sub + "/f",
				sub + "/old":   "/elsewhere/new",
				"/elsewhere":   sub + "/old",
			} {
				_, _, err := f.Move(src, dst, exact, accept2)
				wantErr(t, "Move "+src, err, iofs.ErrPermission)
			}
		}
		_, err = f.MakeCollection(f.Hidden(sub + "/copy"))
		wantErr(t, "MakeCollection for a copy", err, iofs.ErrPermission)
		if read(t, f, sub+"/f") != "old" || read(t, f, "/elsewhere/f") != "other" {
			t.Error("something has changed")
		}
		flags(0)
		noReserved(t, dir)
	}
}
