package fstest

import (
	"io"
	"time"

	"github.com/spf13/afero"

	"ifmatch/fs"
)

// faultStaged is a Staged whose operations count. A write that fails has written half.
type faultStaged struct {
	fs.Staged
	f    *Faults
	name string
}

func (s *faultStaged) Write(p []byte) (int, error) {
	if err := s.f.op("write", s.name); err != nil {
		n, _ := s.Staged.Write(p[:len(p)/2])
		return n, err
	}
	return s.Staged.Write(p)
}

// ReadFrom copies in small pieces, so that each can fail.
func (s *faultStaged) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{r}, make([]byte, 4<<10))
}

func (s *faultStaged) Prepare(modTime time.Time, durable bool) error {
	if err := s.f.op("prepare", s.name); err != nil {
		return err
	}
	return s.Staged.Prepare(modTime, durable)
}

func (s *faultStaged) Commit(exact bool, check func(*fs.Info) error) (fs.Info, bool, func(), error) {
	if err := s.f.op("commit", s.name); err != nil {
		return fs.Info{}, false, nil, err
	}
	return s.Staged.Commit(exact, check)
}

// aferoFile is an open file whose operations count.
type aferoFile struct {
	afero.File
	f *Faults
}

func (a aferoFile) Read(p []byte) (int, error) {
	if err := a.f.op("read", a.Name()); err != nil {
		return 0, err
	}
	return a.File.Read(p)
}

func (a aferoFile) ReadAt(p []byte, off int64) (int, error) {
	if err := a.f.op("read", a.Name()); err != nil {
		return 0, err
	}
	return a.File.ReadAt(p, off)
}

func (a aferoFile) Write(p []byte) (int, error) {
	if err := a.f.op("write", a.Name()); err != nil {
		return 0, err
	}
	return a.File.Write(p)
}

func (a aferoFile) WriteAt(p []byte, off int64) (int, error) {
	if err := a.f.op("write", a.Name()); err != nil {
		return 0, err
	}
	return a.File.WriteAt(p, off)
}

func (a aferoFile) WriteString(s string) (int, error) { return a.Write([]byte(s)) }

func (a aferoFile) Truncate(sizeBytes int64) error {
	if err := a.f.op("truncate", a.Name()); err != nil {
		return err
	}
	return a.File.Truncate(sizeBytes)
}

func (a aferoFile) Sync() error {
	if err := a.f.op("fsync", a.Name()); err != nil {
		return err
	}
	return a.File.Sync()
}

// faultFile is an fs.File whose operations count.
type faultFile struct {
	aferoFile
	file fs.File
}

func (f *faultFile) Info() fs.Info { return f.file.Info() }

func (f *faultFile) Again() (fs.Info, error) {
	if err := f.f.op("stat", f.Name()); err != nil {
		return fs.Info{}, err
	}
	return f.file.Again()
}
