package fs

import (
	"encoding/binary"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// direntBytes is what one getdents64 may fill: some 1,500 entries.
const direntBytes = 64 << 10

var direntPool = sync.Pool{New: func() any { return new([direntBytes]byte) }}

// dirents reads the entries of an open directory, but for itself and its parent.
type dirents struct {
	fd    int
	buf   *[direntBytes]byte
	n, at int    // of buf: what was read, and what comes next
	names string // what was read
}

// dirent is an entry of a directory.
type dirent struct {
	base  string // shares its memory with others of one read
	ended *byte  // base as a system call takes it, with a NUL at its end, until the next read
	kind  byte   // DT_
}

func openDirents(fd int) dirents {
	return dirents{fd: fd, buf: direntPool.Get().(*[direntBytes]byte)}
}

// close gives back memory; the descriptor stays open.
func (d *dirents) close() { direntPool.Put(d.buf) }

// read reads more entries for next to return; false at the end.
func (d *dirents) read() (more bool, err error) {
	for {
		n, err := unix.Getdents(d.fd, d.buf[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return false, err
		}
		d.n, d.at, d.names = n, 0, string(d.buf[:n])
		return true, nil
	}
}

// next sets e to the next of the entries that were read; false when there are no more.
func (d *dirents) next(e *dirent) bool {
	for d.at < d.n {
		// struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name, NUL.
		at, size := d.at, int(binary.NativeEndian.Uint16(d.buf[d.at+16:]))
		d.at += size
		base := d.names[at+19 : at+size]
		base = base[:strings.IndexByte(base, 0)]
		if base != "." && base != ".." {
			*e = dirent{base, &d.buf[at+19], d.buf[at+18]}
			return true
		}
	}
	return false
}

// eachEntry calls fn for each entry of an open directory.
func eachEntry(fd int, fn func(e *dirent) error) error {
	dir := openDirents(fd)
	defer dir.close()
	var e dirent
	for {
		more, err := dir.read()
		if !more || err != nil {
			return err
		}
		for dir.next(&e) {
			if err := fn(&e); err != nil {
				return err
			}
		}
	}
}
