package fs

import (
	iofs "io/fs"
	"os"
	"path"
	"time"

	"github.com/spf13/afero"
)

// face is afero's view of a directory. It promises no more than the system does: os.Root keeps it
// inside the tree.
type face struct {
	root     *os.Root
	readOnly func() bool
}

func faceName(name string) string {
	if name = path.Clean("/" + name); name != "/" {
		return name[1:]
	}
	return "."
}

func (f face) change(op, name string, act func() error) error {
	if f.readOnly() {
		return pathError(op, name, ErrReadOnly)
	}
	return pathError(op, name, act())
}

// Name of the file system.
func (f face) Name() string { return "disk" }

// Open opens name for reading.
func (f face) Open(name string) (afero.File, error) { return f.OpenFile(name, os.O_RDONLY, 0) }

// Create opens name for writing and empties it.
func (f face) Create(name string) (afero.File, error) {
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// OpenFile is os.OpenFile inside the tree.
func (f face) OpenFile(name string, flag int, perm iofs.FileMode) (afero.File, error) {
	if f.readOnly() && flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, pathError("open", name, ErrReadOnly)
	}
	file, err := f.root.OpenFile(faceName(name), flag, perm.Perm())
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return file, nil
}

// Stat follows links.
func (f face) Stat(name string) (iofs.FileInfo, error) {
	fi, err := f.root.Stat(faceName(name))
	return fi, pathError("stat", name, err)
}

// Mkdir makes one directory.
func (f face) Mkdir(name string, perm iofs.FileMode) error {
	return f.change("mkdir", name, func() error { return f.root.Mkdir(faceName(name), perm.Perm()) })
}

// MkdirAll makes a directory and those above it.
func (f face) MkdirAll(name string, perm iofs.FileMode) error {
	return f.change("mkdir", name, func() error { return f.root.MkdirAll(faceName(name), perm.Perm()) })
}

// Remove removes a file, a link or an empty directory.
func (f face) Remove(name string) error {
	return f.change("remove", name, func() error { return f.root.Remove(faceName(name)) })
}

// RemoveAll removes name and all below it.
func (f face) RemoveAll(name string) error {
	return f.change("remove", name, func() error { return f.root.RemoveAll(faceName(name)) })
}

// Rename is rename(2).
func (f face) Rename(oldName, newName string) error {
	return f.change("rename", oldName, func() error {
		return f.root.Rename(faceName(oldName), faceName(newName))
	})
}

// Chmod changes permission bits.
func (f face) Chmod(name string, mode iofs.FileMode) error {
	return f.change("chmod", name, func() error { return f.root.Chmod(faceName(name), mode) })
}

// Chown changes the owner.
func (f face) Chown(name string, uid, gid int) error {
	return f.change("chown", name, func() error { return f.root.Chown(faceName(name), uid, gid) })
}

// Chtimes changes access and modification time.
func (f face) Chtimes(name string, atime, mtime time.Time) error {
	return f.change("chtimes", name, func() error { return f.root.Chtimes(faceName(name), atime, mtime) })
}
