package fs

import (
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Lookup returns the state of a real name without opening it.
func (r *Root) Lookup(name string) (Info, error) {
	var info Info
	st, err := r.stat(name)
	if err != nil {
		return info, pathError("lookup", name, err)
	}
	info.fill(&st)
	if special(st.Mode) {
		return info, pathError("lookup", name, ErrSpecial)
	}
	return info, pathError("lookup", name, r.oneName(name, &st))
}

// oneName refuses a real name, whose state is st, where the file system has it by another spelling.
// It looks at no directory where names that differ in case are known to be two.
func (r *Root) oneName(name string, st *unix.Statx_t) error {
	if !r.tried.Load().features.Folds {
		dev := device64(st)
		if one := r.below.get(dev); dev == r.dev || !one.folds || one == unknown && r.apart(name, *st) {
			return nil
		}
	}
	return r.spelled(name)
}

// apart tells whether the file system of a mapped real name, whose state is st and on which nothing was staged yet, is known to
// tell case apart: by this name, or by one that was asked for before. To look whether a large directory shows a name takes long.
// Files of an overlay and subvolumes of btrfs have numbers of their own and are on the file system of their directory all the same.
func (r *Root) apart(name string, st unix.Statx_t) bool {
	dev := device64(&st)
	if _, known := r.below.apart.Load(dev); known {
		return true
	}
	for name != "/" && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		dir, base := path.Dir(name), path.Base(name)
		other := otherCase(base)
		if ascii := !strings.ContainsFunc(other, func(c rune) bool { return c > 'z' }); ascii && other != base { // some fold no others
			_, err := r.stat(path.Join(dir, other))
			if err == unix.ENOENT {
				r.below.apart.Store(dev, nil)
			}
			return err == unix.ENOENT
		}
		var err error
		if st, err = r.stat(dir); err != nil {
			return false
		}
		name = dir
	}
	return false
}

// stat reads the state of a real name, of a link itself. A name right below the root needs no
// walk, so one system call does; deeper ones take three.
func (r *Root) stat(name string) (st unix.Statx_t, err error) {
	if err := checkName(name); err != nil {
		return st, err
	}
	if strings.LastIndexByte(name, '/') == 0 {
		return st, statIn(r.fd, rel(name), &st)
	}
	fd, err := openInside(r.fd, rel(name), unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return st, err
	}
	err = statFD(fd, &st)
	unix.Close(fd)
	return st, err
}

// OpenRead opens a regular file and returns it with its state.
func (r *Root) OpenRead(name string) (File, error) {
	fd, st, err := r.openRegular(name)
	if err == nil {
		if err = r.oneName(name, &st); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	f := &DiskFile{fd: fd, name: name}
	f.info.fill(&st)
	f.behind = r.device(f.info.Dev).behind
	return f, nil
}

// openRegular opens what is a regular file, with a state that it had under this name. A file that is
// replaced between open and stat has another ctime by then, and a tag made of that was never the tag of
// anything: so what was seen before the open must be seen after it. A file that a program writes all
// the time is taken as it is in the end; its descriptor tells the truth, too.
func (r *Root) openRegular(name string) (fd int, st unix.Statx_t, err error) {
	for try := 0; ; try++ {
		var before unix.Statx_t
		fd, err = r.openSeen(name, &before, &st)
		if err != nil || try == 8 {
			return fd, st, err
		}
		if identity(&before) == identity(&st) {
			return fd, st, nil
		}
		unix.Close(fd)
	}
}

// openSeen opens a regular file and reads its state before and after. To open a FIFO would release a program that waits to
// write to it, and a device may do anything: so the kind is asked for before. That path walk may
// be led astray while it lasts, but its answer only ever refuses; and should the file become a
// FIFO after it, O_NONBLOCK keeps us from waiting there.
func (r *Root) openSeen(name string, before, st *unix.Statx_t) (fd int, err error) {
	if err := checkName(name); err != nil {
		return -1, err
	}
	if err := statIn(r.fd, rel(name), before); err == nil && special(before.Mode) {
		return -1, ErrSpecial
	}
	fd, err = openInside(r.fd, rel(name), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, err
	}
	if err = statFD(fd, st); err == nil {
		err = mustBeRegular(st.Mode)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func mustBeRegular(mode uint16) error {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return nil
	case unix.S_IFDIR:
		return ErrIsDir
	}
	return ErrSpecial
}

// Usage returns what statfs says: under a project quota of the directory, that of the quota.
func (r *Root) Usage(name string) (u Usage, err error) {
	fd, err := openInside(r.fd, rel(name), unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err == nil {
		u, err = usageOf(fd)
		unix.Close(fd)
	}
	return u, pathError("usage", name, err)
}

func usageOf(fd int) (Usage, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return Usage{}, err
	}
	unit := blockBytes(&st)
	return Usage{AvailableBytes: int64(st.Bavail) * unit, UsedBytes: int64(st.Blocks-st.Bfree) * unit}, nil
}

// blockBytes is the unit in which statfs(2) counts blocks.
func blockBytes(st *unix.Statfs_t) int64 {
	if st.Frsize == 0 {
		return int64(st.Bsize)
	}
	return int64(st.Frsize)
}

// SetModTime changes the modification time of a resource.
func (r *Root) SetModTime(name string, t time.Time) (was Identity, info Info, err error) {
	if r.readOnly() {
		return was, info, pathError("settime", name, ErrReadOnly)
	}
	fd, err := openInside(r.fd, rel(name), unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return was, info, pathError("settime", name, err)
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err = statFD(fd, &st); err == nil && special(st.Mode) {
		err = ErrSpecial
	}
	if err == nil {
		err = r.hook("utimes", name)
	}
	var mtime int64
	var unsure bool
	if err == nil {
		var release func()
		was, release = r.holdBefore(name, &st)
		defer release() // after the look at what it has become
		mtime, unsure = r.clock.mtime(t, 0, r.device(device64(&st)))
		err = setTimesPath(fd, mtime)
	}
	if err != nil {
		return Identity{}, info, pathError("settime", name, err)
	}
	var now unix.Statx_t
	if r.look(fd, "", &now) == nil {
		st = now
	} else {
		was = Identity{} // it stays that of before, which is nobody's any more
	}
	info.fill(&st)
	info.Unsure = (unsure || info.Mtime != mtime) && !r.device(info.Dev).fine
	return was, info, nil
}

// holdBefore holds off writers of the file whose state st was a moment ago, until release. was is the state since when
// they are; zero where they are not.
func (r *Root) holdBefore(name string, st *unix.Statx_t) (was Identity, release func()) {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return was, func() {}
	}
	p, base, err := r.openParent(name)
	if err != nil {
		return was, func() {}
	}
	defer p.close()
	h, err := hold(p.fd, base, 0)
	if err != nil {
		return was, func() {}
	}
	if h.leased && sameInode(&h.st, st) {
		was = identity(&h.st)
	}
	return was, func() { unix.Close(h.fd) } // and the lease ends
}
