package fs

import (
	"testing"
	"time"
)

// A stamp is like no other and that of no change to come, as long as it need not run ahead too far; a chosen time is like no
// other where more than seconds of it are stored.
func TestClockTellsWhatIsUnsure(t *testing.T) {
	chosen := time.Unix(1_600_000_000, 0)
	for _, tt := range []struct {
		chosen    time.Time
		step      time.Duration
		mtimeOnly bool
		unsure    bool
	}{
		{step: 1}, {step: time.Second}, {step: 2 * time.Second}, {step: 2 * time.Second, mtimeOnly: true}, {step: 1e7, mtimeOnly: true},
		{chosen: chosen, step: 1}, {chosen: chosen, step: 10 * time.Millisecond},
		{chosen: chosen, step: time.Second, unsure: true}, {chosen: chosen, step: 2 * time.Second, unsure: true},
	} {
		var c clock
		before := time.Now().UnixNano()
		mtime, unsure := c.mtime(tt.chosen, 0, &device{storeNS: int64(tt.step), mtimeOnly: tt.mtimeOnly})
		wrong := mtime <= before // a change to come, too, has a time in the step of now or after it
		if tt.mtimeOnly && tt.step >= time.Second {
			wrong = mtime > before-int64(tt.step)
		}
		if unsure != tt.unsure || mtime%int64(tt.step) != 0 || tt.chosen.IsZero() && wrong {
			t.Errorf("%+v: %d, unsure %v", tt, mtime, unsure)
		}
	}
	var c clock
	seen := map[int64]bool{}
	for n := range 2000 {
		mtime, unsure := c.mtime(time.Time{}, 0, &device{storeNS: int64(2 * time.Second)})
		if seen[mtime] && !unsure {
			t.Fatalf("%d was given twice", mtime)
		}
		if seen[mtime] = true; n == 1999 && !unsure {
			t.Error("an hour ahead, and still sure")
		}
	}
}

// A stamp is later than the time of what it replaces, unless that is far ahead: nobody takes the whole tree there.
func TestStampIsLaterThanWhatIsReplaced(t *testing.T) {
	var c clock
	ahead := time.Now().Add(30 * time.Second).UnixNano()
	if stamp, _ := c.stamp(ahead, &device{storeNS: 1}); stamp <= ahead {
		t.Errorf("%d replaces %d", stamp, ahead)
	}
	var other clock
	later := time.Now().Add(30 * time.Minute).UnixNano()
	if stamp, _ := other.stamp(later, &device{storeNS: 1}); stamp > time.Now().Add(time.Second).UnixNano() {
		t.Errorf("%d follows %d", stamp, later)
	}
}

// Where the clock was set back by more than stamps may run ahead, they begin anew, each like no other since.
func TestStampAfterTheClockWasSetBack(t *testing.T) {
	for _, step := range []time.Duration{1, 10 * time.Millisecond, time.Second} {
		var c clock
		c.last.Store(time.Now().Add(2 * time.Hour).UnixNano())
		first, unsure1 := c.stamp(0, &device{storeNS: int64(step)})
		second, unsure2 := c.stamp(0, &device{storeNS: int64(step)})
		if unsure1 || unsure2 || second <= first || first > time.Now().Add(time.Minute).UnixNano() {
			t.Errorf("steps of %v: %d, unsure %v, and %d, unsure %v", step, first, unsure1, second, unsure2)
		}
	}
}
