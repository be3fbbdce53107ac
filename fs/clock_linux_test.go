package fs

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs/fstest/loop"
)

// The kernel stamps a change that has no time of its own with its last tick, and that is what a Root says it is.
func TestNowIsTheTickOfTheKernel(t *testing.T) {
	tick := func() time.Time {
		var ts unix.Timespec
		must(t, unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts))
		return time.Unix(ts.Unix())
	}
	var f FS = openRoot(t, t.TempDir(), RootOptions{})
	for range 100 {
		before := tick()
		now := f.(Clock).Now()
		if after := tick(); now.Before(before) || now.After(after) {
			t.Fatalf("%v, between the ticks %v and %v", now, before, after)
		}
	}
}

// A file may be dated so far away that 64 bits do not count the nanoseconds; it stays in the future.
func TestDatesBeyondNanoseconds(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	mustPut(t, f, "/f", "body")
	for year, want := range map[int]int{1960: 1960, 2261: 2261, 2300: 2262, 2446: 2262} {
		must(t, exec.Command("touch", "-d", fmt.Sprint(year, "-01-02"), dir+"/f").Run())
		fi, err := os.Stat(dir + "/f")
		must(t, err)
		if info, err := f.Lookup("/f"); err != nil || fi.ModTime().Year() == year && info.ModTime().UTC().Year() != want {
			t.Errorf("%d: %v, %v", year, info.ModTime(), err)
		}
	}
}

// Where times are whole seconds, a save is dated back only if nothing else tells it from a change of the next second: make and
// backups look for what is newer than their last run.
func TestSaveIsDatedBackOnlyWhereNoTimeOfChangeIsKept(t *testing.T) {
	dir, above := t.TempDir(), t.TempDir()
	loop.Ext4(t, dir, 32<<20, "-I", "128")
	loop.Run(t, "bindfs", "--ctime-from-mtime", dir, above)
	t.Cleanup(func() { unix.Unmount(above, unix.MNT_DETACH) })
	for root, back := range map[string]bool{dir: false, above: true} {
		before := time.Now().Truncate(time.Second)
		mustPut(t, openRoot(t, root, RootOptions{}), "/f", "body")
		fi, err := os.Stat(root + "/f")
		must(t, err)
		wrong := fi.ModTime().Before(before)
		if back {
			wrong = fi.ModTime().After(time.Now().Add(-time.Second))
		}
		if wrong {
			t.Errorf("it began at %v and is of %v; dated back, as it should be: %v", before, fi.ModTime(), back)
		}
		must(t, os.Remove(root+"/f"))
	}
}
