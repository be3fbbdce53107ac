package fs

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// adopt gives a new file or collection the owner, group and mode that were asked for. It is nobody's
// representation yet, or an empty collection.
func (r *Root) adopt(fd int, name string) error {
	opts := &r.tried.Load().RootOptions
	if !opts.ownership() {
		return nil
	}
	if err := r.hook("attributes", name); err != nil {
		return err
	}
	if o := opts.Owner; o != nil {
		if err := unix.Fchown(fd, o.UID, o.GID); err != nil {
			return err
		}
	}
	if opts.Umask == nil {
		return nil
	}
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return err
	}
	isDir := isDirMode(&st)
	if has(fd, aclAttr) || isDir && has(fd, defaultACLAttr) || !isDir && r.givesACL(parentRel(name)) {
		return nil // a default ACL has decided
	}
	mode := uint32(newFileMode)
	if isDir {
		mode = newDirMode | uint32(st.Mode)&unix.S_ISGID
	}
	return unix.Fchmod(fd, mode&^uint32(*opts.Umask))
}

// givesACL tells whether new files in the directory rel get their mode from its default ACL. One that names no user and no
// group leaves no ACL with the file that would tell.
func (r *Root) givesACL(rel string) bool {
	dir, err := openInside(r.fd, rel, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	n, err := unix.Getxattr(procFD(dir), defaultACLAttr, nil) // one may not be allowed to read it
	return err == nil && n > 0
}

func has(fd int, attr string) bool {
	n, err := unix.Fgetxattr(fd, attr, nil)
	return err == nil && n > 0
}

// adoptDir is adopt for the collection base that was just made; when it cannot, the collection goes again.
func (r *Root) adoptDir(dirfd int, base string) error {
	if !r.tried.Load().ownership() {
		return nil
	}
	fd, err := openIn(dirfd, base, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == nil {
		defer unix.Close(fd)
		var st unix.Statx_t
		if err = statFD(fd, &st); err == nil && int(st.Uid) != unix.Geteuid() {
			return unix.EEXIST // another program has put one of somebody else there
		}
	}
	if err == nil {
		err = r.adopt(fd, base)
	}
	if err != nil {
		unix.Unlinkat(dirfd, base, unix.AT_REMOVEDIR)
	}
	return err
}

// tryOwner tells whether new files can be given away, and then their modification time.
func (r *Root) tryOwner() error {
	if t := r.tried.Load(); t.Owner == nil || t.ReadOnly {
		return nil
	}
	s, err := r.stage("/" + r.reserved())
	if err == nil {
		defer s.Discard()
		if err = r.adopt(s.fd, s.name); err == nil {
			err = r.setTimes(s.fd, s.name, time.Now().UnixNano())
		}
	}
	switch err {
	case nil:
		return nil
	case unix.EPERM:
		return fmt.Errorf("%s: new files cannot be given that owner or group: it takes privileges (CAP_CHOWN, and CAP_FOWNER for their times), or a group that the server is in", r.root.Name())
	}
	return fmt.Errorf("%s: it cannot be tried whether new files can be given an owner or group: %v", r.root.Name(), err)
}

func sameOwner(a, b *Owner) bool { return a == b || a != nil && b != nil && *a == *b }
