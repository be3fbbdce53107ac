package fs

import (
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"
)

// direntBytes is what one getdents64 may fill: some 1,500 members.
const direntBytes = 64 << 10

var direntPool = sync.Pool{New: func() any { return new([direntBytes]byte) }}

// List calls fn for each member of a collection. It opens the directory and nothing else; a
// member costs one statx, and the name that fn gets.
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
	err = eachMember(fd, func(base []byte, kind byte) error {
		if Reserved(string(base[:len(base)-1])) { // the conversion is only compared, so it costs nothing
			return nil
		}
		switch kind {
		case unix.DT_REG, unix.DT_DIR, unix.DT_LNK, unix.DT_UNKNOWN:
		default:
			return nil
		}
		var text string
		if kind != unix.DT_LNK {
			if err := statPointer(fd, &base[0], statFlags, &st); err != nil {
				return nil // vanished, or not for us to see
			}
			kind = byte(st.Mode >> 12) // the type bits of st_mode are those of d_type
		}
		switch kind {
		case unix.DT_REG, unix.DT_DIR:
			info.fill(&st)
			text = string(base[:len(base)-1])
		case unix.DT_LNK:
			text = string(base[:len(base)-1])
			if !r.target(name, text, &info) {
				return nil
			}
		default:
			return nil
		}
		failed = fn(text, &info)
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

// eachMember calls fn for each entry of an open directory but itself and its parent, with the
// name and the NUL after it, both gone when fn returns, and a DT_ kind.
func eachMember(fd int, fn func(base []byte, kind byte) error) error {
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
		for rest := buf[:n]; len(rest) > 0; {
			// struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name, NUL.
			size := binary.NativeEndian.Uint16(rest[16:])
			kind, base := rest[18], rest[19:size]
			rest = rest[size:]
			base = base[:bytes.IndexByte(base, 0)+1]
			if b := string(base); b == ".\x00" || b == "..\x00" {
				continue
			}
			if err := fn(base, kind); err != nil {
				return err
			}
		}
	}
}
