package fs

import (
	"encoding/binary"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// direntBytes is what one getdents64 may fill: some 1,500 members.
const direntBytes = 64 << 10

var direntPool = sync.Pool{New: func() any { return new([direntBytes]byte) }}

// List calls fn for each member of a collection. It opens the directory and nothing else; a
// member costs one statx. The names that fn gets share their memory: who keeps a few of many clones them.
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
	var st unix.Statx_t
	var info Info
	var failed error // of fn: returned as it is
	err = eachMember(fd, func(base string, ended *byte, kind byte) error {
		if Reserved(base) {
			return nil
		}
		switch kind {
		case unix.DT_REG, unix.DT_DIR, unix.DT_LNK, unix.DT_UNKNOWN:
		default:
			return nil
		}
		if kind != unix.DT_LNK {
			if err := statPointer(fd, ended, statFlags, &st); err != nil {
				return nil // vanished, or not for us to see
			}
			kind = byte(st.Mode >> 12) // the type bits of st_mode are those of d_type
		}
		switch kind {
		case unix.DT_REG, unix.DT_DIR:
			info.fill(&st)
		case unix.DT_LNK:
			if !r.target(name, base, &info) {
				return nil
			}
		default:
			return nil
		}
		failed = fn(base, &info)
		return failed
	})
	if failed != nil {
		return failed
	}
	return pathError("list", name, err)
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

// eachMember calls fn for each entry of an open directory but itself and its parent, with the name, also as a
// system call takes it (its bytes, with a NUL after them), and a DT_ kind. The names of one read share their memory.
func eachMember(fd int, fn func(base string, ended *byte, kind byte) error) error {
	buf := direntPool.Get().(*[direntBytes]byte)
	defer direntPool.Put(buf)
	for {
		n, err := unix.Getdents(fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return err
		}
		text := string(buf[:n])
		for at := 0; at < n; {
			// struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name, NUL.
			size := int(binary.NativeEndian.Uint16(buf[at+16:]))
			kind, base := buf[at+18], text[at+19:at+size]
			ended := &buf[at+19]
			base = base[:strings.IndexByte(base, 0)]
			at += size
			if base == "." || base == ".." {
				continue
			}
			if err := fn(base, ended, kind); err != nil {
				return err
			}
		}
	}
}
