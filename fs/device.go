package fs

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// device is what was found out about a file system, mostly its clock. It does not change.
type device struct {
	dev         uint64        // as in an Identity
	mark        [2]uint64     // tells it from another file system that has the number later, where the system has such a thing
	storeNS     int64         // step in which times are stored
	mtimeOnly   bool          // no time of change is kept besides the modification time
	fine        bool          // every change has its own time
	granularity time.Duration // as in Features
	behind      time.Duration // how far its clock is behind ours
	folds       bool          // names that differ in case only may be one to it
}

// unknownGranularity is that of FAT, the coarsest in use.
const unknownGranularity = 2 * time.Second

// unknown is what a file system counts as until it was tried.
var unknown = &device{storeNS: int64(unknownGranularity), mtimeOnly: true, granularity: unknownGranularity, folds: true}

// granularity of a file system that stores times in such steps, changes them in such steps, and whose clock is behind ours:
// as long after its time of change as we see it, a file may still get the same times. Where every change has its own time
// no clock is asked, nor what times we could set.
func granularity(store, change, behind time.Duration) time.Duration {
	if change <= 1 {
		return change
	}
	return max(store, change) + behind
}

// lag is how far a time that was just given is behind ours; what takes no longer than the look itself is none.
func lag(now time.Time, given int64) time.Duration {
	const look = time.Millisecond
	if behind := time.Duration(now.UnixNano() - given); behind > look {
		return behind
	}
	return 0
}

// devices are the file systems mounted below the root of a tree, each of which may have another clock than that. One is
// tried when something is staged on it. Safe for concurrent use.
type devices struct {
	mu    sync.Mutex // held while one is tried
	tried atomic.Pointer[[]*device]
	apart sync.Map // numbers of those not tried that were found to tell case apart
}

// get takes no lock: the state of each member of a listing asks.
func (d *devices) get(dev uint64) *device {
	if tried := d.tried.Load(); tried != nil {
		for _, one := range *tried {
			if one.dev == dev {
				return one
			}
		}
	}
	return unknown
}

// learn tries a file system that was not tried yet. What cannot be tried now (nil) will be the next time.
func (d *devices) learn(dev uint64, mark [2]uint64, try func() *device) {
	if one := d.get(dev); one != unknown && one.mark == mark {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.get(dev); one != unknown && one.mark == mark {
		return
	}
	found := try()
	if found == nil {
		return
	}
	found.dev, found.mark = dev, mark
	tried := []*device{found}
	if old := d.tried.Load(); old != nil {
		tried = append(tried, slices.DeleteFunc(slices.Clone(*old), func(o *device) bool { return o.dev == dev })...)
	}
	d.tried.Store(&tried)
}
