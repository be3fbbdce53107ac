package fs

import (
	iofs "io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Retire takes name out of the tree.
//
//	file          unlink(2)
//	file, exact   lease, state, check, rename to a reserved name, look at what came out, unlink
//	collection    rename to a reserved name; what is in it is removed by release; where it cannot be renamed, rmdir(2)
func (r *Root) Retire(name string, exact bool, check func(cur *Info) error) (release func(), err error) {
	if err := r.writable(name); err != nil {
		return nil, pathError("retire", name, err)
	}
	err = try("retire", name, func() error {
		release, err = r.retire(name, exact, check)
		return err
	})
	if err != nil {
		return nil, err
	}
	return release, nil
}

func (r *Root) retire(name string, exact bool, check func(*Info) error) (func(), error) {
	p, base, err := r.openParent(name)
	if err != nil {
		return nil, err
	}
	defer p.close()
	var st unix.Statx_t
	if err := statIn(p.fd, base, &st); err != nil {
		return nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		if err := check(r.linked(name)); err != nil {
			return nil, &refusal{err}
		}
		return closer(-1), r.retireLink(p, base, &st, exact)
	case unix.S_IFDIR:
		if err := ask(check, &st); err != nil {
			return nil, err
		}
		return r.retireDir(p, base, &st)
	case unix.S_IFREG:
		return r.retireFile(p, base, &st, exact, check)
	}
	return nil, ErrSpecial
}

// linked is the state of what a link leads to, nil when nothing that is served.
func (r *Root) linked(name string) *Info {
	real, err := r.Resolve(name)
	if err != nil {
		return nil
	}
	info, err := r.Lookup(real)
	if err != nil {
		return nil
	}
	return &info
}

func (r *Root) retireFile(p parent, base string, st *unix.Statx_t, exact bool, check func(*Info) error) (func(), error) {
	if !exact {
		if err := ask(check, st); err != nil {
			return nil, err
		}
		return r.unlinkFile(p, base, int64(st.Size))
	}
	h, err := hold(p.fd, base, leaseTries)
	if err != nil {
		return nil, err
	}
	defer h.let()
	done := closer(h.fd)
	if err = ask(check, &h.st); err == nil && h.busy {
		err = ErrBusy
	}
	if err == nil {
		err = r.takeOut(p, base, &h)
	}
	if err != nil {
		h.let()
		done()
		return nil, err
	}
	return done, nil
}

// unlinkFile removes a file. A descriptor that stays open puts off the freeing of a large one.
func (r *Root) unlinkFile(p parent, base string, sizeBytes int64) (func(), error) {
	fd := -1
	if sizeBytes >= lazyBytes {
		fd, _ = openIn(p.fd, base, unix.O_PATH)
	}
	err := r.unlink(p.fd, base)
	if err != nil {
		closer(fd)()
		if err == unix.EISDIR || err == unix.EPERM && isDir(p.fd, base) {
			return nil, errAgain
		}
		return nil, err
	}
	return closer(fd), nil
}

func isDir(dirfd int, base string) bool {
	var st unix.Statx_t
	return statIn(dirfd, base, &st) == nil && isDirMode(&st)
}

// takeOut removes the held file, and no other, from its name.
func (r *Root) takeOut(p parent, base string, h *held) error {
	tmp, err := r.setAside(p, base, &h.st)
	if cannotRename(err) {
		if h.disturbed() {
			return errAgain
		}
		return r.unlinkChecked(p, base, &h.st)
	}
	if err != nil {
		return err
	}
	if h.disturbed() {
		if err := r.restoreFrom(p.fd, tmp, p, base); err != nil {
			return err
		}
		return errAgain
	}
	r.unlink(p.fd, tmp) // it is out of the tree: should this fail, the sweep does it
	return nil
}

// cannotRename tells of what has its name for good, though it may be removed: a directory of a lower layer of an overlay, what has
// another project quota than its directory; or where no room is left for another name, as on a full Btrfs.
func cannotRename(err error) bool {
	return err == unix.EXDEV || err == unix.ENOSPC || err == unix.EDQUOT
}

// unlinkChecked is what is left where a file or a link cannot be renamed. It is as safe as staged.replaceChecked.
func (r *Root) unlinkChecked(p parent, base string, checked *unix.Statx_t) error {
	var st unix.Statx_t
	if err := statIn(p.fd, base, &st); err != nil || !same(&st, checked) {
		return errAgain
	}
	return r.unlink(p.fd, base)
}

// retireLink removes a link.
func (r *Root) retireLink(p parent, base string, st *unix.Statx_t, exact bool) error {
	if !exact {
		return r.unlink(p.fd, base)
	}
	tmp, err := r.setAside(p, base, st)
	if cannotRename(err) {
		return r.unlinkChecked(p, base, st)
	}
	if err == nil {
		r.unlink(p.fd, tmp)
	}
	return err
}

func (r *Root) retireDir(p parent, base string, st *unix.Statx_t) (func(), error) {
	tmp, err := r.setAside(p, base, st)
	if cannotRename(err) {
		return closer(-1), r.removeDir(p, base)
	}
	if err != nil {
		return nil, err
	}
	return r.remover(p, tmp), nil
}

// removeDir is what is left where a directory cannot be renamed: an empty one goes, whichever it is by now.
func (r *Root) removeDir(p parent, base string) error {
	if err := r.hook("unlink", base); err != nil {
		return err
	}
	err := unix.Unlinkat(p.fd, base, unix.AT_REMOVEDIR)
	if err == unix.ENOTEMPTY || err == unix.EEXIST {
		err = ErrNotEmpty
	}
	return err
}

// remover returns a function that removes the collection at a reserved name. What it cannot remove the next sweep does.
func (r *Root) remover(p parent, tmp string) func() {
	fd, err := unix.FcntlInt(uintptr(p.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil { // no descriptor is left
		path := pathIn(p.fd, tmp)
		return func() { r.tried.Load().left(path, err) }
	}
	done := closer(fd)
	return func() {
		r.removeLeft(fd, tmp)
		done()
	}
}

// removeLeft removes what has left the tree.
func (r *Root) removeLeft(dirfd int, tmp string) {
	if err := r.removeTree(dirfd, tmp); err != nil && err != unix.ENOENT {
		r.tried.Load().left(pathIn(dirfd, tmp), err)
	}
}

// pathIn is where base in dirfd is now.
func pathIn(dirfd int, base string) string {
	dir, err := os.Readlink(procFD(dirfd))
	if err != nil {
		dir = "..."
	}
	return filepath.Join(dir, base)
}

// setAside renames what was checked to a reserved name. What another program has put there
// since is put back: errAgain.
func (r *Root) setAside(p parent, base string, checked *unix.Statx_t) (tmp string, err error) {
	tmp = r.reserved()
	if err := r.rename(p.fd, base, p.fd, tmp); err != nil {
		if err == unix.ENOENT {
			err = errAgain
		}
		return "", err
	}
	var st unix.Statx_t
	err = r.look(p.fd, tmp, &st)
	if err == nil && same(&st, checked) {
		return tmp, nil
	}
	if e := r.restoreFrom(p.fd, tmp, p, base); e != nil {
		return "", e
	}
	if err == nil {
		err = errAgain
	}
	return "", err
}

// restoreFrom renames tmp in fromDir to base. If that was created meanwhile, both must stay, for
// nobody has asked to remove either: what was there first gets a new name beside it.
func (r *Root) restoreFrom(fromDir int, tmp string, p parent, base string) error {
	to := base
	for n := 0; n < stepTries; n++ {
		err := r.renameNew(fromDir, tmp, p.fd, to)
		if err != unix.EEXIST {
			return err
		}
		to = spare(base, r.serial.Add(1))
	}
	return iofs.ErrExist
}
