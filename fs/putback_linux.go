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
			return s.putBackGone(p, base)
		}
		if err != nil {
			return err
		}
		var st unix.Statx_t
		if err := statIn(s.tmpDir.fd, s.tmp, &st); err != nil {
			return err
		}
		if st.Ino == placed {
			if placed != s.own.Ino {
				s.dropName() // a file that another program has meant to replace, and ours is gone
			}
			return errAgain
		}
		placed, held = held, st.Ino
	}
	return ErrBusy
}

// putBackGone is for a name that vanished while our bytes had it. Who removed them meant to
// remove what we hold; who moved them away finds our bytes there, so what we hold must stay.
func (s *staged) putBackGone(p parent, base string) error {
	var st unix.Statx_t
	if err := statFD(s.fd, &st); err != nil {
		return err
	}
	if st.Nlink > 0 {
		if err := s.r.renameNew(s.tmpDir.fd, s.tmp, p.fd, base); err == nil {
			s.tmp = ""
		}
	}
	s.dropName()
	s.lost = true
	return errAgain
}
