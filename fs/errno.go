package fs

import (
	"errors"
	iofs "io/fs"
	"syscall"
)

// sysError is an errno and the sentinel that callers branch on.
type sysError struct {
	errno    syscall.Errno
	sentinel error
}

func (e *sysError) Error() string   { return e.sentinel.Error() + ": " + e.errno.Error() }
func (e *sysError) Unwrap() []error { return []error{e.sentinel, e.errno} }

// pathError is err of op on name, with the sentinel that fits; nil stays nil. What is a
// *iofs.PathError already, or no errno, keeps its text.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var done *iofs.PathError
	if errors.As(err, &done) && done.Path == name {
		return err
	}
	if done != nil { // of the os package: its Path may be one of the operating system
		err = done.Err
	}
	var sys *sysError
	var errno syscall.Errno
	if !errors.As(err, &sys) && errors.As(err, &errno) {
		err = wrapErrno(errno)
	}
	return &iofs.PathError{Op: op, Path: name, Err: err}
}
