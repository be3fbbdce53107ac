package fs

import (
	"io"
	iofs "io/fs"
	"os"
	"path"
	"sync"
	"time"

	"github.com/spf13/afero"
)

// memoryFile is an open file of a tree in memory: afero's bytes with the state kept in the node.
type memoryFile struct {
	afero.File
	m        *memory
	n        *node
	name     string
	info     Info
	writable bool
	append   bool

	mu sync.Mutex // afero's ReadAt and WriteAt move the offset for a moment
}

func (m *memory) OpenRead(name string) (File, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.lookup(name)
	if err == nil && n.dir != nil {
		err = ErrIsDir
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	f, err := m.openNode(name, n, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openNode opens the bytes of a file. m.mu is held.
func (m *memory) openNode(name string, n *node, flag int) (*memoryFile, error) {
	f, err := m.heap.OpenFile(m.blob(n), flag&(os.O_RDONLY|os.O_RDWR|os.O_WRONLY), 0)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &memoryFile{
		File: f, m: m, n: n, name: name, info: n.Info,
		writable: flag&(os.O_RDWR|os.O_WRONLY) != 0, append: flag&os.O_APPEND != 0,
	}, nil
}

func (f *memoryFile) Info() Info   { return f.info }
func (f *memoryFile) Name() string { return f.name }

func (f *memoryFile) Again() (Info, error) {
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	return f.n.Info, nil
}

func (f *memoryFile) Stat() (iofs.FileInfo, error) {
	info, err := f.Again()
	return memoryFileInfo{path.Base(f.name), info}, err
}

func (f *memoryFile) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.File.Read(p)
	if err == io.ErrUnexpectedEOF { // afero's answer behind the end
		err = io.EOF
	}
	return n, err
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, pathError("read", f.name, iofs.ErrInvalid)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.File.ReadAt(p, off)
	if err == io.ErrUnexpectedEOF || err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *memoryFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, err := f.File.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	at, err := f.File.Seek(offset, whence)
	if err == nil && at < 0 {
		f.File.Seek(before, io.SeekStart)
		return 0, pathError("seek", f.name, iofs.ErrInvalid)
	}
	return at, err
}

func (f *memoryFile) Write(p []byte) (int, error) {
	return f.change(func() (int, error) {
		if f.append {
			if _, err := f.File.Seek(0, io.SeekEnd); err != nil {
				return 0, err
			}
		}
		return f.File.Write(p)
	})
}

func (f *memoryFile) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, pathError("write", f.name, iofs.ErrInvalid)
	}
	return f.change(func() (int, error) {
		before, err := f.File.Seek(0, io.SeekCurrent)
		if err != nil {
			return 0, err
		}
		defer f.File.Seek(before, io.SeekStart)
		return f.File.WriteAt(p, off)
	})
}

func (f *memoryFile) Truncate(sizeBytes int64) error {
	_, err := f.change(func() (int, error) { return 0, f.File.Truncate(sizeBytes) })
	return err
}

// change runs a write and moves size and times in the same hold of the tree, so that whoever has
// read changed bytes finds the changed state.
func (f *memoryFile) change(write func() (int, error)) (int, error) {
	if !f.writable {
		return 0, pathError("write", f.name, iofs.ErrPermission)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n, err := write()
	now := f.m.tick()
	f.n.Mtime, f.n.Ctime = now, now
	if fi, err := f.File.Stat(); err == nil {
		if f.n.Links > 0 {
			f.m.used.Add(fi.Size() - f.n.SizeBytes)
		}
		f.n.SizeBytes = fi.Size()
	}
	return n, err
}

// memoryFileInfo is a state as the standard library wants it.
type memoryFileInfo struct {
	base string
	info Info
}

func (i memoryFileInfo) Name() string        { return i.base }
func (i memoryFileInfo) Size() int64         { return i.info.SizeBytes }
func (i memoryFileInfo) Mode() iofs.FileMode { return i.info.Mode }
func (i memoryFileInfo) ModTime() time.Time  { return i.info.ModTime() }
func (i memoryFileInfo) IsDir() bool         { return i.info.IsCollection() }
func (i memoryFileInfo) Sys() any            { return &i.info }
