package fs

import (
	"sync/atomic"
	"time"
)

// clock gives modification times, each strictly later than all before. Safe for concurrent use.
type clock struct{ last atomic.Int64 }

// farFuture bounds how far a clock follows the time of a file that is replaced: a file dated
// next century, by mistake or malice, must not take the whole tree there.
const farFuture = int64(time.Minute)

// maxLead bounds how far stamps run ahead of the time of day where a file system keeps whole seconds
// only and more than one is given in each. Beyond it they repeat.
const maxLead = int64(time.Hour)

// mtime is the modification time of a new state: a stamp, or where a client chose one, its second and the nanoseconds of a
// stamp. unsure: another state may have it, too, as where those are not stored on the file system.
func (c *clock) mtime(chosen time.Time, replaced int64, on *device) (mtime int64, unsure bool) {
	mtime, unsure = c.stamp(replaced, on)
	if !chosen.IsZero() {
		return chosenTime(chosen, mtime), unsure || on.storeNS >= int64(time.Second)
	}
	return mtime, unsure
}

// tick is more than the clock of a kernel is behind ours, which moves when the system gets to it.
const tick = int64(20 * time.Millisecond)

// stamp returns the time now, later than every earlier stamp and than replaced, in the steps of the file system. It is later than
// now, too, so that no clock gives it to a change of this moment. Where steps are seconds, a change of the next one would get
// that time, and where no time of change is kept nothing else tells it from ours. There it is of a step that is over, unless
// another stamp has been given since. Elsewhere it is not: make and backups look for what is newer than their last run.
func (c *clock) stamp(replaced int64, on *device) (stamp int64, unsure bool) {
	granularity := on.storeNS
	for {
		last, now := c.last.Load(), time.Now().UnixNano()
		floor := last
		if last > now+maxLead+farFuture { // the clock was set back since
			floor = now
		}
		if replaced > floor && replaced < now+farFuture {
			floor = replaced
		}
		next := max(now, floor) + 1
		if off := next % granularity; off != 0 {
			next += granularity - off
		}
		if over := now - tick - granularity; on.mtimeOnly && granularity >= int64(time.Second) && over-over%granularity > floor {
			next = over - over%granularity
		}
		if next > now+maxLead {
			return now - now%granularity, true
		}
		if c.last.CompareAndSwap(last, next) {
			return next, false
		}
	}
}

// chosenTime is the whole second of a time that a client chose with the nanoseconds of a stamp.
func chosenTime(t time.Time, stamp int64) int64 {
	return t.Unix()*int64(time.Second) + stamp%int64(time.Second)
}
