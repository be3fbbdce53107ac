package fs

import (
	iofs "io/fs"

	"golang.org/x/sys/unix"
)

// Move renames src to dst.
//
//	nothing at dst         renameat2(2) RENAME_NOREPLACE
//	a file over a file     rename(2)
//	the same, exact, or    link (a collection: rename) to a reserved directory beside src,
//	over a collection,     renameat2 RENAME_EXCHANGE with dst, look at what came out, unlink src,
//	or a collection        remove the directory
//
// Each is one step for whoever comes after a crash, too: see [aside].
//
// BUG: in the last case a reader may, for some microseconds, find at both names what moves; or, of a
// collection, at src nothing before it is at dst.
func (r *Root) Move(src, dst string, exact bool, check func(src, dst *Info) error) (info Info, release func(), err error) {
	for _, name := range []string{src, dst} {
		if err := r.writable(name); err != nil {
			return info, nil, pathError("move", name, err)
		}
	}
	if src == dst {
		return info, nil, pathError("move", src, iofs.ErrInvalid)
	}
	err = try("move", src, func() error {
		m := move{r: r, exact: exact, check: check, done: closer(-1)}
		err := m.run(src, dst)
		if err == nil {
			info = m.outcome(dst)
		}
		m.close()
		if release = m.done; err != nil {
			release()
		}
		return err
	})
	if err != nil {
		return info, nil, err
	}
	return info, release, nil
}

// outcome is the state of what is at dst now: that of the bytes that were checked. So the source is held from the
// check on; where another program can have written meanwhile, what was checked is returned, whose tag is
// nobody's any more, and not the state of bytes that nobody has looked at.
func (m *move) outcome(dst string) (info Info) {
	st := m.s
	var now unix.Statx_t
	var err error
	if m.hs.leased {
		err = statFD(m.hs.fd, &now)
	} else {
		now, err = m.r.stat(dst)
	}
	if err == nil && same(&now, &m.s) && !m.hs.busy {
		st = now
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		if target := m.r.linked(dst); target != nil {
			return *target
		}
	}
	info.fill(&st)
	return info
}

// move is one try of a Move.
type move struct {
	r        *Root
	exact    bool
	check    func(src, dst *Info) error
	from, to parent
	src, dst string // base names
	s, d     unix.Statx_t
	over     bool // there is something at dst
	h        held // dst, when exact
	holds    bool
	hs       held // src, when it is a file
	holdsSrc bool
	done     func() // release
}

func (m *move) close() {
	m.from.close()
	m.to.close()
	if m.holds {
		m.h.let()
	}
	m.letSrc()
}

func (m *move) letDst() {
	if m.holds {
		m.h.let()
		m.done()
	}
}

func (m *move) letSrc() {
	if m.holdsSrc {
		unix.Close(m.hs.fd) // and the lease ends
		m.holdsSrc, m.hs.leased = false, false
	}
}

func (m *move) run(src, dst string) (err error) {
	if m.from, m.src, err = m.r.openParent(src); err != nil {
		return err
	}
	if m.to, m.dst, err = m.r.openParent(dst); err != nil {
		return pathError("move", dst, err)
	}
	if err := m.look(); err != nil {
		return err
	}
	there := m.state(&m.d, dst)
	if err := m.check(m.state(&m.s, src), there); err != nil {
		return &refusal{err}
	}
	if m.s.Mode&unix.S_IFMT == unix.S_IFLNK {
		if err := leadsOn(src, dst, m.r.readlink); err != nil {
			return err
		}
	}
	switch {
	case m.over && there == nil: // a link to nothing that is served: as little ours as a FIFO
		return ErrSpecial
	case m.holds && m.h.busy:
		return ErrBusy
	case !m.over:
		return m.toNew()
	case sameInode(&m.s, &m.d):
		return m.toItself()
	case !m.exact && !isDirMode(&m.s) && !isDirMode(&m.d):
		return m.toFile()
	}
	return m.swap()
}

// look reads both states, holding the file at dst when exact.
func (m *move) look() error {
	if err := statIn(m.from.fd, m.src, &m.s); err != nil {
		return err
	}
	if m.s.Mode&unix.S_IFMT == unix.S_IFREG {
		hs, err := hold(m.from.fd, m.src, 0)
		if err != nil {
			return errAgain // it was regular a moment ago
		}
		m.holdsSrc, m.hs, m.s = true, hs, hs.st
	}
	err := statIn(m.to.fd, m.dst, &m.d)
	if err == unix.ENOENT {
		m.d = unix.Statx_t{}
		return servedOrLink(&m.s)
	}
	if err != nil {
		return err
	}
	m.over = true
	if m.exact && m.d.Mode&unix.S_IFMT == unix.S_IFREG {
		if m.h, err = hold(m.to.fd, m.dst, leaseTries); err != nil {
			return errAgain // it was regular a moment ago
		}
		m.holds, m.d = true, m.h.st
		m.done = closer(m.h.fd)
	}
	if err := servedOrLink(&m.s); err != nil {
		return err
	}
	return servedOrLink(&m.d)
}

func servedOrLink(st *unix.Statx_t) error {
	if special(st.Mode) && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return ErrSpecial
	}
	return nil
}

func isDirMode(st *unix.Statx_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

func sameInode(a, b *unix.Statx_t) bool {
	return a.Ino == b.Ino && a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor
}

// state is what check sees: of a link what it leads to.
func (m *move) state(st *unix.Statx_t, name string) *Info {
	switch st.Mode & unix.S_IFMT {
	case 0:
		return nil
	case unix.S_IFLNK:
		return m.r.linked(name)
	}
	info := new(Info)
	info.fill(st)
	return info
}

func (m *move) toNew() error {
	err := m.rename()
	if err == unix.EEXIST {
		return errAgain
	}
	if err != nil || !m.exact || m.is(m.to, m.dst, &m.s) {
		return err
	}
	// Something else was at src by then. If src has been created anew since, both stay.
	if err := m.r.renameNew(m.to.fd, m.dst, m.from.fd, m.src); err != nil && err != unix.EEXIST {
		return err
	}
	return errAgain
}

// rename gives src its new name. Where that takes a link and an unlink, it is no longer held.
func (m *move) rename() error {
	both, err := m.r.nameNew(m.from.fd, m.src, m.to.fd, m.dst)
	if both {
		m.letSrc()
		return m.r.unlink(m.from.fd, m.src)
	}
	return err
}

// toItself is for two names of one file. rename(2) does nothing for two hard links; where a
// file system finds one name by two spellings, it changes the spelling.
func (m *move) toItself() error {
	if !isDirMode(&m.s) && m.s.Nlink > 1 {
		return m.r.unlink(m.from.fd, m.src)
	}
	return m.r.rename(m.from.fd, m.src, m.to.fd, m.dst)
}

func (m *move) toFile() error {
	fd := -1
	if m.d.Size >= lazyBytes {
		fd, _ = openIn(m.to.fd, m.dst, unix.O_PATH)
	}
	m.done = closer(fd)
	err := m.r.rename(m.from.fd, m.src, m.to.fd, m.dst)
	switch err {
	case unix.EISDIR, unix.ENOTDIR, unix.ENOTEMPTY, unix.EEXIST: // one of them is a collection by now
		err = errAgain
	}
	return err
}
