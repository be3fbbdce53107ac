package etagfs

import (
	"path"
	"slices"
	"sync"
)

// latches keep requests out of each other's way for one operation: exclusive on the names that
// change, shared on their ancestors. All latches of an operation are taken at once in sorted
// order, so no two operations can wait for each other in a circle. Safe for concurrent use.
type latches struct {
	mu   sync.Mutex
	held map[string]*latch // guarded by mu; only names that somebody holds or waits for
}

type latch struct {
	sync.RWMutex
	users int // guarded by latches.mu
}

// hold takes the latches for changing names and returns what releases them.
func (ls *latches) hold(names ...string) (release func()) {
	shared := make([]string, 0, 8)
	for _, n := range names {
		for n != "/" {
			n = path.Dir(n)
			shared = append(shared, n)
		}
	}
	all := append(shared, names...)
	slices.Sort(all)
	all = slices.Compact(all)

	taken := make([]*latch, len(all))
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
		taken[i] = l
	}
	ls.mu.Unlock()

	for i, n := range all {
		if slices.Contains(names, n) {
			taken[i].Lock()
		} else {
			taken[i].RLock()
		}
	}
	return func() { ls.drop(all, names, taken) }
}

func (ls *latches) drop(all, exclusive []string, taken []*latch) {
	for i := len(all) - 1; i >= 0; i-- {
		if slices.Contains(exclusive, all[i]) {
			taken[i].Unlock()
		} else {
			taken[i].RUnlock()
		}
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for i, l := range taken {
		if l.users--; l.users == 0 {
			delete(ls.held, all[i])
		}
	}
}
