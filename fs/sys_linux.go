package fs

import (
	"errors"
	iofs "io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls this package needs, repeated when a signal came between.

const (
	// inside keeps a path walk in the tree and off every link: names given to a Root are real.
	inside = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

	statMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME
	// Network file systems and FUSE answer from a cache of their own unless they are told to ask.
	fresh     = unix.AT_STATX_FORCE_SYNC
	statFlags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT | fresh

	// An open of a file that is leased is refused: until our own commit is over, which is a matter of
	// microseconds on a machine that has time for us, or until another program answers.
	openTries    = 512
	openPause    = 20 * time.Microsecond // and twice as long each time
	openPauseMax = 4 * time.Millisecond
	lookTries    = 2 // where many files are looked at
)

// leasedPause is how long to wait after so many tries of an open.
func leasedPause(try int) time.Duration { return min(openPause<<min(try, 10), openPauseMax) }

// openInside opens rel below dirfd without leaving it and without following a link. A link in
// the middle is ErrNotDir, at the end ErrSpecial.
func openInside(dirfd int, rel string, flags int, mode uint32) (int, error) {
	return openInsideTries(dirfd, rel, flags, mode, openTries)
}

// openInsideTries is openInside that meets a lease so often at most.
func openInsideTries(dirfd int, rel string, flags int, mode uint32, tries int) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Mode: uint64(mode), Resolve: inside}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(dirfd, rel, &how)
		switch {
		case err == nil:
			return fd, nil
		case err == unix.EINTR:
		case err == unix.EAGAIN && try < tries:
			time.Sleep(leasedPause(try))
		case err == unix.ELOOP:
			return -1, linkInside(dirfd, rel)
		case err == unix.EXDEV: // RESOLVE_BENEATH: it leads out
			return -1, unix.ENOENT
		default:
			return -1, err
		}
	}
}

// linkInside tells which component of rel stopped a walk that follows no links.
func linkInside(dirfd int, rel string) error {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		fd, err := openInside(dirfd, rel[:i], unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			if errors.Is(err, ErrSpecial) {
				return ErrNotDir
			}
			return err
		}
		unix.Close(fd)
	}
	return ErrSpecial
}

// openIn opens base in the directory dirfd; a link is ErrSpecial.
func openIn(dirfd int, base string, flags int) (int, error) {
	for try := 0; ; try++ {
		fd, err := unix.Openat(dirfd, base, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && try < openTries:
			time.Sleep(leasedPause(try))
		case err == unix.ELOOP, err == unix.ENXIO:
			return -1, ErrSpecial
		default:
			return fd, err
		}
	}
}

// statIn reads the state of base in dirfd, of a link itself.
func statIn(dirfd int, base string, st *unix.Statx_t) error {
	for {
		err := unix.Statx(dirfd, base, statFlags, statMask, st)
		if err != unix.EINTR {
			return err
		}
	}
}

var emptyPath [1]byte

// statFD reads the state of what a descriptor, also one of O_PATH, leads to.
func statFD(fd int, st *unix.Statx_t) error {
	for { // unix.Statx would copy the path
		_, _, e := unix.Syscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&emptyPath[0])),
			unix.AT_EMPTY_PATH|fresh, statMask, uintptr(unsafe.Pointer(st)), 0)
		if e == 0 {
			return nil
		}
		if e != unix.EINTR {
			return e
		}
	}
}

// setTimes sets the modification time of what fd, opened for more than O_PATH, leads to.
func setTimes(fd int, mtime int64) error { return utimens(fd, nil, mtime, 0) }

// setTimesPath is setTimes for a descriptor of O_PATH.
func setTimesPath(fd int, mtime int64) error {
	err := utimens(fd, &emptyPath[0], mtime, unix.AT_EMPTY_PATH)
	if err == unix.EINVAL { // Linux before 5.8
		path, _ := unix.BytePtrFromString(procFD(fd))
		err = utimens(unix.AT_FDCWD, path, mtime, 0)
	}
	return err
}

// timespec has 64 bits on every system: those of the C library of a 32-bit one end in 2038.
type timespec struct{ sec, nsec int64 }

// utimens is utimensat(2) with a path that may be nil, which x/sys has no name for. The access time becomes now: who sets one of
// the two alone is not heard by file systems of libfuse 2, as bindfs and exfat-fuse.
func utimens(fd int, path *byte, mtime int64, flags int) error {
	at := time.Unix(0, mtime)
	now := time.Now()
	ts := [2]timespec{{now.Unix(), int64(now.Nanosecond())}, {at.Unix(), int64(at.Nanosecond())}}
	for {
		_, _, e := unix.Syscall6(sysUtimensat, uintptr(fd), uintptr(unsafe.Pointer(path)),
			uintptr(unsafe.Pointer(&ts)), uintptr(flags), 0, 0)
		if e == 0 {
			return nil
		}
		if e != unix.EINTR {
			return e
		}
	}
}

// procFD is a path that leads to what an open descriptor leads to.
func procFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

func fsync(fd int) error {
	for {
		err := unix.Fsync(fd)
		if err != unix.EINTR {
			return err
		}
	}
}

// special tells what neither a regular file nor a directory is.
func special(mode uint16) bool {
	t := mode & unix.S_IFMT
	return t != unix.S_IFREG && t != unix.S_IFDIR
}

// fill sets info to the state that statx found.
func (info *Info) fill(st *unix.Statx_t) {
	*info = Info{
		Identity: identity(st),
		Mode:     fileMode(st.Mode),
		Links:    uint64(st.Nlink),
		Shut:     shut(st),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		info.Birth = nanoseconds(st.Btime)
	}
}

func identity(st *unix.Statx_t) Identity {
	return Identity{
		Dev:       device64(st),
		Ino:       st.Ino,
		SizeBytes: int64(st.Size),
		Mtime:     nanoseconds(st.Mtime),
		Ctime:     nanoseconds(st.Ctime),
	}
}

// appendOnly tells whether names in a directory are there for good (chattr +a).
func appendOnly(dirfd int) bool {
	var st unix.Statx_t
	return statFD(dirfd, &st) == nil && st.Attributes&unix.STATX_ATTR_APPEND != 0
}

// nanoseconds since 1970 UTC. Times before 1677 or after 2262, which 64 bits cannot count, are as near to them as they can be.
func nanoseconds(t unix.StatxTimestamp) int64 {
	const most = math.MaxInt64/int64(time.Second) - 1
	return min(max(t.Sec, -most), most)*int64(time.Second) + int64(t.Nsec)
}

// device64 is the number of the file system.
func device64(st *unix.Statx_t) uint64 { return uint64(st.Dev_major)<<32 | uint64(st.Dev_minor) }

// shut tells whether the permission bits of owner, group or others, whichever are ours, have no r: path_resolution(7).
func shut(st *unix.Statx_t) bool {
	r := uint16(unix.S_IROTH)
	if st.Mode&0o444 != 0o444 {
		switch me := self(); {
		case st.Uid == me.uid:
			r = unix.S_IRUSR
		case slices.Contains(me.gids, st.Gid):
			r = unix.S_IRGRP
		}
	}
	return st.Mode&r == 0
}

// identities of this process, which keeps them.
type identities struct {
	uid  uint32
	gids []uint32
}

var self = sync.OnceValue(func() identities {
	me := identities{uint32(os.Geteuid()), []uint32{uint32(os.Getegid())}}
	groups, _ := os.Getgroups() // without them more seems to be shut
	for _, gid := range groups {
		me.gids = append(me.gids, uint32(gid))
	}
	return me
})

func fileMode(mode uint16) iofs.FileMode {
	m := iofs.FileMode(mode & 0o777)
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		m |= iofs.ModeDir
	case unix.S_IFLNK:
		m |= iofs.ModeSymlink
	case unix.S_IFIFO:
		m |= iofs.ModeNamedPipe
	case unix.S_IFSOCK:
		m |= iofs.ModeSocket
	case unix.S_IFBLK:
		m |= iofs.ModeDevice
	case unix.S_IFCHR:
		m |= iofs.ModeDevice | iofs.ModeCharDevice
	}
	if mode&unix.S_ISUID != 0 {
		m |= iofs.ModeSetuid
	}
	if mode&unix.S_ISGID != 0 {
		m |= iofs.ModeSetgid
	}
	if mode&unix.S_ISVTX != 0 {
		m |= iofs.ModeSticky
	}
	return m
}
