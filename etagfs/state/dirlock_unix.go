//go:build unix

package state

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockDir takes the directory for this process; the kernel gives it back when the process ends, however
// it ends. Errors: ErrInUse.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}

// likeFile gives file the owner, the group and the permissions of another one.
func likeFile(file, other string) error {
	info, err := os.Stat(other)
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	return errors.Join(os.Chown(file, int(stat.Uid), int(stat.Gid)), os.Chmod(file, info.Mode().Perm()))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) { // it has nothing to make durable
		return nil
	}
	return err
}
