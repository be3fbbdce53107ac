package state

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"ifmatch/fs"
)

// An intent of which Recover cannot tell whether its step was taken is left for a later start, but not for longer than
// nothing else changes at its names: carried out on top of that, it would undo what was acknowledged since.
type left struct {
	any     atomic.Bool // there may be some
	mu      sync.Mutex
	intents []*Intent // guarded by mu
}

func (l *left) leave(in *Intent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.intents = append(l.intents, in)
	l.any.Store(true)
}

// Overtake is called before a change at names, of the tree or of what is remembered; those of the store call it
// themselves. What is owed there is done, since the next start could not tell any more that its step was taken. An intent
// about them, about what is above or below, that Recover has left ends as if its step had not been
// taken. It costs nothing where none is left.
// Errors: those of making it durable; then the change must not follow.
func (s *Store) Overtake(names ...string) error {
	if err := s.caughtUp(names...); err != nil {
		return err
	}
	l := &s.left
	if !l.any.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var kept []*Intent
	for _, in := range l.intents {
		if !related(in.names(), names) {
			kept = append(kept, in)
			continue
		}
		if err := s.begin(in.drop).wait(); err != nil {
			return fmt.Errorf("an interrupted change cannot be given up: %w", err)
		}
		s.opts.Log.Warn("another change follows one that a crash interrupted: whether that one was made can no longer be found out",
			"step", in.Step, "src", in.Src, "dst", in.Dst)
	}
	l.intents = kept
	l.any.Store(len(kept) > 0)
	return nil
}

// related tells whether one of a is one of b, above or below it.
func related(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return fs.Overlap(x, y) })
	})
}
