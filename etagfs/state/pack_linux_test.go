//go:build !arm

package state

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"ifmatch/fs/fstest/loop"
)

// Where a directory cannot be made durable, as in many file systems in user space, there is nothing to do.
func TestSyncDirWhereDirectoriesCannotBeSynced(t *testing.T) {
	must(t, syncDir(loop.Folding(t, "f")))
}

// A file that is mounted by itself, as a container may have it, cannot be replaced.
func TestStartWhereTheFileCannotBeReplaced(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, fileName)
	makeHollow(t, dir)
	before := size(t, file)
	must(t, unix.Mount(file, file, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(file, 0)) })
	if got := sizeAfterOpen(t, dir); got != before {
		t.Errorf("it has %d bytes, want %d", got, before)
	}
	if left, _ := filepath.Glob(file + ".*"); left != nil {
		t.Error("left: ", left)
	}
}
