package fs

import (
	iofs "io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// longWrite is longer than one write(2) lasts, but for one whose bytes come from a slow place, such as a mapped file of
// a network.
const longWrite = time.Minute

// Settled tells whether the state that Info shows and the bytes read from now on belong together.
//
// write(2) gives a file its new times before it copies the bytes: who looks in between finds the
// old bytes with the new state, and nothing changes the state afterwards. So a read lease is asked for, which is
// refused while anybody has the file open for writing, or mapped. Who opens it for writing with O_NONBLOCK in this
// microsecond is told EWOULDBLOCK.
//
// BUG(fs): a lease on a file of somebody else takes CAP_LEASE. Without it, one write(2) that lasts longer than
// longWrite is taken for one that has ended.
func (f *DiskFile) Settled() bool {
	err := f.with(func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
		if err == nil {
			unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
		}
		return err
	})
	return settledBy(err, f.age())
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
