package etagfs

import (
	"path"
	"slices"
	"sync"
	"time"

	"ifmatch/fs"
)

// latches keep requests out of each other's way for one operation: exclusive on the names that
// change, shared on their ancestors. All latches of an operation are taken at once in sorted
// order, so no two operations can wait for each other in a circle. Safe for concurrent use.
type latches struct {
	mu   sync.Mutex
	held map[string]*latch // guarded by mu; only names that somebody holds or waits for

	waits fs.Durations // of operations that had to wait
}

type latch struct {
	sync.RWMutex
	users int // guarded by latches.mu
}

// held are the latches of one operation.
type held struct {
	of        *latches
	names     []string // sorted; taken[i] is the latch of names[i]
	exclusive []string
	taken     []*latch
	shared    bool  // what was exclusive has been given back
	there     *held // of another tree that the operation reads from; nil: none
}

// hold takes the latches for changing names; share and release give them back.
func (ls *latches) hold(names ...string) *held {
	all := make([]string, 0, 8)
	for _, n := range names {
		for n != "/" {
			n = path.Dir(n)
			all = append(all, n)
		}
	}
	all = append(all, names...)
	slices.Sort(all)
	all = slices.Compact(all)

	h := &held{of: ls, names: all, exclusive: names, taken: make([]*latch, len(all))}
	ls.mu.Lock()
	if ls.held == nil {
		ls.held = make(map[string]*latch)
	}
	for i, n := range all {
		l := ls.held[n]
		if l == nil {
			l = new(latch)
			ls.held[n] = l
		}
		l.users++
		h.taken[i] = l
	}
	ls.mu.Unlock()

	var began time.Time // who need not wait reads no clock
	for i, n := range all {
		exclusive := slices.Contains(names, n)
		if h.taken[i].try(exclusive) {
			continue
		}
		if began.IsZero() {
			began = time.Now()
		}
		h.taken[i].wait(exclusive)
	}
	if !began.IsZero() {
		ls.waits.Add(time.Since(began))
	}
	return h
}

func (l *latch) try(exclusive bool) bool {
	if exclusive {
		return l.TryLock()
	}
	return l.TryRLock()
}

func (l *latch) wait(exclusive bool) {
	if exclusive {
		l.Lock()
	} else {
		l.RLock()
	}
}

// share lets others change the names. No collection above them can go away until release, so that
// their directory can be made durable under the name it had.
func (h *held) share() {
	if h.shared {
		return
	}
	h.shared = true
	if h.there != nil {
		h.there.release()
	}
	for i, n := range h.names {
		if slices.Contains(h.exclusive, n) {
			h.taken[i].Unlock()
		}
	}
}

// release gives everything back; once more does nothing.
func (h *held) release() {
	if h.taken == nil {
		return
	}
	h.share()
	for i, n := range h.names {
		if !slices.Contains(h.exclusive, n) {
			h.taken[i].RUnlock()
		}
	}
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	for i, l := range h.taken {
		if l.users--; l.users == 0 {
			delete(h.of.held, h.names[i])
		}
	}
	h.taken = nil
}
