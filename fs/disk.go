package fs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	iofs "io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/afero"
)

// disk is what all trees on disk have in common: a directory that was opened, what is known of the file systems in it, and
// afero's view of it, which promises no more than the system does: os.Root keeps it inside the tree.
type disk struct {
	root     *os.Root
	dir      *os.File // the same, flock'd: so the sweep of another server knows that this one lives
	instance string   // begins every reserved name of this tree
	serial   atomic.Uint64
	clock    clock
	syncs    Durations
	below    devices
	tried    atomic.Pointer[tried]
}

// tried is how a tree was told to be, and what was found when its file system was tried so. It does not change.
type tried struct {
	RootOptions
	features  Features
	root      *device // that of the directory itself; unknown: it could not be tried
	links     bool    // of a portable tree: giveName works
	linkEmpty bool    // of a Root, as what follows: linkat with AT_EMPTY_PATH works for us; else by /proc
	noTmpfile bool    // what has no name cannot be given one
	ordered   bool    // no name that is on the disk lacks bytes that were there before the step (ordered_linux.go)
}

// open opens the directory.
func (d *disk) open(dir string) (err error) {
	if d.root, err = os.OpenRoot(dir); err != nil {
		return err
	}
	if d.dir, err = d.root.Open("."); err != nil {
		d.root.Close()
		return err
	}
	var id [8]byte
	rand.Read(id[:])
	d.instance = ReservedPrefix + hex.EncodeToString(id[:]) + "-"
	return nil
}

// Close gives back descriptors; running operations fail.
func (d *disk) Close() error { return errors.Join(d.dir.Close(), d.root.Close()) }

// Features says what was found when the file system was tried.
func (d *disk) Features() Features { return d.tried.Load().features }

// Granularity is that of the file system with this number.
func (d *disk) Granularity(dev uint64) time.Duration { return d.device(dev).granularity }

func (d *disk) device(dev uint64) *device {
	if root := d.tried.Load().root; root.dev == dev {
		return root
	}
	return d.below.get(dev)
}

// Stats counts what was done since it was opened.
func (d *disk) Stats() Stats { return Stats{Syncs: d.syncs.Counts()} }

// reserved returns a new base name that no URL maps to.
func (d *disk) reserved() string { return d.instance + strconv.FormatUint(d.serial.Add(1), 16) }

// Hidden returns a new reserved name beside name.
func (d *disk) Hidden(name string) string {
	return name[:strings.LastIndexByte(name, '/')+1] + d.reserved()
}

// hook is called before every step that changes the disk.
func (d *disk) hook(step, name string) error { return d.tried.Load().hook(step, name) }

func (d *disk) readOnly() bool { return d.tried.Load().ReadOnly }

// writable refuses changes of a read-only tree, and those of the root itself.
func (d *disk) writable(name string) error {
	switch {
	case d.readOnly():
		return ErrReadOnly
	case name == "/":
		return iofs.ErrPermission
	}
	return nil
}

func faceName(name string) string {
	if name = path.Clean("/" + name); name != "/" {
		return name[1:]
	}
	return "."
}

func (d *disk) change(op, name string, act func() error) error {
	if d.readOnly() {
		return pathError(op, name, ErrReadOnly)
	}
	return pathError(op, name, act())
}

// Name of the file system.
func (d *disk) Name() string { return "disk" }

// Open opens name for reading.
func (d *disk) Open(name string) (afero.File, error) { return d.OpenFile(name, os.O_RDONLY, 0) }

// Create opens name for writing and empties it.
func (d *disk) Create(name string) (afero.File, error) {
	return d.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

// OpenFile is os.OpenFile inside the tree.
func (d *disk) OpenFile(name string, flag int, perm iofs.FileMode) (afero.File, error) {
	if d.readOnly() && flag&(os.O_WRONLY|os.O_RDWR|os.O_CREATE|os.O_TRUNC) != 0 {
		return nil, pathError("open", name, ErrReadOnly)
	}
	file, err := d.root.OpenFile(faceName(name), flag, perm.Perm())
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return file, nil
}

// Stat follows links.
func (d *disk) Stat(name string) (iofs.FileInfo, error) {
	fi, err := d.root.Stat(faceName(name))
	return fi, pathError("stat", name, err)
}

// Mkdir makes one directory.
func (d *disk) Mkdir(name string, perm iofs.FileMode) error {
	return d.change("mkdir", name, func() error { return d.root.Mkdir(faceName(name), perm.Perm()) })
}

// MkdirAll makes a directory and those above it.
func (d *disk) MkdirAll(name string, perm iofs.FileMode) error {
	return d.change("mkdir", name, func() error { return d.root.MkdirAll(faceName(name), perm.Perm()) })
}

// Remove removes a file, a link or an empty directory.
func (d *disk) Remove(name string) error {
	return d.change("remove", name, func() error { return d.root.Remove(faceName(name)) })
}

// RemoveAll removes name and all below it.
func (d *disk) RemoveAll(name string) error {
	return d.change("remove", name, func() error { return d.root.RemoveAll(faceName(name)) })
}

// Rename is rename(2).
func (d *disk) Rename(oldName, newName string) error {
	return d.change("rename", oldName, func() error {
		return d.root.Rename(faceName(oldName), faceName(newName))
	})
}

// Chmod changes permission bits.
func (d *disk) Chmod(name string, mode iofs.FileMode) error {
	return d.change("chmod", name, func() error { return d.root.Chmod(faceName(name), mode) })
}

// Chown changes the owner.
func (d *disk) Chown(name string, uid, gid int) error {
	return d.change("chown", name, func() error { return d.root.Chown(faceName(name), uid, gid) })
}

// Chtimes changes access and modification time.
func (d *disk) Chtimes(name string, atime, mtime time.Time) error {
	return d.change("chtimes", name, func() error { return d.root.Chtimes(faceName(name), atime, mtime) })
}
