package fs

import (
	"io"
	iofs "io/fs"
	"sync"
	"time"

	"github.com/spf13/afero"
)

// memoryStaged is an inode that no name leads to yet.
type memoryStaged struct {
	m        *memory
	name     string
	n        *node
	file     afero.File
	asked    bool // mtime was chosen by the caller
	unsure   bool // as in Info
	finished bool
}

func (m *memory) Stage(name string) (Staged, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, _, err := m.parent(name); err != nil {
		return nil, pathError("stage", name, err)
	}
	n := m.newNode(0o644)
	f, err := m.heap.Create(m.blob(n))
	if err != nil {
		return nil, pathError("stage", name, err)
	}
	return &memoryStaged{m: m, name: name, n: n, file: f}, nil
}

func (s *memoryStaged) Write(p []byte) (int, error) {
	if s.finished {
		return 0, pathError("write", s.name, iofs.ErrClosed)
	}
	if used := s.m.used.Add(int64(len(p))); used > s.m.capacity {
		s.m.used.Add(-int64(len(p)))
		return 0, pathError("write", s.name, ErrNoSpace)
	}
	n, err := s.file.Write(p)
	s.n.SizeBytes += int64(n)
	return n, pathError("write", s.name, err)
}

var memoryBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

func (s *memoryStaged) ReadFrom(r io.Reader) (int64, error) {
	buf := memoryBuffers.Get().(*[64 << 10]byte)
	defer memoryBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{r}, buf[:])
}

// Expect asks for no more than there is in all: what is in use may be given back in a moment, and to fill the memory harms nobody else.
func (s *memoryStaged) Expect(sizeBytes int64, _ bool) error {
	if sizeBytes > s.m.capacity {
		return pathError("write", s.name, ErrNoSpace)
	}
	return nil
}

// WriteOut does nothing: there is no disk.
func (s *memoryStaged) WriteOut(int64, int64) {}

func (s *memoryStaged) Prepare(modTime time.Time, durable bool) error {
	if s.finished {
		return pathError("prepare", s.name, iofs.ErrClosed)
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.asked = !modTime.IsZero()
	s.n.Mtime, s.unsure = s.m.stamp(modTime, 0)
	return nil
}

// Commit is always exact: nobody reaches the tree but through its methods.
func (s *memoryStaged) Commit(_ bool, check func(*Info) error) (info Info, created bool, release func(), err error) {
	if s.finished {
		return Info{}, false, nil, pathError("commit", s.name, iofs.ErrClosed)
	}
	var at place
	err = s.m.step(
		func() (_, cur *Info, err error) {
			if at, err = s.m.find(s.name); err == nil && at.node != nil && at.node.dir != nil {
				err = ErrIsDir
			}
			return nil, at.info(), pathError("commit", s.name, err)
		},
		func(_, cur *Info) error { return check(cur) },
		func() {
			if at.node != nil {
				s.n.Mode = at.node.Mode
				if !s.asked && s.n.Mtime <= at.node.Mtime {
					s.n.Mtime, s.unsure = s.m.stamp(time.Time{}, at.node.Mtime)
				}
			}
			s.m.link(at, s.n)
			info = s.n.Info
			info.Unsure = s.unsure
		})
	if err != nil {
		return Info{}, false, nil, err
	}
	s.finished = true
	s.file.Close()
	return info, at.node == nil, func() { s.m.drop(at.node) }, nil
}

func (s *memoryStaged) Discard() {
	if s.finished {
		return
	}
	s.finished = true
	s.file.Close()
	s.m.drop(s.n)
}
