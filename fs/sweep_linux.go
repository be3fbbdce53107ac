package fs

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Sweep ends a MOVE that a crash has interrupted and removes what else was left under reserved names,
// anywhere in the tree. It reads directories and opens nothing else. What this Root has made stays, and so does what may belong to
// another server that lives: one that holds the flock of the same directory or of one above the
// name found.
func (r *Root) Sweep() (removed int, err error) {
	if r.readOnly() {
		return 0, nil
	}
	fd, err := openInside(r.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return 0, pathError("sweep", "/", err)
	}
	defer unix.Close(fd)
	s := sweep{r: r}
	s.directory(fd)
	if s.err == nil && s.other != "" {
		return s.removed, pathError("sweep", s.other, errNotGiven)
	}
	return s.removed, pathError("sweep", "/", s.err)
}

type sweep struct {
	firstError
	r       *Root
	removed int
	other   string // where a reserved name is that is not given
}

func (s *sweep) directory(fd int) {
	var dirs, left []string
	s.note(eachEntry(fd, func(e *dirent) error {
		switch {
		case Reserved(e.base) && !given.MatchString(e.base):
			s.other = pathIn(fd, e.base)
		case Reserved(e.base):
			if !strings.HasPrefix(e.base, s.r.instance) {
				left = append(left, strings.Clone(e.base))
			}
		case e.kind == unix.DT_DIR, e.kind == unix.DT_UNKNOWN && isDir(fd, e.base):
			dirs = append(dirs, strings.Clone(e.base))
		}
		return nil
	}))
	if len(left) > 0 && !s.r.served(fd) {
		for _, name := range left {
			var err error
			if a, ok := parseAside(name); ok {
				err = s.r.settle(fd, name, a)
			}
			if err == nil {
				err = s.r.removeTree(fd, name)
			}
			if err != nil {
				s.note(err)
				continue
			}
			s.removed++
		}
	}
	for _, name := range dirs {
		sub, err := openIn(fd, name, unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			if err != ErrSpecial && err != unix.ENOTDIR && err != unix.EACCES {
				s.note(err)
			}
			continue
		}
		s.directory(sub)
		unix.Close(sub)
	}
}

// served tells whether another server serves the directory fd or one above it. Every server
// holds a shared flock on the directory it serves: an exclusive one is to be had only where
// there is none. Directories that may not be opened are passed over.
func (r *Root) served(fd int) bool {
	at, err := openIn(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	var own, st, above unix.Statx_t
	if statFD(r.fd, &own) != nil || statFD(at, &st) != nil {
		unix.Close(at)
		return false
	}
	for {
		if r.locked(at, sameInode(&own, &st)) {
			unix.Close(at)
			return true
		}
		up, err := openIn(at, "..", unix.O_RDONLY|unix.O_DIRECTORY)
		unix.Close(at)
		if err != nil {
			return false
		}
		if statFD(up, &above) != nil || sameInode(&st, &above) {
			unix.Close(up)
			return false
		}
		at, st = up, above
	}
}

// locked tries one directory. Our own lock has to be given up for the question: it is changed
// in place, and taken again. Somebody who only asks, as the sweep of a tree beside this one does, holds a lock for a
// moment; a server that lives holds its own.
func (r *Root) locked(fd int, own bool) bool {
	if own {
		fd = r.fd
	}
	for wait := time.Millisecond; ; wait *= 2 {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if own {
			unix.Flock(fd, unix.LOCK_SH)
		} else {
			unix.Flock(fd, unix.LOCK_UN)
		}
		if err != unix.EWOULDBLOCK || wait > 100*time.Millisecond {
			return err == unix.EWOULDBLOCK
		}
		time.Sleep(wait)
	}
}
