package fs

import (
	iofs "io/fs"

	"golang.org/x/sys/unix"
)

// The owner of new bytes: they become a representation here and nowhere else.
//
//	create         linkat(2) of the staged inode: fails if the name exists, whoever made it
//	replace        link to a reserved name, rename(2) over
//	replace exact  lease, state, check, link to a reserved name, renameat2(2) RENAME_EXCHANGE,
//	               look at what came out; put it back if it is not what was checked
//
// Meanwhile a write lease on the new file keeps everybody else from opening it, until its state was read.
// Who opens it with O_NONBLOCK in these microseconds is told EWOULDBLOCK.
//
// BUG: where there are no leases, or a new name takes a link and an unlink, another program that writes to the new
// file in that moment and dates it back leaves a state that is taken for the one of our bytes.
//
// BUG: a program that looked the name up before the exchange and comes to open it for writing
// only after the lease has ended writes to the replaced file. It is a matter of a microsecond,
// and no other than with any program that replaces files by rename.
//
// BUG: when the exchange brings out what another program has put there in the same
// microseconds, readers may see the new bytes until they are taken back.

// lazyBytes is the size from which the space of a file takes long enough to free that it is
// done after the step, without latches.
const lazyBytes = 1 << 20

// Commit makes the bytes the representation of the name.
func (s *staged) Commit(exact bool, check func(cur *Info) error) (info Info, created bool, release func(), err error) {
	if s.finished {
		return info, false, nil, pathError("commit", s.name, iofs.ErrClosed)
	}
	p, base, err := s.r.openParent(s.name)
	if err != nil {
		return info, false, nil, pathError("commit", s.name, err)
	}
	defer p.close()
	if s.tmp == "" {
		s.tmpDir = parent{fd: p.fd} // as long as this call lasts
		defer s.dropName()
	}
	s.keepToSelf()
	defer s.r.kept.Delete(s.inode())
	old := -1 // descriptor of what was replaced
	err = try("commit", s.name, func() error {
		created, old, err = s.step(p, base, exact, check)
		return err
	})
	if err != nil {
		return info, false, nil, err
	}
	info.fill(&s.now)
	if !s.alone {
		// Another program may have written to the file already. The state that is returned is the one
		// of these bytes, so its tag must not be that of what came after them.
		info.Mtime = s.stored
	}
	info.Unsure = (s.unsure || info.Mtime != s.mtime) && !s.r.device(info.Dev).fine
	s.Discard() // and with it the name of what was replaced: should that not go, the sweep removes it
	return info, created, closer(old), nil
}

// keepToSelf takes a write lease (fcntl(2), F_SETLEASE) on the new file: whoever opens it waits until
// published has read its state, so that this is the state of our bytes and not of what another program wrote,
// dating it back, right after the step. Where there are no leases the file is not alone.
func (s *staged) keepToSelf() {
	_, err := unix.FcntlInt(uintptr(s.fd), unix.F_SETLEASE, unix.F_WRLCK)
	s.alone = err == nil
	if s.alone {
		s.r.kept.Store(s.inode(), nil)
	}
}

// inode is a file, whatever its names.
type inode struct{ dev, ino uint64 }

func (s *staged) inode() inode { return inode{device64(&s.own), s.own.Ino} }

// published reads the state after the step, which moves ctime, from the descriptor (the name may have
// another owner by now), and lets the others at the file. A state that cannot be read is that of before, which
// is nobody's any more: the bytes are there, so the answer must not be an error.
func (s *staged) published() {
	if err := s.r.look(s.fd, "", &s.now); err != nil {
		s.now, s.alone = s.own, false
	}
	unix.Close(s.fd) // and the lease ends
	s.fd = -1
}

// publishedTwice is published for a file that still has its reserved name, which goes when the file is closed, and moves
// ctime. So what is at the name in the end is looked at; it is ours if it has our size and our stamp. Its inode may have another number
// by this name, as sshfs gives each name one.
func (s *staged) publishedTwice(p parent, base string) {
	var ours unix.Statx_t
	err := statFD(s.fd, &ours)
	if err == nil {
		s.stored = nanoseconds(ours.Mtime)
	}
	unix.Close(s.fd)
	s.fd, s.alone = -1, false
	s.dropName()
	if err == nil {
		err = s.r.look(p.fd, base, &s.now)
	}
	if err != nil || s.now.Size != ours.Size || s.now.Mtime != ours.Mtime {
		s.now = s.own
	}
}

// step creates or replaces once.
func (s *staged) step(p parent, base string, exact bool, check func(*Info) error) (created bool, old int, err error) {
	var st unix.Statx_t
	err = statIn(p.fd, base, &st)
	switch {
	case err == unix.ENOENT:
		return true, -1, s.create(p, base, check)
	case err != nil:
		return false, -1, err
	}
	if err := mustBeRegular(st.Mode); err != nil {
		return false, -1, err
	}
	if exact {
		old, err = s.exchange(p, base, check)
	} else {
		old, err = s.replace(p, base, &st, check)
	}
	return false, old, err
}

func (s *staged) create(p parent, base string, check func(*Info) error) error {
	if err := ask(check, nil); err != nil {
		return err
	}
	if s.lost {
		return ErrBusy
	}
	err := s.undress()
	if err == nil && s.mtime == 0 {
		err = s.stamp(0)
	}
	if err != nil {
		return err
	}
	both := false
	if s.tmp == "" {
		err = s.r.link(s.fd, p.fd, base)
	} else if both, err = s.r.nameNew(s.tmpDir.fd, s.tmp, p.fd, base); err == nil && !both {
		s.tmp = ""
	}
	switch {
	case both:
		s.publishedTwice(p, base)
	case err == nil:
		s.published()
	case err == unix.EEXIST:
		err = errAgain
	}
	return err
}

// replace puts the bytes over whatever file is there.
func (s *staged) replace(p parent, base string, st *unix.Statx_t, check func(*Info) error) (old int, err error) {
	if err := ask(check, st); err != nil {
		return -1, err
	}
	old = -1
	if !s.dressedAs(st) || st.Size >= lazyBytes {
		if old, err = s.openOld(p, base); err != nil {
			return -1, err
		}
	}
	if err = s.giveName(p); err == nil {
		err = s.renameOver(p, base)
	}
	if old >= 0 && (err != nil || st.Size < lazyBytes) {
		unix.Close(old)
		old = -1
	}
	return old, err
}

// openOld opens the file that is to be replaced and takes on what it has.
func (s *staged) openOld(p parent, base string) (int, error) {
	old, st, err := openAny(p.fd, base)
	if err == unix.ENOENT {
		return -1, errAgain
	}
	if err != nil {
		return -1, err
	}
	if err := mustBeRegular(st.Mode); err != nil {
		unix.Close(old)
		return -1, err
	}
	if err := s.again(old, &st); err != nil {
		unix.Close(old)
		return -1, err
	}
	return old, nil
}

func (s *staged) renameOver(p parent, base string) error {
	err := s.r.rename(s.tmpDir.fd, s.tmp, p.fd, base)
	switch err {
	case nil:
		s.tmp = ""
		s.published()
	case unix.EISDIR, unix.EEXIST, unix.ENOTEMPTY: // it is a collection by now
		err = errAgain
	}
	return err
}

// giveName links the staged inode to a reserved name beside the one it is for.
func (s *staged) giveName(p parent) error {
	if s.lost {
		return ErrBusy
	}
	if s.tmp != "" {
		return nil
	}
	tmp, err := s.r.reservedIn(p)
	if err != nil {
		return err
	}
	if err := s.r.link(s.fd, p.fd, tmp); err != nil {
		return err
	}
	s.tmp = tmp
	return nil
}

// exchange replaces exactly the state that was checked.
func (s *staged) exchange(p parent, base string, check func(*Info) error) (old int, err error) {
	h, err := hold(p.fd, base, leaseTries)
	if err == unix.ENOENT {
		return -1, errAgain
	}
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil || h.st.Size < lazyBytes {
			unix.Close(h.fd) // and the lease ends
			old = -1
			return
		}
		h.let() // whoever waits goes on
	}()
	if err := ask(check, &h.st); err != nil {
		return -1, err
	}
	if h.busy {
		return -1, ErrBusy
	}
	if err := s.again(h.fd, &h.st); err != nil {
		return -1, err
	}
	if !s.durable {
		if err := s.r.writeOut(s.fd, s.name); err != nil {
			return -1, err
		}
	}
	if err := s.giveName(p); err != nil {
		return -1, err
	}
	err = s.r.exchange(s.tmpDir.fd, s.tmp, p.fd, base)
	switch err {
	case nil:
	case unix.ENOENT:
		return -1, errAgain
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EXDEV: // EXDEV: its project quota is not that of its directory
		return h.fd, s.replaceChecked(p, base, &h)
	default:
		return -1, err
	}
	var out unix.Statx_t
	err = s.r.look(s.tmpDir.fd, s.tmp, &out)
	if err != nil {
		out = h.st // so it seems: nobody can tell, hence it goes back
	}
	if err != nil || !same(&out, &h.st) || h.disturbed() {
		return -1, s.putBack(p, base, &out)
	}
	s.published()
	return h.fd, nil
}

// replaceChecked is what is left where the file system cannot exchange: safe against writers
// as far as it has leases, and for a moment not safe against other programs that rename.
func (s *staged) replaceChecked(p parent, base string, h *held) error {
	var st unix.Statx_t
	if err := statIn(p.fd, base, &st); err != nil || !same(&st, &h.st) || h.disturbed() {
		return errAgain
	}
	return s.renameOver(p, base)
}
