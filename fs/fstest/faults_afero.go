package fstest

import (
	iofs "io/fs"
	"os"
	"time"

	"github.com/spf13/afero"
)

// What a Faults adds to the methods of afero: they count, too.

// Create counts as an open.
func (f *Faults) Create(name string) (afero.File, error) {
	return f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// Open counts as an open.
func (f *Faults) Open(name string) (afero.File, error) { return f.OpenFile(name, os.O_RDONLY, 0) }

// OpenFile counts as an open.
func (f *Faults) OpenFile(name string, flag int, perm iofs.FileMode) (afero.File, error) {
	if err := f.op("open", name); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return aferoFile{file, f}, nil
}

func (f *Faults) do(step, name string, act func() error) error {
	if err := f.op(step, name); err != nil {
		return err
	}
	return act()
}

// Mkdir counts.
func (f *Faults) Mkdir(name string, perm iofs.FileMode) error {
	return f.do("mkdir", name, func() error { return f.FS.Mkdir(name, perm) })
}

// MkdirAll counts once.
func (f *Faults) MkdirAll(name string, perm iofs.FileMode) error {
	return f.do("mkdir", name, func() error { return f.FS.MkdirAll(name, perm) })
}

// Remove counts.
func (f *Faults) Remove(name string) error {
	return f.do("remove", name, func() error { return f.FS.Remove(name) })
}

// RemoveAll counts once.
func (f *Faults) RemoveAll(name string) error {
	return f.do("remove", name, func() error { return f.FS.RemoveAll(name) })
}

// Rename counts.
func (f *Faults) Rename(oldName, newName string) error {
	return f.do("rename", oldName, func() error { return f.FS.Rename(oldName, newName) })
}

// Stat counts.
func (f *Faults) Stat(name string) (fi iofs.FileInfo, err error) {
	err = f.do("stat", name, func() error { fi, err = f.FS.Stat(name); return err })
	return fi, err
}

// Chmod counts.
func (f *Faults) Chmod(name string, mode iofs.FileMode) error {
	return f.do("chmod", name, func() error { return f.FS.Chmod(name, mode) })
}

// Chown counts.
func (f *Faults) Chown(name string, uid, gid int) error {
	return f.do("chown", name, func() error { return f.FS.Chown(name, uid, gid) })
}

// Chtimes counts.
func (f *Faults) Chtimes(name string, atime, mtime time.Time) error {
	return f.do("chtimes", name, func() error { return f.FS.Chtimes(name, atime, mtime) })
}
