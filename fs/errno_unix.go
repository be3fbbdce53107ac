//go:build unix

package fs

import (
	iofs "io/fs"
	"syscall"
)

// wrapErrno gives an errno its sentinel. ENOENT, EEXIST, EACCES and EPERM need none: they are
// iofs.ErrNotExist, iofs.ErrExist and iofs.ErrPermission by themselves.
func wrapErrno(errno syscall.Errno) error {
	var sentinel error
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EMLINK: // EMLINK: no room for one more collection in this one
		sentinel = ErrNoSpace
	case syscall.EROFS:
		sentinel = ErrReadOnly
	case syscall.ENAMETOOLONG:
		sentinel = ErrNameTooLong
	case syscall.ENOTDIR:
		sentinel = ErrNotDir
	case syscall.EISDIR:
		sentinel = ErrIsDir
	case syscall.ELOOP:
		sentinel = ErrLoop
	case syscall.EXDEV:
		sentinel = ErrCrossDevice
	case syscall.EFBIG:
		sentinel = ErrTooLarge
	case syscall.EILSEQ:
		sentinel = ErrBadName
	case syscall.EINVAL:
		sentinel = iofs.ErrInvalid
	case syscall.EAGAIN, syscall.ETXTBSY, syscall.EINTR: // EINTR: of a FUSE program that gave up what a signal interrupted
		sentinel = ErrBusy
	case syscall.EMFILE, syscall.ENFILE:
		sentinel = ErrTooManyOpen
	case syscall.EBUSY: // a mount point
		sentinel = iofs.ErrPermission
	case syscall.ENXIO, syscall.ENODEV:
		sentinel = ErrSpecial
	default:
		return errno
	}
	return &sysError{errno, sentinel}
}
