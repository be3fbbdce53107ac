package etagfs

import (
	"sync"

	"ifmatch/fs"
)

// own remembers the states of the latest bytes that we committed. No write(2) of another program can be under way in such
// a state, for it would have moved the times: they need no lease, which is not always to be had. Safe for concurrent use.
type own struct {
	mu   sync.Mutex
	is   map[fs.Identity]struct{} // guarded by mu
	ring [256]fs.Identity         // guarded by mu; keys in the order they came
	next int                      // guarded by mu
}

func (o *own) note(now *fs.Info) {
	if now.Unsure { // it may be the state of another change, too
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.is == nil {
		o.is = make(map[fs.Identity]struct{})
	}
	delete(o.is, o.ring[o.next])
	o.ring[o.next] = now.Identity
	o.next = (o.next + 1) % len(o.ring)
	o.is[now.Identity] = struct{}{}
}

func (o *own) has(id fs.Identity) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.is[id]
	return ok
}
