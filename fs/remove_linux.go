package fs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// maxBase is the length that a base name may have, in bytes.
const maxBase = 255

// spare is a name beside base for what cannot have its own back.
func spare(base string, n uint64) string {
	tail := fmt.Sprintf(".kept-%d", n)
	if len(base)+len(tail) > maxBase {
		base = base[:maxBase-len(tail)]
	}
	return base + tail
}

// removeTree removes base in dirfd with all below it, following no link, by descriptors: a
// directory that is renamed meanwhile does not lead it elsewhere. It goes on after an error
// and returns the first.
func removeTree(dirfd int, base string) error {
	err := unix.Unlinkat(dirfd, base, unix.AT_REMOVEDIR)
	switch err {
	case unix.ENOTEMPTY, unix.EEXIST:
	case unix.ENOTDIR:
		return unix.Unlinkat(dirfd, base, 0)
	default:
		return err
	}
	fd, err := openIn(dirfd, base, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.EACCES { // ours, but closed to ourselves
		unix.Fchmodat(dirfd, base, 0o700, 0)
		fd, err = openIn(dirfd, base, unix.O_RDONLY|unix.O_DIRECTORY)
	}
	if err != nil {
		return err
	}
	err = removeMembers(fd)
	unix.Close(fd)
	if e := unix.Unlinkat(dirfd, base, unix.AT_REMOVEDIR); err == nil {
		err = e
	}
	return err
}

// removeMembers empties an open directory. The directories in it come after its own list is
// read, so that the buffers in use do not grow with the depth.
func removeMembers(fd int) error {
	var first error
	note := func(err error) {
		if first == nil && err != nil && err != unix.ENOENT {
			first = err
		}
	}
	var dirs []string
	closed := false
	note(eachMember(fd, func(base []byte, kind byte) error {
		name := string(base[:len(base)-1])
		if kind == unix.DT_DIR {
			dirs = append(dirs, name)
			return nil
		}
		err := unix.Unlinkat(fd, name, 0)
		if err == unix.EACCES && !closed {
			closed = true
			unix.Fchmod(fd, 0o700)
			err = unix.Unlinkat(fd, name, 0)
		}
		if err == unix.EISDIR || err == unix.EPERM && kind == unix.DT_UNKNOWN {
			dirs = append(dirs, name)
			return nil
		}
		note(err)
		return nil
	}))
	for _, name := range dirs {
		note(removeTree(fd, name))
	}
	return first
}
