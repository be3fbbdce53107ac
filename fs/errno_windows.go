package fs

import (
	iofs "io/fs"
	"syscall"

	"golang.org/x/sys/windows"
)

// wrapErrno gives an error of Windows its sentinel. What the syscall package takes for
// iofs.ErrNotExist, iofs.ErrExist and iofs.ErrPermission needs none.
func wrapErrno(errno syscall.Errno) error {
	var sentinel error
	switch errno {
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED:
		sentinel = ErrNoSpace
	case windows.ERROR_WRITE_PROTECT:
		sentinel = ErrReadOnly
	case windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_BUFFER_OVERFLOW, syscall.ENAMETOOLONG:
		sentinel = ErrNameTooLong
	case windows.ERROR_DIRECTORY, syscall.ENOTDIR:
		sentinel = ErrNotDir
	case syscall.EISDIR:
		sentinel = ErrIsDir
	case windows.ERROR_CANT_RESOLVE_FILENAME, syscall.ELOOP:
		sentinel = ErrLoop
	case windows.ERROR_NOT_SAME_DEVICE, syscall.EXDEV:
		sentinel = ErrCrossDevice
	case windows.ERROR_FILE_TOO_LARGE:
		sentinel = ErrTooLarge
	case windows.ERROR_INVALID_NAME, windows.ERROR_BAD_PATHNAME:
		sentinel = ErrBadName
	case windows.ERROR_INVALID_PARAMETER, syscall.EINVAL:
		sentinel = iofs.ErrInvalid
	case windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_USER_MAPPED_FILE:
		sentinel = ErrBusy
	case windows.ERROR_TOO_MANY_OPEN_FILES:
		sentinel = ErrTooManyOpen
	default:
		return errno
	}
	return &sysError{errno, sentinel}
}
