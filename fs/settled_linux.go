package fs

import (
	iofs "io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// longWrite is longer than one write(2) lasts.
const longWrite = time.Minute

// Settled tells whether the state that Info shows and the bytes read from now on belong together.
//
// write(2) gives a file its new times before it copies the bytes: who looks in between finds the
// old bytes with the new state, and nothing changes the state afterwards. So when a file was changed
// a moment ago, a read lease is asked for, which is refused while anybody has the file open for
// writing. Where leases are not for us to have, it is settled when it was left alone for
// a second or two.
func (f *DiskFile) Settled() bool {
	age := time.Duration(time.Now().UnixNano() - f.info.Ctime)
	if age > longWrite {
		return true
	}
	err := f.with(func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
		if err == nil {
			unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
		}
		return err
	})
	switch err {
	case nil:
		return true
	case unix.EAGAIN, iofs.ErrClosed:
		return false
	}
	return age > 2*time.Second
}
