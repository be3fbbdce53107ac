package fs

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs/fstest/loop"
)

// ofAge opens /f as a file that was changed so long ago.
func ofAge(t *testing.T, f FS, age time.Duration) *DiskFile {
	t.Helper()
	file, err := f.OpenRead("/f")
	must(t, err)
	t.Cleanup(func() { file.Close() })
	disk := file.(*DiskFile)
	disk.info.Ctime = time.Now().Add(-age).UnixNano()
	return disk
}

// However long a write(2) lasts, and whatever else keeps a file open for writing: it is not settled before the end.
func TestFileOpenForWritingIsNotSettled(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		var st unix.Statfs_t
		must(t, unix.Statfs(dir, &st))
		if st.Type == unix.OVERLAYFS_SUPER_MAGIC { // TestOldFileOfOverlayIsNotWrittenOut is about these
			loop.Ext4(t, dir, 32<<20)
		}
		f := openRoot(t, dir, RootOptions{})
		mustPut(t, f, "/f", "body")
		writer, err := os.OpenFile(filepath.Join(dir, "f"), os.O_RDWR, 0)
		must(t, err)
		m, err := unix.Mmap(int(writer.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		must(t, err)
		both := func(when string, want bool) {
			t.Helper()
			for _, age := range []time.Duration{0, time.Hour} {
				if got := ofAge(t, f, age).Settled(); got != want {
					t.Errorf("%s, changed %v ago: settled %v", when, age, got)
				}
			}
		}
		both("open", false)
		writer.Close()
		both("mapped", false)
		must(t, unix.Munmap(m))
		both("left", true)
	})
}

// A server that is not root gets no lease on files of others: they are settled when no write can still last.
func TestFileOfAnotherOwnerIsNotSettledSoon(t *testing.T) {
	dir := os.Getenv("IFMATCH_TEST_DIR")
	if dir == "" {
		top := openDir(t)
		must(t, os.WriteFile(filepath.Join(top, "root", "f"), []byte("body"), 0o644))
		asUser(t, top)
		return
	}
	f := openRoot(t, dir, RootOptions{})
	for age, want := range map[time.Duration]bool{0: false, 3 * time.Second: false, 59 * time.Second: false, 61 * time.Second: true} {
		if got := ofAge(t, f, age).Settled(); got != want {
			t.Errorf("changed %v ago: settled %v", age, got)
		}
	}
}

func TestSettledWithoutLeases(t *testing.T) {
	for _, tt := range []struct {
		lease error
		age   time.Duration
		want  bool
	}{
		{nil, 0, true},
		{unix.EAGAIN, time.Hour, false},
		{iofs.ErrClosed, time.Hour, false},
		{unix.EINVAL, time.Second, false}, // NFS
		{unix.EINVAL, 3 * time.Second, true},
	} {
		if got := settledBy(tt.lease, tt.age); got != tt.want {
			t.Errorf("%v, changed %v ago: settled %v", tt.lease, tt.age, got)
		}
	}
}

// On an overlay a file is written out before it is settled, but not each time that one is read which was written long ago.
func TestOldFileOfOverlayIsNotWrittenOut(t *testing.T) {
	needRoot(t)
	base := t.TempDir()
	loop.Ext4(t, base, 32<<20) // not in memory, where nothing is written out
	for _, d := range []string{"lower", "upper", "work"} {
		must(t, os.Mkdir(filepath.Join(base, d), 0o777))
	}
	dir := mount(t, "overlay", "overlay", "lowerdir="+base+"/lower,upperdir="+base+"/upper,workdir="+base+"/work", 0)
	f := openRoot(t, dir, RootOptions{})
	mustPut(t, f, "/f", "body")
	file, err := os.OpenFile(filepath.Join(dir, "f"), os.O_RDWR, 0)
	must(t, err)
	m, err := unix.Mmap(int(file.Fd()), 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	defer unix.Munmap(m)
	file.Close()
	store := func(b byte) Identity {
		time.Sleep(20 * time.Millisecond)
		m[0] = b
		return mustLookup(t, f, "/f").Identity
	}
	first := store('1') // from now on, stores move the times when the page was written
	if !ofAge(t, f, 2*longDirty).Settled() {
		t.Error("an old file is not settled")
	}
	if store('2') != first {
		t.Error("an old file was written out")
	}
	again, err := f.OpenRead("/f")
	must(t, err)
	defer again.Close()
	if !again.(*DiskFile).Settled() || store('3') == first {
		t.Error("a young file was not written out")
	}
}
