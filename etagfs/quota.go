package etagfs

import (
	"context"
	"fmt"
	"path"
	"sync"
	"time"

	"ifmatch/fs"
)

// ErrQuota is fs.ErrNoSpace where it is the tree that has a bound, and not the disk.
var ErrQuota = fmt.Errorf("quota of the tree: %w", fs.ErrNoSpace)

// quota bounds the bytes of a tree: the sizes of its files, each counted once for each of its names.
//
// What our own writes change is added up as they happen. Whatever grows the tree reserves the growth
// before it begins or as its body comes, so no two writes pass the bound together. What other programs change is
// found by counting the tree again. A write while its own collection is being listed may count twice until the next
// count, and so may a moved collection. Safe for concurrent use; a nil quota bounds nothing.
type quota struct {
	limit   int64
	counted chan struct{} // closed when the first count has ended; until then what needs room waits
	again   chan struct{} // something was refused: count, the room may be there by now
	first   sync.Once

	mu       sync.Mutex
	used     int64            // guarded by mu
	reserved int64            // guarded by mu; by writes that are under way
	since    map[string]int64 // guarded by mu; by collection, what has changed that the count under way has not seen
}

func newQuota(limit int64) *quota {
	if limit <= 0 {
		return nil
	}
	return &quota{limit: limit, counted: make(chan struct{}), again: make(chan struct{}, 1)}
}

// room is what one write has reserved; a nil room has all there is. Not safe for concurrent use.
type room struct {
	q     *quota
	bytes int64
}

// room begins a reservation of nothing yet. It waits for the first count.
func (q *quota) room(ctx context.Context) (*room, error) {
	if q == nil {
		return nil, nil
	}
	select {
	case <-q.counted:
		return &room{q: q}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// need reserves room for growth in all. Error: ErrQuota. What does not grow the tree always has room.
func (r *room) need(growth int64) error {
	if r == nil || growth <= r.bytes {
		return nil
	}
	q := r.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+q.reserved-r.bytes+growth > q.limit {
		select {
		case q.again <- struct{}{}:
		default:
		}
		return ErrQuota
	}
	q.reserved += growth - r.bytes
	r.bytes = growth
	return nil
}

// give ends the reservation.
func (r *room) give() {
	if r == nil {
		return
	}
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	r.q.reserved -= r.bytes
	r.bytes = 0
}

// took notes a change that has happened to members of a collection.
func (q *quota) took(dir string, growth int64) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used += growth
	if q.since != nil {
		q.since[dir] += growth
	}
}

// bounded is what RFC 4331 asks for: the quota, or the file system where that has less left.
func (q *quota) bounded(u fs.Usage) fs.Usage {
	if q == nil {
		return u
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return fs.Usage{
		AvailableBytes: min(u.AvailableBytes, max(0, q.limit-q.used-q.reserved)),
		UsedBytes:      max(0, q.used),
	}
}

// A count is worth at most a hundredth of the time, and disks may sleep in between.
const (
	countEvery = 15 * time.Minute
	countSoon  = 5 * time.Second // after a refusal
)

// KeepCounted counts what is in a tree with a quota, now and from time to time, until ctx is done. Until
// the first count has ended, writes that need room wait. It is called once, and returns at once without a quota.
func (f *FS) KeepCounted(ctx context.Context) {
	q := f.quota
	if q == nil {
		return
	}
	for ctx.Err() == nil {
		began := time.Now()
		f.count(ctx)
		took := time.Since(began)
		select {
		case <-ctx.Done():
		case <-time.After(max(countEvery, 100*took)):
		case <-q.again:
			select {
			case <-ctx.Done():
			case <-time.After(time.Until(began.Add(max(countSoon, 20*took)))):
			}
		}
	}
}

func (f *FS) count(ctx context.Context) {
	q := f.quota
	q.mu.Lock()
	q.since = make(map[string]int64)
	q.mu.Unlock()
	sum := f.weigh(ctx, "/", func(dir string) {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.since, dir) // the list shows it
	})
	q.mu.Lock()
	if ctx.Err() == nil {
		for _, growth := range q.since {
			sum += growth
		}
		q.used = sum
	}
	q.since = nil
	q.mu.Unlock()
	q.first.Do(func() { close(q.counted) })
}

// weigh adds up what is in a collection; begin, unless nil, is told of each before it is listed. What cannot be
// listed counts nothing, nor do symbolic links.
func (f *FS) weigh(ctx context.Context, dir string, begin func(dir string)) (sum int64) {
	if begin != nil {
		begin(dir)
	}
	var below []string
	f.base.List(dir, func(base string, i *fs.Info) error {
		switch {
		case i.Real != "": // a link
		case i.IsCollection():
			below = append(below, path.Join(dir, base))
		default:
			sum += i.SizeBytes
		}
		return ctx.Err()
	})
	for _, d := range below {
		if ctx.Err() == nil {
			sum += f.weigh(ctx, d, begin)
		}
	}
	return sum
}

// weight is what a real name holds, if there is a quota.
func (f *FS) weight(ctx context.Context, name string) int64 {
	if f.quota == nil {
		return 0
	}
	info, err := f.base.Lookup(name)
	switch {
	case err != nil:
		return 0
	case info.IsCollection():
		return f.weigh(ctx, name, nil)
	}
	return info.SizeBytes
}

// freed is what goes when name goes, or is moved over.
func (f *FS) freed(ctx context.Context, name string) int64 {
	if f.quota == nil {
		return 0
	}
	name, err := f.realParent(name)
	if err != nil {
		return 0
	}
	return f.weight(ctx, name)
}

// within makes a check that also reserves the growth of a file to sizeBytes, and notes it. A nil room leaves check alone.
func (r *room) within(sizeBytes int64, grown *int64, check func(*fs.Info) error) func(*fs.Info) error {
	if r == nil {
		return check
	}
	return func(cur *fs.Info) error {
		if err := check(cur); err != nil {
			return err
		}
		*grown = sizeBytes
		if cur != nil {
			*grown -= cur.SizeBytes
		}
		return r.need(*grown)
	}
}
