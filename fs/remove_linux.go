package fs

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// maxBase is the length that a base name may have, in bytes.
const maxBase = 255

// spare is a name beside base for what cannot have its own back.
func spare(base string, n uint64) string {
	tail := fmt.Sprintf(".kept-%d", n)
	if len(base)+len(tail) > maxBase {
		base = strings.ToValidUTF8(base[:maxBase-len(tail)], "") // no part of a character, or it would have no URL
	}
	return base + tail
}

// removeTree removes base in dirfd with all below it, following no link, by descriptors: a
// directory that is renamed meanwhile does not lead it elsewhere. It goes on after an error
// and returns the first.
func removeTree(dirfd int, base string) error {
	var r removal
	if err := r.tree(dirfd, base, 0); err != nil {
		return err
	}
	return r.err
}

// removeDepth bounds the descriptors that a removal holds. A client can make a tree of any depth, moving one below the
// other; what lies deeper than this is moved up to the top of what is removed, and removed from there.
const removeDepth = 64

// removal is one removeTree.
type removal struct {
	top   int      // the outermost directory
	moved []string // names in it of what was moved up
	names int      // given so far
	firstError
}

// firstError is of what goes on after an error. That something is gone is none.
type firstError struct{ err error }

func (f *firstError) note(err error) {
	if f.err == nil && err != nil && err != unix.ENOENT {
		f.err = err
	}
}

// tree removes base; its error is that of base itself.
func (r *removal) tree(dirfd int, base string, depth int) error {
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
	if depth == 0 {
		r.top = fd
	}
	r.members(fd, depth)
	for depth == 0 && len(r.moved) > 0 {
		last := len(r.moved) - 1
		name := r.moved[last]
		r.moved = r.moved[:last]
		r.note(r.tree(fd, name, 1))
	}
	unix.Close(fd)
	err = unix.Unlinkat(dirfd, base, unix.AT_REMOVEDIR)
	if r.err != nil {
		return r.err
	}
	return err
}

// members empties an open directory. The directories in it come after its own list is
// read, so that the buffers in use do not grow with the depth.
func (r *removal) members(fd, depth int) {
	var dirs []string
	closed := false
	r.note(eachEntry(fd, func(e *dirent) error {
		if e.kind == unix.DT_DIR {
			dirs = append(dirs, strings.Clone(e.base))
			return nil
		}
		err := unix.Unlinkat(fd, e.base, 0)
		if err == unix.EACCES && !closed {
			closed = true
			unix.Fchmod(fd, 0o700)
			err = unix.Unlinkat(fd, e.base, 0)
		}
		if err == unix.EISDIR || err == unix.EPERM && e.kind == unix.DT_UNKNOWN {
			dirs = append(dirs, strings.Clone(e.base))
			return nil
		}
		r.note(err)
		return nil
	}))
	for _, name := range dirs {
		if depth < removeDepth || !r.moveUp(fd, name) {
			r.note(r.tree(fd, name, depth+1))
		}
	}
}

// moveUp renames name in fd to one at the top, and tells whether it could.
func (r *removal) moveUp(fd int, name string) bool {
	for range stepTries {
		up := fmt.Sprintf("%sdeep-%d", ReservedPrefix, r.names)
		r.names++
		switch err := renameNew(fd, name, r.top, up); err {
		case nil:
			r.moved = append(r.moved, up)
			return true
		case unix.EEXIST:
		default:
			return false
		}
	}
	return false
}
