package lock

import (
	"cmp"
	"slices"
	"time"
)

// Count returns the number of locks, expired ones that nobody has met yet among them.
func (t *Table) Count() int { return int(t.count.Load()) }

// Held returns the number of locks that have not expired.
func (t *Table) Held(now time.Time) (n int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, e := range t.byToken {
		if now.Before(e.Expires) {
			n++
		}
	}
	return n
}

// All returns every lock, sorted by root, for an operator.
func (t *Table) All(now time.Time) []Lock {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var ls []Lock
	for _, e := range t.byToken {
		if now.Before(e.Expires) {
			ls = append(ls, e.Lock)
		}
	}
	slices.SortFunc(ls, func(a, b Lock) int {
		return cmp.Or(cmp.Compare(a.Root, b.Root), cmp.Compare(a.Token, b.Token))
	})
	return ls
}
