package fs

import "golang.org/x/sys/unix"

// MakeCollection creates a directory.
func (r *Root) MakeCollection(name string) (Info, error) {
	var info Info
	var st unix.Statx_t
	if err := r.makeDir(name, &st); err != nil {
		return info, pathError("mkdir", name, err)
	}
	info.fill(&st)
	return info, nil
}

func (r *Root) makeDir(name string, st *unix.Statx_t) error {
	if name == "/" && !r.readOnly() {
		return unix.EEXIST
	}
	if err := r.writable(name); err != nil {
		return err
	}
	p, base, err := r.openParent(name)
	if err != nil {
		return err
	}
	defer p.close()
	if Reserved(base) && appendOnly(p.fd) {
		return unix.EPERM // it could never be moved into place
	}
	if err := r.hook("mkdir", base); err != nil {
		return err
	}
	if err := unix.Mkdirat(p.fd, base, newDirMode); err != nil {
		return err
	}
	if err := r.adoptDir(p.fd, base); err != nil {
		return err
	}
	if err := r.look(p.fd, base, st); err != nil {
		unix.Unlinkat(p.fd, base, unix.AT_REMOVEDIR)
		return err
	}
	return nil
}

// SyncDir makes the names in a directory durable. Concurrent calls share their cost in the journal of the file
// system; a queue in front of that made eight writers on ext4 half as slow again.
func (r *Root) SyncDir(name string) error {
	return pathError("sync", name, r.syncDir(name))
}

// SyncAll makes durable what was written to the file system, and to all others, since some may be mounted below.
func (r *Root) SyncAll() error {
	err := r.hook("fsync", "/")
	if err == nil {
		err = r.syncs.of(func() error {
			unix.Sync() // it tells of no error
			return unix.Syncfs(r.fd)
		})
	}
	return pathError("sync", "/", err)
}

func (r *Root) syncDir(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	fd, err := openInside(r.fd, rel(name), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err == unix.EACCES {
		return r.syncAround(name)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = r.fsync(fd, name)
	if err == unix.EINVAL || err == unix.EOPNOTSUPP { // it has nothing to make durable
		return nil
	}
	return err
}

// syncAround makes the file system of a directory durable that may be written to, and not read.
func (r *Root) syncAround(name string) error {
	fd, err := r.openUnnamed(rel(name), 0o600)
	if err != nil {
		return r.SyncAll()
	}
	defer unix.Close(fd)
	if err := r.hook("fsync", name); err != nil {
		return err
	}
	return r.syncs.of(func() error { return unix.Syncfs(fd) })
}
