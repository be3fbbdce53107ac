package fs

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A directory of ext3, of a UFS and others can have so many directories and no more: then there is no room.
func TestNoRoomForOneMoreCollection(t *testing.T) {
	f := openRoot(t, t.TempDir(), RootOptions{Hook: func(step, _ string) error {
		if step == "mkdir" {
			return unix.EMLINK
		}
		return nil
	}})
	_, err := f.MakeCollection("/d")
	wantErr(t, "MakeCollection", err, ErrNoSpace)
}
