package fs

import "golang.org/x/sys/unix"

// is tells whether base still holds what was checked.
func (m *move) is(p parent, base string, checked *unix.Statx_t) bool {
	var st unix.Statx_t
	return statIn(p.fd, base, &st) == nil && same(&st, checked)
}

// exchange is for a collection. Until the second step, or after a crash between the two, what
// was at dst is at src; nothing is lost.
func (m *move) exchange() error {
	err := m.r.exchange(m.from.fd, m.src, m.to.fd, m.dst)
	if m.cannotSwap(err) {
		return m.aside()
	}
	if err == unix.ENOENT {
		return errAgain
	}
	if err != nil {
		return err
	}
	if m.exact && !(m.is(m.to, m.dst, &m.s) && m.is(m.from, m.src, &m.d)) || m.disturbed() {
		err = errAgain
	} else {
		err = m.clear(m.from, m.src)
	}
	if err != nil {
		if e := m.r.exchange(m.from.fd, m.src, m.to.fd, m.dst); e != nil && e != unix.ENOENT {
			return e
		}
	}
	return err
}

func (m *move) cannotSwap(err error) bool {
	return err == unix.ENOSYS || err == unix.EOPNOTSUPP || err == unix.EINVAL && !m.r.features.Exchange
}

func (m *move) disturbed() bool { return m.holds && m.h.disturbed() }

// clear retires what the exchange brought to src. If another program has put something there
// since, that stays, for it has replaced what was to go.
func (m *move) clear(p parent, base string) error {
	tmp, err := m.r.setAside(p, base, &m.d)
	if err == errAgain {
		return nil
	}
	if err == nil {
		m.drop(p, tmp)
	}
	return err
}

// drop removes what was at dst and is at a reserved name now, a collection by release. It
// is out of the tree already: should that fail, the sweep does it.
func (m *move) drop(p parent, tmp string) {
	if isDirMode(&m.d) {
		m.done = m.r.remover(p, tmp)
		return
	}
	m.r.unlink(p.fd, tmp)
}

// byLink is for a file, or a link, over what must be looked at, or is a collection: it gets a second,
// reserved name beside dst, which is exchanged with dst; then the first one goes. A reader finds
// the same at src until there is nothing, and a crash in between leaves both.
func (m *move) byLink() error {
	tmp := m.r.reserved()
	if err := m.r.hook("link", tmp); err != nil {
		return err
	}
	err := unix.Linkat(m.from.fd, m.src, m.to.fd, tmp, 0)
	switch err {
	case nil:
	case unix.ENOENT:
		return errAgain
	case unix.EXDEV:
		return err
	default: // no links here, too many, or not to a file of another owner (fs.protected_hardlinks)
		return m.exchange()
	}
	if !m.is(m.to, tmp, &m.s) {
		m.r.unlink(m.to.fd, tmp)
		return errAgain
	}
	err = m.r.exchange(m.to.fd, tmp, m.to.fd, m.dst)
	if err != nil {
		m.r.unlink(m.to.fd, tmp)
		if m.cannotSwap(err) {
			return m.aside()
		}
		if err == unix.ENOENT {
			return errAgain
		}
		return err
	}
	if m.exact && !m.is(m.to, tmp, &m.d) || m.disturbed() {
		err = errAgain
	} else {
		err = m.leave()
	}
	if err == nil {
		m.drop(m.to, tmp)
		return nil
	}
	if e := m.r.exchange(m.to.fd, tmp, m.to.fd, m.dst); e != nil && e != unix.ENOENT {
		return e
	}
	if !m.is(m.to, tmp, &m.s) {
		// Another program has replaced our link at dst. What it put there is what counts; what
		// was there before us is what it meant to replace.
		m.r.exchange(m.to.fd, tmp, m.to.fd, m.dst)
		m.drop(m.to, tmp)
		return errAgain
	}
	m.r.unlink(m.to.fd, tmp)
	return err
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
// moment there is nothing; it comes back if the second step fails.
func (m *move) aside() error {
	tmp, err := m.r.setAside(m.to, m.dst, &m.d)
	if err != nil {
		return err
	}
	err = m.r.renameNew(m.from.fd, m.src, m.to.fd, m.dst)
	if err == nil && m.exact && !m.is(m.to, m.dst, &m.s) {
		err = m.r.renameNew(m.to.fd, m.dst, m.from.fd, m.src)
		if err == nil {
			err = errAgain
		}
	}
	if err != nil {
		if e := m.r.restore(m.to, tmp, m.dst); e != nil {
			return e
		}
		if err == unix.EEXIST || err == unix.ENOENT {
			err = errAgain
		}
		return err
	}
	m.drop(m.to, tmp)
	return nil
}
