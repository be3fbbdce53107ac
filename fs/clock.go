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
// only and more than one is given in each. Beyond it they repeat, and there Granularity
// says that times do not tell everything.
const maxLead = int64(time.Hour)

// stamp returns the time now, later than every earlier stamp and than replaced, in steps of granularity.
func (c *clock) stamp(replaced, granularity int64) int64 {
	for {
		last, now := c.last.Load(), time.Now().UnixNano()
		floor := last
		if replaced > floor && replaced < now+farFuture {
			floor = replaced
		}
		next := max(now, floor+1)
		if off := next % granularity; off != 0 {
			next += granularity - off
		}
		if next > now+maxLead {
			return now - now%granularity
		}
		if c.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// chosenTime is the whole second of a time that a client chose with the nanoseconds of a stamp.
func chosenTime(t time.Time, stamp int64) int64 {
	return t.Unix()*int64(time.Second) + stamp%int64(time.Second)
}
