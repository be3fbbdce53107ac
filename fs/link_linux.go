package fs

import "golang.org/x/sys/unix"

// linkFD gives the file fd, which may have no name yet, a name. Error EEXIST: it is taken.
func (r *Root) linkFD(fd, dirfd int, base string) error {
	if r.tried.Load().linkEmpty {
		return unix.Linkat(fd, "", dirfd, base, unix.AT_EMPTY_PATH)
	}
	return unix.Linkat(unix.AT_FDCWD, procFD(fd), dirfd, base, unix.AT_SYMLINK_FOLLOW)
}

// renameNew renames to a name that must not exist. Error EEXIST: it does.
func renameNew(fromDir int, from string, toDir int, to string) error {
	both, err := nameNew(fromDir, from, toDir, to)
	if both {
		return unix.Unlinkat(fromDir, from, 0)
	}
	return err
}

// nameNew is renameNew that may leave both names, where the old one is for the caller to remove. Who has the file open closes
// it first: FUSE (.fuse_hidden) and NFS (.nfs) only rename what is open, and remove it when it is closed, which
// moves ctime.
func nameNew(fromDir int, from string, toDir int, to string) (both bool, err error) {
	err = unix.Renameat2(fromDir, from, toDir, to, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL && err != unix.ENOSYS && err != unix.EOPNOTSUPP {
		return false, err
	}
	// The file system does not know the flag: a link to the new name is as safe, for a file.
	err = unix.Linkat(fromDir, from, toDir, to, 0)
	if err == nil || err == unix.EEXIST || err == unix.ENOENT {
		return err == nil, err
	}
	// Nor links, or it is a directory. What is left is to look first: safe among ourselves,
	// and Features tells that it is not beside other programs.
	var st unix.Statx_t
	if err := statIn(toDir, to, &st); err != unix.ENOENT {
		if err == nil {
			err = unix.EEXIST
		}
		return false, err
	}
	return false, unix.Renameat(fromDir, from, toDir, to)
}
