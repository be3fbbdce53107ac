package auth

import (
	"sync"
	"time"
)

// Throttle counts failures by key (an address, a user) in windows of time. The zero value is no
// Throttle; set Limit and Window. Memory is bounded. Safe for concurrent use.
type Throttle struct {
	Limit  int           // failures in a window before Wait says to wait
	Window time.Duration // begins with a failure

	mu   sync.Mutex
	seen map[string]*failures // guarded by mu
}

type failures struct {
	n   int
	end time.Time
}

// maxKeys bounds a Throttle. When it is full of keys whose window is open, it forgets them all.
const maxKeys = 50_000

// Wait is how long key has to wait before the next attempt; 0 for not at all.
func (t *Throttle) Wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.seen[key]
	if f == nil || f.n < t.Limit {
		return 0
	}
	return max(0, f.end.Sub(now))
}

// Fail counts a failure of key.
func (t *Throttle) Fail(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.seen[key]
	if f == nil || !now.Before(f.end) {
		t.tidy(now)
		f = &failures{end: now.Add(t.Window)}
		t.seen[key] = f
	}
	f.n++
}

// tidy makes room for one more key.
func (t *Throttle) tidy(now time.Time) {
	if t.seen == nil {
		t.seen = map[string]*failures{}
	}
	if len(t.seen) < maxKeys {
		return
	}
	for key, f := range t.seen {
		if !now.Before(f.end) {
			delete(t.seen, key)
		}
	}
	if len(t.seen) >= maxKeys {
		clear(t.seen)
	}
}
