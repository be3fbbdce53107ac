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

// A FUSE program may answer to an interrupted request that it did nothing.
func TestInterruptedStepsCanBeTriedAgain(t *testing.T) {
	interrupted := ""
	f := openRoot(t, t.TempDir(), RootOptions{Hook: func(step, _ string) error {
		if step == interrupted {
			return unix.EINTR
		}
		return nil
	}})
	mustPut(t, f, "/f", "body")
	for step, do := range map[string]func() error{
		"link": func() error { _, _, err := put(f, "/new", "body", true, accept); return err },
		"rename": func() error {
			_, _, err := f.Move("/f", "/g", false, func(_, _ *Info) error { return nil })
			return err
		},
		"mkdir": func() error { _, err := f.MakeCollection("/d"); return err },
	} {
		interrupted = step
		wantErr(t, step, do(), ErrBusy)
		interrupted = ""
		if err := do(); err != nil {
			t.Errorf("%s, again: %v", step, err)
		}
	}
}
