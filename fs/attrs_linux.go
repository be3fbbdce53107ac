package fs

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	aclAttr        = "system.posix_acl_access"
	defaultACLAttr = "system.posix_acl_default"
)

// takeOn gives the file fd what a program that writes in place would have left as it was: the
// permission bits, owner, ACL and extended attributes of the file whose descriptor is old.
// What the system does not let us give is left away, on the safe side; setuid and setgid go, as
// they do with every write (inode(7)).
//
// own is the state of fd now.
func takeOn(fd int, own *unix.Statx_t, old int, st *unix.Statx_t) error {
	mode := uint32(st.Mode) & 0o1777
	if own.Uid != st.Uid || own.Gid != st.Gid {
		mode = takeOwner(fd, own, st, mode)
	}
	touched, err := takeAttrs(fd, old)
	if err != nil {
		return err
	}
	if touched || uint32(own.Mode)&0o7777 != mode {
		return unix.Fchmod(fd, mode) // after the ACL, which has a say in the mode
	}
	return nil
}

// takeOwner changes the owner as far as it may and returns the mode that is safe then: where the
// group is another one, it gets no more than all others.
func takeOwner(fd int, own, st *unix.Statx_t, mode uint32) uint32 {
	if unix.Fchown(fd, int(st.Uid), int(st.Gid)) == nil {
		return mode
	}
	if own.Gid == st.Gid || unix.Fchown(fd, -1, int(st.Gid)) == nil {
		return mode
	}
	others := (mode & 0o007) << 3
	return mode &^ (0o070 &^ others)
}

// takeAttrs copies extended attributes, an ACL among them, and removes what the file got from its
// directory, or from another one before, and the old one does not have. touched: the ACL changed.
func takeAttrs(fd, old int) (touched bool, err error) {
	names, err := attrNames(old)
	if err != nil {
		return false, nil // the file system has none
	}
	for _, name := range names {
		switch {
		case name == aclAttr:
			touched = true
		case strings.HasPrefix(name, "user."), strings.HasPrefix(name, "trusted."), name == "security.selinux":
		default:
			continue // capabilities go with a write, and checksums of IMA or EVM are of the old bytes
		}
		if err := copyAttr(fd, old, name); err == unix.ENOSPC || err == unix.EDQUOT {
			return touched, err
		}
	}
	mine, err := attrNames(fd)
	if err != nil {
		return touched, nil
	}
	for _, name := range mine {
		if (name == aclAttr || strings.HasPrefix(name, "user.")) && !slices.Contains(names, name) {
			touched = touched || name == aclAttr
			if err := unix.Fremovexattr(fd, name); err != nil {
				return touched, err
			}
		}
	}
	return touched, nil
}

func attrNames(fd int) ([]string, error) {
	var buf [1024]byte
	list := buf[:]
	n, err := listAttrs(fd, list)
	if err == unix.ERANGE {
		list = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = listAttrs(fd, list)
	}
	if n <= 0 || err != nil {
		return nil, err
	}
	return strings.Split(string(bytes.TrimSuffix(list[:n], []byte{0})), "\x00"), nil
}

func listAttrs(fd int, list []byte) (int, error) {
	n, err := unix.Flistxattr(fd, list)
	if err == unix.EBADF { // O_PATH, since the file is not for us to read
		n, err = unix.Listxattr(procFD(fd), list)
	}
	return n, err
}

func copyAttr(fd, old int, name string) error {
	value := make([]byte, 256)
	for {
		n, err := unix.Fgetxattr(old, name, value)
		if err == unix.EBADF {
			n, err = unix.Getxattr(procFD(old), name, value)
		}
		if err == unix.ERANGE && len(value) < 64<<10 {
			value = make([]byte, 64<<10) // XATTR_SIZE_MAX
			continue
		}
		if err != nil {
			return err
		}
		return unix.Fsetxattr(fd, name, value[:n], 0)
	}
}
