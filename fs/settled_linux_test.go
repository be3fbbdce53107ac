package fs

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ofAge opens /f as a file that was changed so long ago.
func ofAge(t *testing.T, f FS, age time.Duration) *DiskFile {
	t.Helper()
	file, err := f.OpenRead("/f")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	disk := file.(*DiskFile)
	disk.info.Ctime = time.Now().Add(-age).UnixNano()
	return disk
}

// However long a write(2) lasts, and whatever else keeps a file open for writing: it is not settled before the end.
func TestFileOpenForWritingIsNotSettled(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		mustPut(t, f, "/f", "body")
		writer, err := os.OpenFile(filepath.Join(dir, "f"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		m, err := unix.Mmap(int(writer.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
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
		if err := unix.Munmap(m); err != nil {
			t.Fatal(err)
		}
		both("left", true)
	})
}

// A server that is not root gets no lease on files of others: they are settled when no write can still last.
func TestFileOfAnotherOwnerIsNotSettledSoon(t *testing.T) {
	dir := os.Getenv("IFMATCH_TEST_DIR")
	if dir == "" {
		top := openDir(t)
		if err := os.WriteFile(filepath.Join(top, "root", "f"), []byte("body"), 0o644); err != nil {
			t.Fatal(err)
		}
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
