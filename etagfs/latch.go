package etagfs

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"ifmatch/fs"
)

// Latches are shared by trees of which one may lie inside another, so that a file has one latch, whichever tree it is
// reached through. The zero value is ready. Safe for concurrent use.
type Latches struct {
	mu   sync.Mutex
	held map[string]*latch // guarded by mu; only names that somebody holds or waits for
}

type latch struct {
	sync.RWMutex
	users int // guarded by Latches.mu
}

// latches keep requests out of each other's way for one operation: exclusive on the names that
// change, shared on their ancestors in the tree. All latches of an operation are taken at once in sorted
// order, so no two operations can wait for each other in a circle. Safe for concurrent use.
type latches struct {
	*Latches
	within string // where the tree lies in what the Latches are for; "" for the whole of it

	waits fs.Durations // of operations that had to wait
}

// key is what the latch of a name is found by.
func (ls *latches) key(name string) string {
	if ls.within == "" {
		return name
	}
	return ls.within + strings.TrimSuffix(name, "/")
}

// held are the latches of one operation.
type held struct {
	of        *latches
	names     []string // their keys, sorted; taken[i] is the latch of names[i]
	exclusive []string
	taken     []*latch
	shared    bool  // what was exclusive has been given back
	there     *held // of another tree that the operation reads from; nil: none
}

// hold takes the latches for changing names; share and release give them back.
func (ls *latches) hold(names ...string) *held { return ls.holdAlong(names, nil) }

// holdAlong is hold that takes those of beside, too, which are shared.
func (ls *latches) holdAlong(names, beside []string) *held {
	exclusive := make([]string, len(names))
	for i, n := range names {
		exclusive[i] = ls.key(n)
	}
	if len(beside) > 0 {
		names = slices.Concat(names, beside)
	}
	return ls.take(names, exclusive)
}

// look takes the latches for reading name together with what is kept beside the tree, as its dead properties are: nobody
// changes it or takes it elsewhere meanwhile. Its members may change. Who has them takes no others.
func (ls *latches) look(name string) *held { return ls.take([]string{name}, nil) }

// take takes the latches of names and of all above them, those that are exclusive in that way.
func (ls *latches) take(names, exclusive []string) *held {
	all := make([]string, 0, 8)
	for _, n := range names {
		all = append(all, ls.key(n))
		for n != "/" {
			n = path.Dir(n)
			all = append(all, ls.key(n))
		}
	}
	slices.SortFunc(all, byPath)
	all = slices.Compact(all)

	h := &held{of: ls, names: all, exclusive: exclusive, taken: make([]*latch, len(all))}
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
		alone := slices.Contains(exclusive, n)
		if h.taken[i].try(alone) {
			continue
		}
		if began.IsZero() {
			began = time.Now()
		}
		h.taken[i].wait(alone)
	}
	if !began.IsZero() {
		ls.waits.Add(time.Since(began))
	}
	return h
}

// byPath is the order in which latches are taken: of paths, so that those of a tree follow each other, and two trees
// can be latched one after the other as if it were all at once.
func byPath(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// before tells which of two trees that are not inside each other is latched first.
func (f *FS) before(other *FS) bool {
	if c := byPath(f.latch.within, other.latch.within); c != 0 {
		return c < 0
	}
	return f.number < other.number
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

// has tells whether the latches of names are among those that are held, exclusive or not.
func (h *held) has(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(h.names, h.of.key(n)) })
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
