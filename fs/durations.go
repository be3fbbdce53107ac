package fs

import (
	"sync/atomic"
	"time"
)

// DurationBounds are the upper bounds of the buckets of Durations; the last bucket has none.
var DurationBounds = [...]time.Duration{
	100 * time.Microsecond, 300 * time.Microsecond, time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond,
	30 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second,
}

// Durations counts how long something took, for whoever watches a server. The zero value is ready; safe for
// concurrent use, and never grows.
type Durations struct {
	sum     atomic.Int64
	buckets [len(DurationBounds) + 1]atomic.Uint64
}

// Add counts one that took d.
func (d *Durations) Add(took time.Duration) {
	i := 0
	for i < len(DurationBounds) && took > DurationBounds[i] {
		i++
	}
	d.sum.Add(int64(took))
	d.buckets[i].Add(1)
}

// of counts how long act takes.
func (d *Durations) of(act func() error) error {
	began := time.Now()
	err := act()
	d.Add(time.Since(began))
	return err
}

// Counts returns what was counted so far.
func (d *Durations) Counts() DurationCounts {
	c := DurationCounts{Sum: time.Duration(d.sum.Load())}
	for i := range d.buckets {
		c.Buckets[i] = d.buckets[i].Load()
	}
	return c
}

// DurationCounts is what Durations had counted at a moment.
type DurationCounts struct {
	Sum     time.Duration
	Buckets [len(DurationBounds) + 1]uint64 // how many took at most the bound, and more than the one before
}

// Count is how many there were.
func (c *DurationCounts) Count() (n uint64) {
	for _, b := range c.Buckets {
		n += b
	}
	return n
}

// Plus is the sum of both.
func (c DurationCounts) Plus(o DurationCounts) DurationCounts {
	c.Sum += o.Sum
	for i, n := range o.Buckets {
		c.Buckets[i] += n
	}
	return c
}
