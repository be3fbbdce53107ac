package etagfs

import (
	"sync"
	"time"

	"ifmatch/fs"
)

// states remembers the latest states of files, so many at least, and something of each; each takes some 60 bytes beside that.
// Safe for concurrent use.
type states[V any] struct {
	atLeast int

	mu          sync.Mutex
	now, before map[fs.Identity]V // guarded by mu; when now is full it becomes before
}

// met is nothing more than that a state was noted.
type met = struct{}

func (s *states[V]) get(id fs.Identity) (v V, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok = s.now[id]; !ok {
		v, ok = s.before[id]
	}
	return v, ok
}

func (s *states[V]) has(id fs.Identity) bool {
	_, ok := s.get(id)
	return ok
}

func (s *states[V]) note(id fs.Identity, v V) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= s.atLeast {
		s.now, s.before = make(map[fs.Identity]V), s.now
	}
	s.now[id] = v
}

// made remembers the state of bytes that we committed, unless it may be that of another change, too.
func (f *FS) made(now *fs.Info) {
	if !now.Unsure {
		f.own.note(now.Identity, met{})
		f.unwritten.note(now.Identity, met{})
	}
}

// dirtyTime is how long a system keeps in memory alone what was stored in a file, and then some: Linux begins to write after half a
// minute (vm.dirty_expire_centisecs).
const dirtyTime = 2 * time.Minute

// distrust makes a strong stat tag weak while another program can change the bytes and leave the state as it is: a store
// through a mapping moves the times when a page is first written, and not again until the system has written that to the
// disk. So a state that is older than dirtyTime is beyond doubt, and of others it is asked who has the file open for writing. Who
// reads the bytes is told more by the open file; no Check asks, for the step holds writers off.
//
// BUG(ifmatch): where the system writes later, being told so or having a disk that cannot keep up, a look without reading can show one
// strong tag for what two such stores left.
func (f *FS) distrust(info *Info, now time.Time) {
	if f.content != nil || info.IsCollection() || info.Tag.Weak || now.UnixNano()-info.Ctime > int64(dirtyTime) {
		return
	}
	w, ok := f.base.(fs.WriterFinder)
	switch {
	case !ok || f.unwritten.has(info.Identity):
	case w.Writing(info.Name, info.Identity):
		info.Tag = f.tags.unsure(&info.Info)
	default:
		f.unwritten.note(info.Identity, met{})
	}
}
