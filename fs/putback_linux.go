package fs

import "golang.org/x/sys/unix"

// putBack undoes an exchange that brought out what nobody checked. Each exchange shows what was
// at the name until then; if that is not what we had put there, another program has put its
// own there since, which is newer than all that we hold and is put back in turn.
//
// BUG: two that exchange the same name at once, which in one server the latches prevent, may each take what
// the other one has put there for newer, and what was there before both is lost.
func (s *staged) putBack(p parent, base string, out *unix.Statx_t) error {
	placed, held := s.own.Ino, out.Ino
	for n := 0; n < stepTries; n++ {
		err := s.r.exchange(s.tmpDir.fd, s.tmp, p.fd, base)
		if err == unix.ENOENT {
			return s.giveUp(p, base, held)
		}
		if err != nil {
			_ = s.keep(p, base, held)
			return err
		}
		var st unix.Statx_t
		if err := statIn(s.tmpDir.fd, s.tmp, &st); err != nil {
			s.tmp, s.lost = "", true // nobody can tell whose it is
			return err
		}
		if st.Ino == placed {
			if placed != s.own.Ino {
				return s.giveUp(p, base, placed)
			}
			return errAgain
		}
		placed, held = held, st.Ino
	}
	if err := s.keep(p, base, held); err != nil {
		return err
	}
	return ErrBusy
}

// giveUp is for a file that we hold and that another program does not want back at the name. Who replaced or removed our
// bytes there meant to do it to what we hold. Who moved them away, as when two names are exchanged, meant to move it:
// then it must stay.
func (s *staged) giveUp(p parent, base string, held uint64) error {
	var st unix.Statx_t
	if err := statFD(s.fd, &st); err != nil || st.Nlink > 0 {
		if err := s.keep(p, base, held); err != nil {
			return err
		}
	}
	s.dropName()
	s.lost = true
	return errAgain
}

// keep gives the file that we hold its name back, or one beside it where that is taken, for nobody has asked to remove it.
// Ours it does not.
//
// BUG: one that can get neither, such as on a full disk, stays under the reserved name, which is removed when a server starts.
func (s *staged) keep(p parent, base string, held uint64) error {
	if held == s.own.Ino {
		return nil
	}
	tmp := s.tmp
	s.tmp, s.lost = "", true
	return s.r.restoreFrom(s.tmpDir.fd, tmp, p, base)
}
