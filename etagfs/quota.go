package etagfs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"ifmatch/fs"
)

// ErrQuota is an fs.ErrNoSpace: the quota of the tree is reached, not the end of the disk.
var ErrQuota = fmt.Errorf("quota of the tree: %w", fs.ErrNoSpace)

// quota bounds the bytes of a tree, or has no bound: the sizes of its files, each counted once for each of its names.
//
// What our own writes change is added up as they happen. Whatever grows the tree reserves the growth
// before it begins or as its body comes, so no two writes pass the bound together. What other programs change is
// found by counting the tree again. A write while its own collection is being listed may count twice until the next
// count, and so may a moved collection. What began without a bound ends without. Safe for concurrent use.
type quota struct {
	limit atomic.Int64  // 0: none
	again chan struct{} // something was refused: count, the room may be there by now
	moved chan struct{} // holds a token when there was no bound and is one

	mu       sync.Mutex
	counted  chan struct{}    // guarded by mu; closed when a count has ended since there is a bound: until then what needs room waits
	waiting  bool             // guarded by mu; counted is not closed
	used     int64            // guarded by mu
	reserved int64            // guarded by mu; by writes that are under way
	since    map[string]int64 // guarded by mu; by collection, what has changed that the count under way has not seen
	hidden   int64            // guarded by mu; what may be where names are too long to be listed, since a collection was moved there
	deeper   bool             // guarded by mu; a collection got a longer name since the last count began
}

func newQuota() *quota {
	return &quota{again: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
}

// bound changes the limit.
func (q *quota) bound(limit int64) {
	limit = max(0, limit)
	q.mu.Lock()
	defer q.mu.Unlock()
	switch was := q.limit.Swap(limit); {
	case was == 0 && limit > 0: // what was written meanwhile was not added up
		q.counted, q.waiting = make(chan struct{}), true
		q.used, q.hidden = 0, 0
		nudge(q.moved)
	case limit == 0:
		q.known()
	}
}

// known lets those go on that wait for a count. q.mu is held.
func (q *quota) known() {
	if q.waiting {
		close(q.counted)
		q.waiting = false
	}
}

// bounds tells whether there is a limit.
func (q *quota) bounds() bool { return q.limit.Load() > 0 }

// room is what one write has reserved; nil: it needs none. Not safe for concurrent use.
type room struct {
	q     *quota
	free  bool // there was no bound when it began
	bytes int64
}

// room begins a reservation of nothing yet. It waits for the first count.
func (q *quota) room(ctx context.Context) (*room, error) {
	if !q.bounds() {
		return &room{q: q, free: true}, nil
	}
	q.mu.Lock()
	counted, waiting := q.counted, q.waiting
	q.mu.Unlock()
	if !waiting { // select would toss a coin where the client has sent all and left
		return &room{q: q}, nil
	}
	select {
	case <-counted:
		return &room{q: q}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// need reserves room for growth in all. Error: ErrQuota. What does not grow the tree always has room.
func (r *room) need(growth int64) error {
	if r == nil || r.free || growth <= r.bytes {
		return nil
	}
	q := r.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if limit := q.limit.Load(); limit > 0 && growth > limit-max(0, q.used+q.reserved-r.bytes) { // a client may say any length
		nudge(q.again)
		return ErrQuota
	}
	q.reserved += growth - r.bytes
	r.bytes = growth
	return nil
}

// give ends the reservation.
func (r *room) give() {
	if r.free {
		return
	}
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	r.q.reserved -= r.bytes
	r.bytes = 0
}

// took notes a change that has happened to members of a collection.
func (q *quota) took(dir string, growth int64) {
	if !q.bounds() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used += growth
	if q.since != nil {
		q.since[dir] += growth
	}
}

// moves notes that a collection has got another name, with which those below may be too long.
func (q *quota) moves(src, dst string) {
	if len(dst) <= len(src) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deeper = true
}

// bounded is what RFC 4331 asks for: the quota, or the file system where that has less left.
func (q *quota) bounded(u fs.Usage) fs.Usage {
	limit := q.limit.Load()
	if limit == 0 {
		return u
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return fs.Usage{
		AvailableBytes: min(u.AvailableBytes, max(0, limit-q.used-q.reserved)),
		UsedBytes:      max(0, q.used),
	}
}

// A count is worth at most a hundredth of the time, and disks may sleep in between.
const (
	countEvery = 15 * time.Minute
	countSoon  = 5 * time.Second // after a refusal
)

// KeepCounted counts what is in the tree while it has a quota, at once and from time to time, until ctx is done. Until
// the first count has ended, writes that need room wait. It is called once.
func (f *FS) KeepCounted(ctx context.Context) {
	q := f.quota
	for ctx.Err() == nil {
		if !q.bounds() {
			select {
			case <-ctx.Done():
			case <-q.moved:
			}
			continue
		}
		select {
		case <-q.moved: // this count is the one
		default:
		}
		began := time.Now()
		f.count(ctx)
		took := time.Since(began)
		select {
		case <-ctx.Done():
		case <-q.moved:
		case <-time.After(max(countEvery, 100*took)):
		case <-q.again:
			select {
			case <-ctx.Done():
			case <-q.moved:
			case <-time.After(time.Until(began.Add(max(countSoon, 20*took)))):
			}
		}
	}
}

func (f *FS) count(ctx context.Context) {
	q := f.quota
	q.mu.Lock()
	q.since = make(map[string]int64)
	counted, deeper := q.counted, q.deeper
	q.deeper = false
	q.mu.Unlock()
	sum, hidden := f.weigh(ctx, "/", func(dir string) {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.since, dir) // the list shows it
	})
	q.mu.Lock()
	whole := q.counted == counted // else it began while there was no bound
	if ctx.Err() == nil && whole {
		for _, growth := range q.since {
			sum += growth
		}
		switch {
		case !hidden:
			q.hidden = 0
		case deeper || q.deeper: // else a MOVE would make room, again and again
			q.hidden = max(q.hidden, q.used-sum)
		}
		q.used = sum + q.hidden
	}
	q.since = nil
	if whole {
		q.known()
	}
	q.mu.Unlock()
}

// weigh adds up what is in a collection; begin, unless nil, is told of each before it is listed. What cannot be
// listed counts nothing, nor do symbolic links; hidden tells that some has a name that is too long for it.
func (f *FS) weigh(ctx context.Context, dir string, begin func(dir string)) (sum int64, hidden bool) {
	if begin != nil {
		begin(dir)
	}
	var below []string
	err := f.base.List(dir, func(base string, i *fs.Info) error {
		switch {
		case i.Real != "": // a link
		case i.IsCollection():
			below = append(below, path.Join(dir, base))
		default:
			sum += i.SizeBytes
		}
		return ctx.Err()
	})
	hidden = errors.Is(err, fs.ErrNameTooLong)
	for _, d := range below {
		if ctx.Err() == nil {
			more, hides := f.weigh(ctx, d, begin)
			sum, hidden = sum+more, hidden || hides
		}
	}
	return sum, hidden
}

// weight is what a real name holds, if there is a quota.
func (f *FS) weight(ctx context.Context, name string) int64 {
	if !f.quota.bounds() {
		return 0
	}
	info, err := f.base.Lookup(name)
	switch {
	case err != nil:
		return 0
	case info.IsCollection():
		sum, _ := f.weigh(ctx, name, nil)
		return sum
	}
	return info.SizeBytes
}

// within makes a check that also reserves the growth of a file to sizeBytes, and notes it.
func (r *room) within(sizeBytes int64, grown *int64, check func(*fs.Info) error) func(*fs.Info) error {
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
