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
	if n, err := unix.Fgetxattr(fd, aclAttr, nil); err == nil && n > 0 {
		return nil // from the default ACL of its collection
	}
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return err
	}
	mode := opts.fileMode()
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode = opts.dirMode() | uint32(st.Mode)&unix.S_ISGID
	}
	return unix.Fchmod(fd, mode&^uint32(*opts.Umask))
}

// adoptDir is adopt for the collection base that was just made; when it cannot, the collection goes again.
func (r *Root) adoptDir(dirfd int, base string) error {
	if !r.tried.Load().ownership() {
		return nil
	}
	fd, err := unix.Openat(dirfd, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err = statFD(fd, &st); err == nil && int(st.Uid) != unix.Geteuid() {
		return unix.EEXIST // another program has put one of somebody else there
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
		return fmt.Errorf("%s: new files cannot be given the owner or group that is asked for, which takes privileges (CAP_CHOWN, and CAP_FOWNER for their times), or a group of one's own", r.root.Name())
	}
	return fmt.Errorf("%s: it cannot be tried whether new files can be given an owner or group: %v", r.root.Name(), err)
}

func sameOwner(a, b *Owner) bool { return a == b || a != nil && b != nil && *a == *b }
