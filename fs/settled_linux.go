package fs

import (
	iofs "io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// longWrite is longer than one write(2) lasts, but for one whose bytes come from a slow place, such as a mapped file of
// a network.
const longWrite = time.Minute

// longDirty is longer than the system keeps in memory alone what was stored: that is half a minute, or ten minutes where a laptop's
// disk is to sleep (vm.dirty_expire_centisecs).
const longDirty = time.Hour

// Settled tells whether the state that Info shows and the bytes read from now on belong together.
//
// write(2) gives a file its new times before it copies the bytes: who looks in between finds the
// old bytes with the new state, and nothing changes the state afterwards. So a read lease is asked for, which is
// refused while anybody has the file open for writing, or mapped. Who opens it for writing with O_NONBLOCK in this
// microsecond is told EWOULDBLOCK.
//
// On an overlay a program that has mapped a file and then closed it has it open below, which no lease tells. What such a
// program stores moves the times with the first store to a page since that was written to the disk. So the file is written
// out: when that leaves the times as they are, each store from now on will move them. One whose times are older than
// longDirty has been written since, and would cost a flush of the disk each time it is read.
//
// BUG(fs): an overlay that writes nothing out, being mounted with volatile or having its upper layer in memory, does not let a
// mapping be noticed.
//
// BUG(fs): a lease on a file of somebody else takes CAP_LEASE. Without it, one write(2) that lasts longer than
// longWrite (a minute) is taken for one that has ended.
func (f *DiskFile) Settled() bool {
	err := f.with(askLease)
	if err == nil && f.age() < longDirty && f.overlaid() && !f.writtenOut() {
		return false
	}
	return settledBy(err, f.age())
}

func (f *DiskFile) overlaid() bool {
	var fs unix.Statfs_t
	return f.info.Dev>>32 == 0 && // as that of each file of an overlay
		f.with(func(fd int) error { return unix.Fstatfs(fd, &fs) }) == nil && int64(fs.Type) == unix.OVERLAYFS_SUPER_MAGIC
}

// writtenOut has what is in memory written to the disk, and tells whether the state is still the one that Info shows.
func (f *DiskFile) writtenOut() bool {
	if f.Sync() != nil {
		return false
	}
	now, err := f.Again()
	return err == nil && now.Identity == f.info.Identity
}

// age is how long ago the file was changed.
func (f *DiskFile) age() time.Duration {
	return time.Duration(time.Now().UnixNano()-f.info.Ctime) - f.behind
}

// settledBy judges by what a lease was answered with, and by how long ago the file was changed.
func settledBy(lease error, age time.Duration) bool {
	switch lease {
	case nil:
		return true
	case unix.EAGAIN, iofs.ErrClosed:
		return false
	case unix.EACCES:
		return age > longWrite
	}
	// File systems without leases are those of a network: the other end gives the file new times with each piece that
	// comes there, so the state moves again after the bytes.
	return age > 2*time.Second
}

// askLease takes a read lease and gives it back. EAGAIN: somebody has the file open for writing, or mapped.
func askLease(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return err
}

// Writing asks for a lease as Settled does. What it cannot open, nobody reads here, but for what somebody has a write lease on, as
// Samba may: that one writes. One file without leases stands for its whole file system.
//
// BUG(fs): on an overlay it does not see who has closed the file that he has mapped.
func (r *Root) Writing(name string, id Identity) bool {
	if _, no := r.leaseless.Load(id.Dev); no {
		return false
	}
	if _, ours := r.kept.Load(inode{id.Dev, id.Ino}); ours {
		return false // it can be read in a moment
	}
	fd, err := openInsideTries(r.fd, rel(name), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY, 0, lookTries)
	if err != nil {
		return err == unix.EAGAIN
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return true
	}
	if identity(&st) != id {
		return true
	}
	switch askLease(fd) {
	case unix.EAGAIN:
		return true
	case nil, unix.EACCES:
	default:
		r.leaseless.Store(id.Dev, nil)
	}
	return false
}
