package fs

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
