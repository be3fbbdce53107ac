package etagfs

import "ifmatch/fs"

// renames remembers the latest MOVEs of files, and the latest times that a PROPPATCH has set. Each has moved the times of a
// file and not its bytes, which nobody could tell afterwards: who reads the file meanwhile would take it for one that was
// changed in place. Safe for concurrent use.
type renames struct{ to states[fs.Identity] }

const renamesAtLeast = 256

func (r *renames) note(was, now fs.Identity) {
	if was != now { // else a symbolic link was moved
		r.to.note(was, now)
	}
}

// lead tells whether these, and nothing else, have made now of was.
func (r *renames) lead(was, now fs.Identity) bool {
	for range renamesAtLeast {
		next, ok := r.to.get(was)
		if !ok || next == now {
			return ok
		}
		was = next
	}
	return false
}

// Moved tells whether all that has happened to the file is that clients have moved it or set its time, where its
// descriptor shows the state now.
func (f *File) Moved(now *fs.Info) bool { return f.of.renames.lead(f.info.Identity, now.Identity) }
