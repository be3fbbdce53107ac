package admin

import (
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// shorten gives a name for path that fits into an address of 108 bytes (unix(7)); a state directory may be
// deeper than that. The name holds until done.
func shorten(path string) (short string, done func(), err error) {
	if len(path) < 108 {
		return path, func() {}, nil
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(fd), filepath.Base(path)), func() { unix.Close(fd) }, nil
}

// ownersOnly makes bind(2) create the socket with mode 0600: it takes that of the descriptor, so at no moment
// can somebody else open it.
func ownersOnly(c syscall.RawConn) (err error) {
	err2 := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) })
	if err == nil {
		err = err2
	}
	return err
}
