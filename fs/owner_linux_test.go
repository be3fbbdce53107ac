package fs

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// New files and collections get the owner, group and mode that are asked for, whatever the umask of the process;
// a replaced file keeps its own.
func TestOwnership(t *testing.T) {
	dir := t.TempDir()
	want := Owner{UID: os.Getuid(), GID: os.Getgid()}
	if want.UID == 0 { // others cannot give files away
		want = Owner{UID: 65534, GID: 65533}
	}
	mask := Umask(0o027)
	f, err := OpenRoot(dir, RootOptions{Owner: &want, Umask: &mask})
	must(t, err)
	defer f.Close()
	if _, err := f.MakeCollection("/d"); err != nil {
		t.Fatal(err)
	}
	mustPut(t, f, "/d/new", "x")
	old := filepath.Join(dir, "d", "old")
	must(t, os.WriteFile(old, nil, 0o600))
	must(t, os.Chmod(old, 0o604))
	mustPut(t, f, "/d/old", "x")
	for name, is := range map[string]struct {
		mode  os.FileMode
		owner Owner
	}{
		"d":     {0o750, want},
		"d/new": {0o640, want},
		"d/old": {0o604, Owner{os.Getuid(), os.Getgid()}},
	} {
		fi, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		st := fi.Sys().(*syscall.Stat_t)
		if got := (Owner{int(st.Uid), int(st.Gid)}); fi.Mode().Perm() != is.mode || got != is.owner {
			t.Errorf("%s: %v %+v, want %v %+v", name, fi.Mode().Perm(), got, is.mode, is.owner)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ReservedPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A default ACL comes before the umask that is asked for, also one that names nobody (setfacl -d -m g::rwx).
func TestDefaultACLComesBeforeUmask(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "d")
	must(t, os.Mkdir(sub, 0o755))
	text := "\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x04\x00\x07\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff" // u::rwx,g::rwx,o::-
	must(t, unix.Setxattr(sub, defaultACLAttr, []byte(text), 0))
	mask := Umask(0o077)
	f := openRoot(t, dir, RootOptions{Umask: &mask})
	mustPut(t, f, "/d/new", "x")
	if _, err := f.MakeCollection("/d/c"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"new": 0o660, "c": 0o770} {
		fi, err := os.Stat(filepath.Join(sub, name))
		must(t, err)
		if fi.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", name, fi.Mode().Perm(), want)
		}
	}
}

// A collection that cannot be given what was asked for is not there, also where no descriptor is left to give it that.
func TestCollectionWithoutDescriptors(t *testing.T) {
	dir, mask := t.TempDir(), Umask(0o027)
	f := openRoot(t, dir, RootOptions{Umask: &mask})
	free, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	unix.Close(free)
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free), Max: before.Max}))
	_, err = f.MakeCollection("/d")
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	wantErr(t, "MakeCollection", err, ErrTooManyOpen)
	_, err = f.Lookup("/d")
	wantErr(t, "Lookup", err, os.ErrNotExist)
}

// What cannot be given away, or not be given a time after that, is said at start.
func TestOwnershipIsTriedAtStart(t *testing.T) {
	for _, refused := range []string{"attributes", "utimes"} {
		opts := RootOptions{Owner: &Owner{UID: 12345, GID: -1}, Hook: func(step, _ string) error {
			if step == refused {
				return syscall.EPERM
			}
			return nil
		}}
		if _, err := OpenRoot(t.TempDir(), opts); err == nil || !strings.Contains(err.Error(), "privileges") {
			t.Errorf("OpenRoot without %s: %v", refused, err)
		}
	}
}
