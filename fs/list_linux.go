package fs

import (
	"runtime"
	"sync"

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
	for first := true; ; first = false {
		more, err := dir.read()
		if !more || err != nil {
			return pathError("list", name, err)
		}
		if !first {
			// Who runs for 10 ms is stopped with a signal, and loses its processor if that finds it in a system call; then
			// the runtime looks for more of the kind every 20 us. That took a tenth of the time of a long listing.
			runtime.Gosched()
		}
		for l.fill(&dir) {
			statMembers(fd, l.members[:l.n])
			for i := range l.members[:l.n] {
				if !l.resource(r, name, &l.members[i]) {
					continue
				}
				if err := fn(l.members[i].base, &l.info); err != nil {
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
	unseen bool // it vanished, or is not for us to see
	st     unix.Statx_t
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
func (l *listing) resource(r *Root, dir string, m *member) bool {
	if m.unseen {
		return false
	}
	switch m.st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		l.info.fill(&m.st)
		return true
	case unix.S_IFLNK:
		return r.target(dir, m.base, &l.info)
	}
	return false
}

// target sets info to what the link base in the collection dir leads to; false when it leads
// to nothing that is served.
func (r *Root) target(dir, base string, info *Info) bool {
	if dir == "/" {
		dir = ""
	}
	real, err := r.Resolve(dir + "/" + base)
	if err != nil {
		return false
	}
	*info, err = r.Lookup(real)
	info.Real = real
	return err == nil
}
