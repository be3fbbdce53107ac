package fs

import "golang.org/x/sys/unix"

// is tells whether base still holds what was checked.
func (m *move) is(p parent, base string, checked *unix.Statx_t) bool {
	var st unix.Statx_t
	return statIn(p.fd, base, &st) == nil && same(&st, checked)
}

// swap is for a collection, or what must be looked at. A crash before the exchange leaves the old
// state and one after it the new one, as soon as the next sweep has settled what is in the aside.
// Until the exchange a reader finds a file at src, and for some microseconds no collection.
func (m *move) swap() error {
	a, err := m.r.makeAside(m.from, aside{src: m.s.Ino, dst: m.d.Ino})
	if err != nil {
		return err
	}
	defer a.close()
	if m.holdsSrc {
		err = m.r.writeOut(m.hs.fd, m.src) // it may have been written a moment ago
	}
	linked := false
	if err == nil {
		linked, err = m.bring(a)
	}
	if err != nil {
		a.removeEmpty()
		return err
	}
	err = m.r.exchange(a.fd, m.src, m.to.fd, m.dst)
	if err == nil {
		switch {
		case m.exact && !a.holds(m.src, &m.d), m.disturbed():
			err = errAgain
		case linked:
			err = m.leave()
		}
		if err == nil {
			m.drop(a)
			return nil
		}
		if e := m.swapBack(a); e != nil {
			return e
		}
	}
	if e := m.takeBack(a, linked); e != nil {
		return e
	}
	if m.cannotSwap(err) {
		return m.aside()
	}
	if err == unix.ENOENT {
		err = errAgain
	}
	return err
}

// bring gives what is to move its name in the aside: a second one (linked), or, where there are no links or not for
// us (fs.protected_hardlinks), and for a collection, its only one.
func (m *move) bring(a *asideDir) (linked bool, err error) {
	if !isDirMode(&m.s) {
		switch err := m.r.linkName(m.from.fd, m.src, a.fd, m.src); err {
		case nil:
			if a.holds(m.src, &m.s) {
				return true, nil
			}
			m.r.unlink(a.fd, m.src)
			return false, errAgain
		case unix.ENOENT:
			return false, errAgain
		case unix.EPERM, unix.EMLINK, unix.EOPNOTSUPP, unix.ENOSYS:
		default:
			return false, err
		}
	}
	// What would fail then is not begun: a reader would find nothing at src for nothing.
	if m.s.Dev_major != m.d.Dev_major || m.s.Dev_minor != m.d.Dev_minor {
		return false, unix.EXDEV
	}
	if err := unix.Faccessat(m.to.fd, ".", unix.W_OK, unix.AT_EACCESS); err != nil {
		return false, err
	}
	return false, a.take(m.src, &m.s)
}

// swapBack undoes the exchange.
func (m *move) swapBack(a *asideDir) error {
	err := m.r.exchange(a.fd, m.src, m.to.fd, m.dst)
	switch {
	case err == unix.ENOENT:
		// Another program has removed what we had put at dst, meaning what we hold; or moved it away, and
		// then what we hold must stay.
		if m.moved() {
			return m.r.restoreFrom(a.fd, m.src, m.to, m.dst)
		}
	case err != nil:
		return err
	case !a.holds(m.src, &m.s):
		// Another program has put its own there, which is what counts. What was there before us is what it meant
		// to replace; unless it has moved ours away, as when two names are exchanged: then what we hold must stay.
		if err := m.r.exchange(a.fd, m.src, m.to.fd, m.dst); err != nil || m.moved() {
			return m.r.restoreFrom(a.fd, m.src, m.to, m.dst)
		}
	}
	return nil
}

// moved tells whether what was put at dst has another name now; of what is not open, such as a collection, it is assumed.
func (m *move) moved() bool {
	var st unix.Statx_t
	switch {
	case isDirMode(&m.s):
		return true
	case statIn(m.from.fd, m.src, &st) == nil && sameInode(&st, &m.s):
		return st.Nlink > m.s.Nlink
	}
	// It had no second name while it was at dst, or that is gone.
	return !m.holdsSrc || statFD(m.hs.fd, &st) != nil || st.Nlink >= m.s.Nlink
}

// takeBack empties the aside of a step that was not taken, and removes it. What has its only name there is given back, and so is
// what cannot be looked at.
func (m *move) takeBack(a *asideDir, linked bool) error {
	var st unix.Statx_t
	if !linked {
		if err := m.r.look(a.fd, m.src, &st); err != unix.ENOENT && (err != nil || same(&st, &m.s)) {
			err = a.giveBack(m.src)
			a.removeEmpty()
			return err
		}
	}
	return m.r.removeTree(a.in.fd, a.finish())
}

func (m *move) cannotSwap(err error) bool {
	return err == unix.ENOSYS || err == unix.EOPNOTSUPP || err == unix.EINVAL && !m.r.tried.Load().features.Exchange
}

func (m *move) disturbed() bool { return m.holds && m.h.disturbed() }

// drop removes what was at dst, a collection by release. It is out of the tree already: should that
// fail, the sweep does it.
func (m *move) drop(a *asideDir) {
	tmp := a.finish()
	if isDirMode(&m.d) {
		m.done = m.r.remover(a.in, tmp)
		return
	}
	m.r.removeLeft(a.in.fd, tmp)
}

// leave removes the name src of a file that has its new one.
func (m *move) leave() error {
	if !m.exact {
		return m.r.unlink(m.from.fd, m.src)
	}
	tmp, err := m.r.setAside(m.from, m.src, &m.s)
	if err == nil {
		m.r.unlink(m.from.fd, tmp)
	}
	return err
}

// aside is for file systems that cannot exchange: what is at dst goes first, so that for a
// moment there is nothing; it comes back if the second step fails, or a crash comes between.
func (m *move) aside() error {
	a, err := m.r.makeAside(m.to, aside{over: true, src: m.s.Ino, dst: m.d.Ino})
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.take(m.dst, &m.d); err != nil {
		a.removeEmpty()
		return err
	}
	err = m.rename()
	if err == nil && m.exact && !m.is(m.to, m.dst, &m.s) {
		err = m.r.renameNew(m.to.fd, m.dst, m.from.fd, m.src)
		if err == nil {
			err = errAgain
		}
	}
	if err == nil {
		m.letDst() // see nameNew: what is open would stay in the directory
		m.drop(a)
		return nil
	}
	if e := a.giveBack(m.dst); e != nil {
		return e
	}
	a.removeEmpty()
	if err == unix.EEXIST || err == unix.ENOENT {
		err = errAgain
	}
	return err
}
