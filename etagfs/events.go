package etagfs

import (
	"path"
	"strings"
	"sync"
	"sync/atomic"
)

// subscribers are those who want to hear of changes. Telling them never waits: each has room for one
// word, "look again", and many changes before it looks are one.
type subscribers struct {
	count atomic.Int64 // of chans; a change that nobody follows costs this one load
	mu    sync.Mutex
	chans map[chan struct{}]string // guarded by mu; the real name that is followed
}

// Subscribe returns a channel that gets a word when the resource name may have changed, came or went; for a
// collection also when a member did. Changes by this FS are always told, those of other programs where the
// file system reports them; a word may come for nothing, so Stat is who knows. cancel ends it.
// Errors: none; a name that leads nowhere is followed as it is spelled.
func (f *FS) Subscribe(name string) (changed <-chan struct{}, cancel func()) {
	if real, err := f.base.Resolve(name); err == nil {
		name = real
	}
	c := make(chan struct{}, 1)
	s := &f.subs
	s.mu.Lock()
	if s.chans == nil {
		s.chans = make(map[chan struct{}]string)
	}
	s.chans[c] = name
	s.count.Store(int64(len(s.chans)))
	s.mu.Unlock()
	f.Follow(name)
	return c, func() {
		s.mu.Lock()
		delete(s.chans, c)
		s.count.Store(int64(len(s.chans)))
		s.mu.Unlock()
	}
}

// Follow asks for reports of what other programs do to name and its members. Watches are bounded and may be
// given up for others', so a subscriber asks again now and then.
func (f *FS) Follow(name string) {
	if !f.reports.watch(path.Dir(name)) {
		return
	}
	if info, err := f.base.Lookup(name); err == nil && info.IsCollection() {
		f.reports.watch(name)
	}
}

// tell lets the subscribers know that names, and all below them, may have changed.
func (s *subscribers) tell(names ...string) {
	if s.count.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, follows := range s.chans {
		for _, name := range names {
			if concerns(name, follows) {
				nudge(c)
			}
		}
	}
}

// nudge puts a word into a channel with room for one, unless who reads there has not looked since the last word.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// concerns tells whether a change of name is one for who follows another: itself, one above it, or a member.
func concerns(name, follows string) bool {
	return name == follows || name == "/" || strings.HasPrefix(follows, name+"/") || path.Dir(name) == follows
}
