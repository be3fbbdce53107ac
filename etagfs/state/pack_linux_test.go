//go:build !arm

package state

import (
	"testing"

	"ifmatch/fs/fstest/loop"
)

// Where a directory cannot be made durable, as in many file systems in user space, there is nothing to do.
func TestSyncDirWhereDirectoriesCannotBeSynced(t *testing.T) {
	must(t, syncDir(loop.Folding(t, "f")))
}
