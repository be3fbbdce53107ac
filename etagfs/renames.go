package etagfs

import (
	"sync"

	"ifmatch/fs"
)

// renames remembers the latest MOVEs of files, and the latest times that a PROPPATCH has set. Each has moved the times of a
// file and not its bytes, which nobody could tell afterwards: who reads the file meanwhile would take it for one that was
// changed in place. Safe for concurrent use.
type renames struct {
	mu   sync.Mutex
	to   map[fs.Identity]fs.Identity // guarded by mu
	ring [256]fs.Identity            // guarded by mu; keys in the order they came
	next int                         // guarded by mu
}

func (r *renames) note(was, now fs.Identity) {
	if was == now {
		return // a symbolic link was moved
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.to == nil {
		r.to = make(map[fs.Identity]fs.Identity)
	}
	delete(r.to, r.ring[r.next])
	r.ring[r.next] = was
	r.next = (r.next + 1) % len(r.ring)
	r.to[was] = now
}

// lead tells whether these, and nothing else, have made now of was.
func (r *renames) lead(was, now fs.Identity) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range len(r.ring) {
		next, ok := r.to[was]
		if !ok {
			return false
		}
		if next == now {
			return true
		}
		was = next
	}
	return false
}

// Moved tells whether all that has happened to the file is that clients have moved it or set its time, where its
// descriptor shows the state now.
func (f *File) Moved(now *fs.Info) bool { return f.of.renames.lead(f.info.Identity, now.Identity) }
