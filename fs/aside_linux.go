package fs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// asideDir is an aside that has been made.
type asideDir struct {
	r    *Root
	in   parent // where it is
	name string
	fd   int
}

func (r *Root) makeAside(in parent, a aside) (*asideDir, error) {
	name, err := r.reservedIn(in)
	if err != nil {
		return nil, err
	}
	d := &asideDir{r: r, in: in, name: name + a.suffix()}
	if err := r.hook("mkdir", d.name); err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(in.fd, d.name, 0o700); err != nil {
		return nil, err
	}
	if d.fd, err = openIn(in.fd, d.name, unix.O_PATH|unix.O_DIRECTORY); err != nil {
		unix.Unlinkat(in.fd, d.name, unix.AT_REMOVEDIR)
		return nil, err
	}
	return d, nil
}

func (a aside) suffix() string {
	kind := "moving"
	if a.over {
		kind = "over"
	}
	return fmt.Sprintf("-%s-%x-%x", kind, a.src, a.dst)
}

func (d *asideDir) close() { unix.Close(d.fd) }

// take renames base to the directory and looks at what came. Error: errAgain when that is not what was
// checked; it has its name back then.
func (d *asideDir) take(base string, checked *unix.Statx_t) error {
	err := d.r.rename(d.in.fd, base, d.fd, base)
	if err == unix.ENOENT {
		err = errAgain
	}
	if err != nil {
		return err
	}
	if d.holds(base, checked) {
		return nil
	}
	if err := d.giveBack(base); err != nil {
		return err
	}
	return errAgain
}

func (d *asideDir) holds(base string, checked *unix.Statx_t) bool {
	var st unix.Statx_t
	return d.r.look(d.fd, base, &st) == nil && same(&st, checked)
}

func (d *asideDir) giveBack(base string) error { return d.r.restoreFrom(d.fd, base, d.in, base) }

// removeEmpty is for a step that was not taken. What is in it, should giving that back have failed,
// stays for the sweep.
func (d *asideDir) removeEmpty() { unix.Unlinkat(d.in.fd, d.name, unix.AT_REMOVEDIR) }

// finish tells that the step was taken and all that is in the directory is to go: from now on it is
// reserved as any other. It returns the name to remove.
func (d *asideDir) finish() string {
	tmp := d.r.reserved()
	if d.r.rename(d.in.fd, d.name, d.in.fd, tmp) != nil {
		return d.name
	}
	return tmp
}

// settle ends the MOVE that a crash has interrupted while the directory name in dirfd was there.
// Requests are answered meanwhile: so what it takes away it looks at first.
func (r *Root) settle(dirfd int, name string, a aside) error {
	fd, err := openIn(dirfd, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.ENOTDIR || err == ErrSpecial {
		return nil // not one of ours
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return eachEntry(fd, func(e *dirent) error {
		base := e.base
		var held, beside unix.Statx_t
		if err := statIn(fd, base, &held); err != nil {
			return err
		}
		if err := statIn(dirfd, base, &beside); err != nil && err != unix.ENOENT {
			return err
		}
		switch a.settle(held.Ino, beside.Ino) {
		case giveBack:
			return r.restoreFrom(fd, base, parent{fd: dirfd}, base)
		case takeOther:
			if isDirMode(&beside) || beside.Nlink < 2 {
				return nil // it has no other name by now
			}
			tmp, err := r.setAside(parent{fd: dirfd}, base, &beside)
			if err == nil {
				err = r.unlink(dirfd, tmp)
			}
			if err == errAgain {
				err = nil
			}
			return err
		}
		return nil
	})
}

// What the sweep does before it removes the directory.
type settlement int

const (
	dropHeld  settlement = iota // what is in it is to go
	giveBack                    // what is in it is the only one, or unknown: it gets its name back, or one beside it
	takeOther                   // the step was taken, and only the old name of what moved is left to remove
)

// settle decides by the inodes in the directory and at the same name beside it (0: none).
func (a aside) settle(held, beside uint64) settlement {
	if a.was {
		if beside == 0 {
			return giveBack
		}
		return dropHeld
	}
	waits, goes := a.src, a.dst
	if a.over {
		waits, goes = a.dst, 0
	}
	switch {
	case held == waits && beside != a.src:
		return giveBack
	case held == waits:
		return dropHeld
	case held != goes:
		return giveBack
	case beside == a.src:
		return takeOther
	}
	return dropHeld
}
