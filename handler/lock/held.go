package lock

import "time"

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
