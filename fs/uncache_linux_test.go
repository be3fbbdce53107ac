package fs

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"ifmatch/fs/fstest/loop"
)

func TestUncache(t *testing.T) {
	dir := t.TempDir()
	loop.Ext4(t, dir, 32<<20) // memory is all that some have, and an overlay does not tell what is there
	f := openRoot(t, dir, RootOptions{})
	mustPut(t, f, "/f", string(make([]byte, 1<<20)))
	other, err := os.Open(dir + "/f")
	must(t, err)
	defer other.Close()
	must(t, other.Sync())
	if _, err := io.Copy(io.Discard, other); err != nil {
		t.Fatal(err)
	}
	inMemory := func() bool {
		n, err := unix.Preadv2(int(other.Fd()), [][]byte{make([]byte, 1)}, 1<<19, unix.RWF_NOWAIT)
		if err != nil && err != unix.EAGAIN {
			t.Fatal(err)
		}
		return n == 1
	}
	if !inMemory() {
		t.Fatal("the bytes are not in memory")
	}
	file, err := f.OpenRead("/f")
	must(t, err)
	defer file.Close()
	file.(Uncacher).Uncache()
	if inMemory() {
		t.Error("the bytes are still in memory")
	}
}
