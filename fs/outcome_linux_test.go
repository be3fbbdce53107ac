package fs

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// appended changes the file while a step is checked.
func appended(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	defer file.Close()
	if _, err := file.WriteString("more"); err != nil {
		t.Fatal(err)
	}
}

// notSeen moves a file and wants a state other than that of what is there now, which nobody has checked.
func notSeen(t *testing.T, f FS, check func()) {
	t.Helper()
	info, release, err := f.Move("/f", "/g", false, func(_, _ *Info) error { check(); return nil })
	must(t, err)
	release()
	if now, err := f.Lookup("/g"); err != nil || now.Identity == info.Identity {
		t.Errorf("the MOVE returned the state of bytes that it has not checked: %+v, %v", info, err)
	}
}

// What another program has open for writing may be changed at any moment, and dated back.
func TestMoveOfWhatIsOpenForWriting(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		mustPut(t, f, "/f", "body")
		writer, err := os.OpenFile(filepath.Join(dir, "f"), os.O_WRONLY, 0)
		must(t, err)
		defer writer.Close()
		notSeen(t, f, func() { time.Sleep(f.Features().Granularity) }) // the step moves ctime
	})
}

// Without a lease a program may come to write after the check.
func TestMoveOfWhatChangesMeanwhile(t *testing.T) {
	dir := os.Getenv("IFMATCH_TEST_DIR")
	if dir == "" {
		top := openDir(t)
		must(t, os.WriteFile(filepath.Join(top, "root", "f"), []byte("body"), 0o600))
		must(t, os.Chmod(filepath.Join(top, "root", "f"), 0o666))
		asUser(t, top)
		return
	}
	f := openRoot(t, dir, RootOptions{})
	notSeen(t, f, func() { appended(t, filepath.Join(dir, "f")) })
}
