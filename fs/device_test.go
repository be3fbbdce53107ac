package fs

import (
	"testing"
	"time"
)

// Until a file system was tried it counts as the coarsest; it is tried once, and anew when its number is that of another one.
func TestDevices(t *testing.T) {
	var d devices
	tries := 0
	try := func(granularity time.Duration) func() *device {
		return func() *device {
			tries++
			if granularity == 0 {
				return nil
			}
			return &device{granularity: granularity}
		}
	}
	for _, step := range []struct {
		dev   uint64
		mark  uint64
		found time.Duration
		want  time.Duration
		tries int
	}{
		{dev: 1, want: unknownGranularity, tries: 1}, // it was full
		{dev: 1, found: 3, want: 3, tries: 2},
		{dev: 1, found: 4, want: 3, tries: 2},
		{dev: 2, found: 5, want: 5, tries: 3},
		{dev: 1, want: 3, tries: 3},
		{dev: 1, mark: 9, found: 6, want: 6, tries: 4},
		{dev: 2, want: 5, tries: 4},
	} {
		d.learn(step.dev, [2]uint64{step.mark}, try(step.found))
		if got := d.get(step.dev).granularity; got != step.want || tries != step.tries {
			t.Errorf("%+v: got %v after %d tries", step, got, tries)
		}
	}
	if n := testing.AllocsPerRun(100, func() { d.get(2); d.get(3) }); n != 0 {
		t.Errorf("looking up allocates %v times", n)
	}
}
