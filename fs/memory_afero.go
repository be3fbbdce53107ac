package fs

import (
	"io"
	iofs "io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/spf13/afero"
)

// What afero asks for. Names are cleaned here, since callers of afero give them as they like.

func (m *memory) Name() string { return "memory" }

func memoryName(name string) string { return path.Clean("/" + name) }

func (m *memory) Create(name string) (afero.File, error) {
	return m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

func (m *memory) Open(name string) (afero.File, error) { return m.OpenFile(name, os.O_RDONLY, 0) }

func (m *memory) OpenFile(name string, flag int, perm iofs.FileMode) (afero.File, error) {
	name = memoryName(name)
	m.mu.Lock()
	n, err := m.openOrMake(name, flag, perm)
	if err != nil {
		m.mu.Unlock()
		return nil, pathError("open", name, err)
	}
	if n.dir != nil {
		m.mu.Unlock()
		return &memoryDirFile{m: m, n: n, name: name}, nil
	}
	f, err := m.openNode(name, n, flag)
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if flag&os.O_TRUNC != 0 && f.writable {
		if err := f.Truncate(0); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// openOrMake finds the node to open. m.mu is held.
func (m *memory) openOrMake(name string, flag int, perm iofs.FileMode) (*node, error) {
	n, err := m.lookup(name)
	writing := flag&(os.O_RDWR|os.O_WRONLY) != 0
	switch {
	case err == nil && flag&os.O_CREATE != 0 && flag&os.O_EXCL != 0:
		return nil, iofs.ErrExist
	case err == nil && n.dir != nil && writing:
		return nil, ErrIsDir
	case err == nil || flag&os.O_CREATE == 0:
		return n, err
	}
	at, err := m.find(name)
	if err != nil {
		return nil, err
	}
	n = m.newNode(perm.Perm())
	f, err := m.heap.Create(m.blob(n))
	if err != nil {
		return nil, err
	}
	f.Close()
	m.link(at, n)
	return n, nil
}

func (m *memory) Mkdir(name string, perm iofs.FileMode) error {
	_, err := m.mkdir(memoryName(name), perm)
	return err
}

func (m *memory) MkdirAll(name string, perm iofs.FileMode) error {
	name = memoryName(name)
	if info, err := m.Lookup(name); err == nil {
		if !info.IsCollection() {
			return pathError("mkdir", name, ErrNotDir)
		}
		return nil
	}
	if err := m.MkdirAll(path.Dir(name), perm); err != nil {
		return err
	}
	err := m.Mkdir(name, perm)
	if info, lookupErr := m.Lookup(name); lookupErr == nil && info.IsCollection() {
		return nil // somebody else was faster
	}
	return err
}

func (m *memory) Remove(name string) error { return m.remove(name, false) }

func (m *memory) RemoveAll(name string) error {
	err := m.remove(name, true)
	if e, ok := err.(*iofs.PathError); ok && e.Err == iofs.ErrNotExist {
		return nil
	}
	return err
}

func (m *memory) remove(name string, all bool) error {
	name = memoryName(name)
	m.mu.Lock()
	at, err := m.find(name)
	switch {
	case err != nil:
	case at.node == nil:
		err = iofs.ErrNotExist
	case !all && at.node.dir != nil && len(at.node.dir.index) > 0:
		err = syscall.ENOTEMPTY
	default:
		m.link(at, nil)
	}
	m.mu.Unlock()
	if err != nil {
		return pathError("remove", name, err)
	}
	m.drop(at.node)
	return nil
}

func (m *memory) Rename(oldName, newName string) error {
	oldName, newName = memoryName(oldName), memoryName(newName)
	if oldName == newName {
		_, err := m.Lookup(oldName)
		return err
	}
	_, release, err := m.Move(oldName, newName, false, func(src, dst *Info) error {
		if dst != nil && dst.IsCollection() {
			return pathError("rename", newName, iofs.ErrExist)
		}
		return nil
	})
	if err == nil {
		release()
	}
	return err
}

func (m *memory) Stat(name string) (iofs.FileInfo, error) {
	name = memoryName(name)
	info, err := m.Lookup(name)
	if err != nil {
		return nil, err
	}
	return memoryFileInfo{path.Base(name), info}, nil
}

func (m *memory) Chmod(name string, mode iofs.FileMode) error {
	name = memoryName(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err == nil {
		n.Mode, n.Ctime = n.Mode&^iofs.ModePerm|mode.Perm(), m.tick()
	}
	return pathError("chmod", name, err)
}

// Chown moves the time of change only: everything in memory belongs to this process.
func (m *memory) Chown(name string, uid, gid int) error {
	name = memoryName(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err == nil {
		n.Ctime = m.tick()
	}
	return pathError("chown", name, err)
}

func (m *memory) Chtimes(name string, _, mtime time.Time) error {
	_, _, err := m.SetModTime(memoryName(name), mtime)
	return err
}

// memoryDirFile is an open collection. Not safe for concurrent use.
type memoryDirFile struct {
	m     *memory
	n     *node
	name  string
	after uint64
}

func (d *memoryDirFile) Readdir(count int) ([]iofs.FileInfo, error) {
	d.m.mu.RLock()
	defer d.m.mu.RUnlock()
	var infos []iofs.FileInfo
	for _, e := range d.n.dir.from(d.after) {
		if count > 0 && len(infos) == count {
			return infos, nil
		}
		d.after = e.seq
		if e.node != nil {
			infos = append(infos, memoryFileInfo{e.base, e.node.Info})
		}
	}
	if count > 0 && len(infos) == 0 {
		return nil, io.EOF
	}
	return infos, nil
}

func (d *memoryDirFile) Readdirnames(count int) ([]string, error) {
	infos, err := d.Readdir(count)
	names := make([]string, len(infos))
	for i, fi := range infos {
		names[i] = fi.Name()
	}
	return names, err
}

func (d *memoryDirFile) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, pathError("seek", d.name, ErrIsDir)
	}
	d.after = 0
	return 0, nil
}

func (d *memoryDirFile) Stat() (iofs.FileInfo, error) {
	d.m.mu.RLock()
	defer d.m.mu.RUnlock()
	return memoryFileInfo{path.Base(d.name), d.n.Info}, nil
}

func (d *memoryDirFile) isDir() error { return pathError("read", d.name, ErrIsDir) }

func (d *memoryDirFile) Name() string                       { return d.name }
func (d *memoryDirFile) Close() error                       { return nil }
func (d *memoryDirFile) Sync() error                        { return nil }
func (d *memoryDirFile) Read([]byte) (int, error)           { return 0, d.isDir() }
func (d *memoryDirFile) ReadAt([]byte, int64) (int, error)  { return 0, d.isDir() }
func (d *memoryDirFile) Write([]byte) (int, error)          { return 0, d.isDir() }
func (d *memoryDirFile) WriteAt([]byte, int64) (int, error) { return 0, d.isDir() }
func (d *memoryDirFile) WriteString(string) (int, error)    { return 0, d.isDir() }
func (d *memoryDirFile) Truncate(int64) error               { return d.isDir() }
