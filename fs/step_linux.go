package fs

import "golang.org/x/sys/unix"

// The system calls that change the served directory, each after the hook of the tests had its say.

func (r *Root) unlink(dirfd int, base string) error {
	if err := r.hook("unlink", base); err != nil {
		return err
	}
	return unix.Unlinkat(dirfd, base, 0)
}

func (r *Root) link(fd, dirfd int, base string) error {
	if err := r.hook("link", base); err != nil {
		return err
	}
	return r.linkFD(fd, dirfd, base)
}

// linkName gives what is at a name a second one.
func (r *Root) linkName(fromDir int, from string, toDir int, to string) error {
	if err := r.hook("second name", to); err != nil {
		return err
	}
	return unix.Linkat(fromDir, from, toDir, to, 0)
}

func (r *Root) rename(fromDir int, from string, toDir int, to string) error {
	if err := r.hook("rename", to); err != nil {
		return err
	}
	return unix.Renameat(fromDir, from, toDir, to)
}

// renameNew renames to a name that must not exist. Error EEXIST: it does.
func (r *Root) renameNew(fromDir int, from string, toDir int, to string) error {
	if err := r.hook("rename", to); err != nil {
		return err
	}
	return renameNew(fromDir, from, toDir, to)
}

// nameNew is renameNew that may leave both names.
func (r *Root) nameNew(fromDir int, from string, toDir int, to string) (both bool, err error) {
	if err := r.hook("rename", to); err != nil {
		return false, err
	}
	return nameNew(fromDir, from, toDir, to)
}

func (r *Root) exchange(fromDir int, from string, toDir int, to string) error {
	if err := r.hook("exchange", to); err != nil {
		return err
	}
	return unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_EXCHANGE)
}

// look reads the state of what a step has brought to base in dirfd; "": of what dirfd leads to itself. The
// step is made by then, so whoever calls it either has a true answer without that state or takes the step back.
func (r *Root) look(dirfd int, base string, st *unix.Statx_t) error {
	if err := r.hook("look", base); err != nil {
		return err
	}
	if base == "" {
		return statFD(dirfd, st)
	}
	return statIn(dirfd, base, st)
}

// removeTree is one step: what it does is invisible.
func (r *Root) removeTree(dirfd int, base string) error {
	if err := r.hook("remove", base); err != nil {
		return err
	}
	return removeTree(dirfd, base)
}

func (r *Root) fsync(fd int, base string) error {
	if err := r.hook("fsync", base); err != nil {
		return err
	}
	return r.syncs.of(func() error { return fsync(fd) })
}

// writeOut makes the system begin to write the bytes of fd, for an exchange that nobody waits to be durable. Of a rename(2)
// over a file ext4 and others do it by themselves: else a power cut could find the new name on the disk, none of its bytes yet, and
// the old ones gone.
func (r *Root) writeOut(fd int, base string) error {
	if err := r.hook("write out", base); err != nil {
		return err
	}
	err := unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	if err == unix.ENOSYS || err == unix.EINVAL || err == unix.ESPIPE { // not here
		return nil
	}
	return err
}

// writtenOut makes the system write the bytes of fd, and waits until the disk has taken them.
func (r *Root) writtenOut(fd int, base string) error {
	if err := r.hook("write out", base); err != nil {
		return err
	}
	return unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE_AND_WAIT)
}

func (r *Root) setTimes(fd int, base string, mtime int64) error {
	if err := r.hook("utimes", base); err != nil {
		return err
	}
	return setTimes(fd, mtime)
}
