package fs

import (
	"path"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// List calls fn for each member of a collection. It opens the directory and nothing else; a
// member costs one statx. The names that fn gets share their memory: who keeps a few of many clones them.
//
// The states are read some members ahead of fn.
func (r *Root) List(name string, fn func(base string, info *Info) error) error {
	err := checkName(name)
	var fd int
	if err == nil {
		fd, err = openInside(r.fd, rel(name), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	}
	if err != nil {
		return pathError("list", name, err)
	}
	defer unix.Close(fd)
	l := listingPool.Get().(*listing)
	defer listingPool.Put(l)
	dir := openDirents(fd)
	defer dir.close()
	var u unseen
	for first := true; ; first = false {
		more, err := dir.read()
		if err != nil {
			return pathError("list", name, err)
		}
		if !more {
			return u.err
		}
		if !first {
			// Who runs for 10 ms is stopped with a signal, and loses its processor if that finds it in a system call; then
			// the runtime looks for more of the kind every 20 us. That took a tenth of the time of a long listing.
			runtime.Gosched()
		}
		for l.fill(&dir) {
			statMembers(fd, l.members[:l.n])
			for i := range l.members[:l.n] {
				m := &l.members[i]
				shown, err := l.resource(r, name, m)
				if err := u.note(err); err != nil {
					return err
				}
				if !shown {
					continue
				}
				if err := fn(m.base, &l.info); err != nil {
					return err // as it is
				}
			}
		}
	}
}

// listing is the members whose states are read at once. More than these would take a processor for longer than the
// scheduler lets anybody sit in a system call (20 us) without good reason, and fewer gain less.
type listing struct {
	members [32]member
	n       int
	info    Info
}

var listingPool = sync.Pool{New: func() any { return new(listing) }}

// member is an entry of a directory, and its state.
type member struct {
	dirent
	errno syscall.Errno // of statx
	st    unix.Statx_t
}

// fill takes the next entries that may be resources. False: there are none.
func (l *listing) fill(dir *dirents) bool {
	for l.n = 0; l.n < len(l.members); {
		m := &l.members[l.n]
		if !dir.next(&m.dirent) {
			break
		}
		switch m.kind {
		case unix.DT_REG, unix.DT_DIR, unix.DT_LNK, unix.DT_UNKNOWN:
			if !Reserved(m.base) {
				l.n++
			}
		}
	}
	return l.n > 0
}

// resource sets info to the state of a member of the collection dir, or of what it leads to; false when it is none.
func (l *listing) resource(r *Root, dir string, m *member) (shown bool, err error) {
	if m.errno != 0 {
		return false, pathError("lookup", path.Join(dir, m.base), m.errno)
	}
	switch m.st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		l.info.fill(&m.st)
		return true, nil
	case unix.S_IFLNK:
		name := path.Join(dir, m.base)
		real, err := r.Resolve(name)
		if err == nil {
			l.info, err = r.Lookup(real)
			l.info.Real = real
		}
		return err == nil, pathError("lookup", name, err)
	}
	return false, nil
}
