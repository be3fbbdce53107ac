package fs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// acl is system.posix_acl_access (acl(5)) with rw for the owner and for user uid, and a mask.
func acl(uid uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, ^uint32(0)}, {2, 6, uid}, {4, 4, ^uint32(0)}, {16, 6, ^uint32(0)}, {32, 0, ^uint32(0)}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root may give files to others and mount: run the tests as root, as CI does")
	}
}

func TestReplaceKeepsAttributes(t *testing.T) {
	needRoot(t)
	kept := map[string][]byte{"user.note": []byte("kept"), "user.large": bytes.Repeat([]byte("x"), 2000), aclAttr: acl(77)}
	for i := range 5 { // the names take more than a kilobyte
		kept[fmt.Sprintf("user.%0230d", i)] = nil
	}
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		for _, exact := range []bool{false, true} {
			mustPut(t, f, "/f", "old")
			path := filepath.Join(dir, "f")
			for _, err := range []error{
				os.Chown(path, 1234, 4321),
				unix.Chmod(path, 0o4640), // setuid, which goes with a write
			} {
				must(t, err)
			}
			for name, value := range kept {
				must(t, unix.Setxattr(path, name, value, 0))
			}
			if _, _, err := put(f, "/f", "new", exact, accept); err != nil {
				t.Fatal(err)
			}
			var st unix.Stat_t
			must(t, unix.Stat(path, &st))
			if st.Uid != 1234 || st.Gid != 4321 || st.Mode&0o7777 != 0o660 { // the mask of the ACL
				t.Errorf("owner %d:%d, mode %o", st.Uid, st.Gid, st.Mode)
			}
			for name, want := range kept {
				buf := make([]byte, 4096)
				n, err := unix.Getxattr(path, name, buf)
				if err != nil || !bytes.Equal(buf[:max(n, 0)], want) {
					t.Errorf("%s: %v, %v", name, buf[:max(n, 0)], err)
				}
			}
			os.Remove(path)
		}
	})
}

// A file without an ACL stays without in a directory that gives one to new files.
func TestReplaceTakesNoDefaultACL(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	path := filepath.Join(dir, "f")
	must(t, os.WriteFile(path, nil, 0o644))
	must(t, unix.Setxattr(dir, defaultACLAttr, acl(77), 0))
	mustPut(t, f, "/f", "replaced")
	if n, err := unix.Getxattr(path, aclAttr, nil); err != unix.ENODATA {
		t.Errorf("the replaced file has an ACL of %d bytes, %v", n, err)
	}
	mustPut(t, f, "/g", "created")
	if _, err := unix.Getxattr(filepath.Join(dir, "g"), aclAttr, nil); err != nil {
		t.Errorf("the created file has no ACL: %v", err)
	}
}

// Attributes changed after Prepare are taken on at Commit; those of a file that has gone are not.
func TestCommitTakesOnLate(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	path := filepath.Join(dir, "f")
	for _, vanish := range []bool{false, true} {
		for _, exact := range []bool{false, true} {
			mustPut(t, f, "/f", "old")
			os.Chmod(path, 0o600)
			must(t, unix.Setxattr(path, "user.note", []byte("of the old one"), 0))
			s, err := f.Stage("/f")
			must(t, err)
			must(t, s.Prepare(time.Time{}, true))
			want := iofs.FileMode(0o640)
			attrs := 1
			if vanish {
				os.Remove(path)
				want, attrs = 0o644, 0
			} else {
				os.Chmod(path, 0o640)
			}
			_, created, release, err := s.Commit(exact, accept)
			if err != nil || created != vanish {
				t.Fatal(created, err)
			}
			release()
			if mode := mustLookup(t, f, "/f").Mode; mode != want {
				t.Errorf("vanish %v exact %v: mode %o, not %o", vanish, exact, mode, want)
			}
			if n, err := unix.Listxattr(path, nil); n != attrs*len("user.note\x00") || err != nil {
				t.Errorf("vanish %v exact %v: %d bytes of attributes, %v", vanish, exact, n, err)
			}
			os.Remove(path)
		}
	}
}

// A file that is created after all has the owner and the ACL of a new one, and nobody else's.
func TestCreateAfterTheOldOneHasGone(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	path := filepath.Join(dir, "f")
	mustPut(t, f, "/f", "old")
	must(t, errors.Join(os.Chown(path, 1234, 4321), unix.Setxattr(path, aclAttr, acl(77), 0)))
	must(t, unix.Setxattr(dir, defaultACLAttr, acl(78), 0))
	mustPut(t, f, "/new", "new")
	s, err := f.Stage("/f")
	must(t, err)
	must(t, s.Prepare(time.Time{}, true))
	os.Remove(path)
	_, _, release, err := s.Commit(false, accept)
	must(t, err)
	release()
	of := func(path string) string {
		var st unix.Stat_t
		must(t, unix.Stat(path, &st))
		buf := make([]byte, 256)
		n, err := unix.Getxattr(path, aclAttr, buf)
		must(t, err)
		return fmt.Sprintf("%d:%d %o %x", st.Uid, st.Gid, st.Mode, buf[:n])
	}
	if got, want := of(path), of(filepath.Join(dir, "new")); got != want {
		t.Errorf("%s, and a new file has %s", got, want)
	}
}

// asUser runs the named test again in a process of another user, with arguments in the environment.
func asUser(t *testing.T, dir string) {
	t.Helper()
	needRoot(t)
	exe, err := os.Executable()
	must(t, err)
	// The test binary may be where only root may go.
	copied := filepath.Join(dir, "test")
	b, err := os.ReadFile(exe)
	must(t, err)
	must(t, os.WriteFile(copied, b, 0o755))
	cmd := exec.Command(copied, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "IFMATCH_TEST_DIR="+filepath.Join(dir, "root"), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 5001, Gid: 5001, Groups: []uint32{6001}}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	} else if !strings.Contains(string(out), "--- PASS") {
		t.Errorf("did not run:\n%s", out)
	}
}

// openDir makes a directory every user can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ifmatch-user")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{dir, dir + "/root"} {
		os.Mkdir(d, 0o777)
		must(t, os.Chmod(d, 0o777))
	}
	return dir
}

// A server that is not root: no CAP_LEASE, no chown, no reading of what others closed.
func TestPlainUser(t *testing.T) {
	dir := os.Getenv("IFMATCH_TEST_DIR")
	if dir == "" {
		top := openDir(t)
		root := top + "/root"
		write := func(name string, uid, gid int, mode os.FileMode) {
			t.Helper()
			path := filepath.Join(root, name)
			must(t, os.WriteFile(path, []byte("old"), 0o600))
			must(t, errors.Join(os.Chown(path, uid, gid), os.Chmod(path, mode)))
		}
		write("group", 5002, 6001, 0o664)  // shared by way of the group
		write("other", 5002, 5002, 0o664)  // of others, readable
		write("closed", 5002, 5002, 0o600) // of others
		must(t, os.Mkdir(root+"/shut", 0o700))
		must(t, os.Mkdir(root+"/fixed", 0o755))
		asUser(t, top)
		return
	}
	f := openRoot(t, dir, RootOptions{})
	if got := f.Features(); !got.Sync && got.Kind != "tmpfs" || !got.Tmpfile || !got.Exchange || !got.Lease {
		t.Errorf("%+v", got)
	}
	mustPut(t, f, "/new", "one")
	if _, _, err := put(f, "/new", "two", true, accept); err != nil {
		t.Error(err)
	}
	stat := func(name string) (st unix.Stat_t) {
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil {
			t.Error(err)
		}
		return st
	}
	for _, name := range []string{"group", "other", "closed"} {
		// The directory lets us replace them; the lease is not ours to have.
		if _, _, err := put(f, "/"+name, "two", true, accept); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if st := stat("group"); st.Gid != 6001 || st.Mode&0o777 != 0o664 {
		t.Errorf("group: gid %d, mode %o", st.Gid, st.Mode)
	}
	if st := stat("other"); st.Gid != 5001 || st.Mode&0o777 != 0o644 {
		t.Errorf("other: gid %d, mode %o: the group is another one now", st.Gid, st.Mode)
	}
	if st := stat("closed"); st.Mode&0o777 != 0o600 {
		t.Errorf("closed: mode %o", st.Mode)
	}
	_, err := f.Lookup("/shut/f")
	wantErr(t, "shut", err, iofs.ErrPermission)
	_, err = f.OpenRead("/shut/f")
	wantErr(t, "shut", err, iofs.ErrPermission)
	_, _, err = put(f, "/fixed/f", "x", false, accept)
	wantErr(t, "fixed", err, iofs.ErrPermission)
	_, err = f.MakeCollection("/fixed/d")
	wantErr(t, "fixed", err, iofs.ErrPermission)
	wantErr(t, "list", f.List("/shut", func(string, *Info) error { return nil }), iofs.ErrPermission)
	// A directory of our own that we closed to ourselves goes with all below it.
	must(t, os.MkdirAll(dir+"/mine/deep/x", 0o777))
	os.WriteFile(dir+"/mine/deep/f", nil, 0o400)
	os.Chmod(dir+"/mine/deep", 0o500)
	release, err := f.Retire("/mine", false, accept)
	must(t, err)
	release()
	noReserved(t, dir)
}

// TestShut: what the mode says of a file is what an open says, without privileges and ACL.
func TestShut(t *testing.T) {
	if dir := os.Getenv("IFMATCH_TEST_DIR"); dir != "" {
		f := openRoot(t, dir, RootOptions{})
		seen := 0
		err := f.List("/", func(base string, listed *Info) error {
			name := "/" + base
			info, err := f.Lookup(name)
			if err != nil {
				return err
			}
			file, err := f.OpenRead(name)
			if err == nil {
				file.Close()
			} else {
				wantErr(t, name, err, iofs.ErrPermission)
			}
			if info.Shut != (err != nil) || listed.Shut != info.Shut {
				t.Errorf("%s: shut %v, listed %v, open: %v", name, info.Shut, listed.Shut, err)
			}
			seen++
			return nil
		})
		if seen != 4*8 || err != nil {
			t.Errorf("%d files, %v", seen, err)
		}
		return
	}
	needRoot(t)
	top := openDir(t)
	for _, owner := range [][2]int{{5001, 5002}, {5002, 5001}, {5002, 6001}, {5002, 5002}} {
		for bits := range 8 {
			mode := os.FileMode(bits&4<<6 | bits&2<<4 | bits&1<<2)
			path := filepath.Join(top, "root", fmt.Sprintf("%d-%d-%o", owner[0], owner[1], mode))
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, errors.Join(os.Chown(path, owner[0], owner[1]), os.Chmod(path, mode)))
		}
	}
	asUser(t, top)
}

// What was taken on from one file gives way to what the next one has.
func TestTakeOnTwice(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	path := filepath.Join(dir, "f")
	mustPut(t, f, "/f", "first")
	for _, err := range []error{
		os.Chown(path, 1234, 4321), os.Chmod(path, 0o600),
		unix.Setxattr(path, "user.first", []byte("1"), 0), unix.Setxattr(path, aclAttr, acl(77), 0),
	} {
		must(t, err)
	}
	s, err := f.Stage("/f")
	must(t, err)
	must(t, s.Prepare(time.Time{}, false))
	os.Remove(path)
	must(t, os.WriteFile(path, []byte("second"), 0o604))
	_, _, release, err := s.Commit(true, accept)
	must(t, err)
	release()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	if n, _ := unix.Listxattr(path, nil); st.Uid != 0 || st.Gid != 0 || st.Mode&0o7777 != 0o604 || n > 0 {
		t.Errorf("owner %d:%d, mode %o, %d bytes of attributes", st.Uid, st.Gid, st.Mode, n)
	}
}
