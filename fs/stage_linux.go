package fs

import (
	iofs "io/fs"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// staged is an inode for new bytes, made in the collection they are for, so that it gets what
// a local program would give it there: a default ACL, the group of a setgid directory, a project
// quota, a security label. It has no name (O_TMPFILE), and nothing is left of it after a
// crash; where the file system cannot do that, it has a reserved one.
type staged struct {
	r    *Root
	name string
	fd   int

	tmp    string // reserved name, "" while there is none
	tmpDir parent // where tmp is
	lost   bool   // its last name was taken away by another program: no new one can be given

	own  unix.Statx_t // as it was made
	took bool         // it took on what from had
	from Identity

	mtime    int64     // 0 until it has one
	stored   int64     // mtime as the file system keeps it
	unsure   bool      // another state may have it
	chosen   time.Time // by the caller; zero: not asked
	durable  bool
	finished bool

	expected int64 // bytes that get blocks ahead of being written
	reserved int64 // of these
	end      int64 // of what was written

	flushed int64           // bytes of which an fsync before Prepare was begun
	flushes *errgroup.Group // those; nil: none

	alone bool         // nobody else can open it before it is published
	now   unix.Statx_t // as it was published
}

// Stage opens a place for the bytes of name.
func (r *Root) Stage(name string) (Staged, error) {
	s, err := r.stage(name)
	if err != nil {
		return nil, pathError("stage", name, err)
	}
	return s, nil
}

func (r *Root) stage(name string) (*staged, error) {
	if err := r.writable(name); err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	s := &staged{r: r, name: name}
	err := error(unix.EOPNOTSUPP)
	if err := r.hook("create", name); err != nil {
		return nil, err
	}
	if !r.tried.Load().noTmpfile {
		s.fd, err = r.openUnnamed(parentRel(name), newFileMode)
	}
	if err == unix.EOPNOTSUPP || err == unix.EISDIR {
		err = s.openNamed()
	}
	if err == ErrSpecial { // the parent is a link
		err = ErrNotDir
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openUnnamed makes a file without a name in the directory rel. ENOENT when that is removed meanwhile, of which ext4
// says EPERM.
func (r *Root) openUnnamed(rel string, mode uint32) (int, error) {
	fd, err := openInside(r.fd, rel, unix.O_TMPFILE|unix.O_RDWR, mode)
	if err != unix.EPERM {
		return fd, err
	}
	dir, err := openInside(r.fd, rel, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	fd, err = openInside(dir, ".", unix.O_TMPFILE|unix.O_RDWR, mode)
	var st unix.Statx_t
	if err == unix.EPERM && statFD(dir, &st) == nil && st.Nlink == 0 {
		err = unix.ENOENT
	}
	return fd, err
}

// reservedIn returns a new reserved name. EPERM where it could be neither renamed nor removed.
func (r *Root) reservedIn(p parent) (string, error) {
	if appendOnly(p.fd) {
		return "", unix.EPERM
	}
	return r.reserved(), nil
}

func parentRel(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[1:i]
	}
	return "."
}

func (s *staged) openNamed() error {
	p, _, err := s.r.openParent(s.name)
	if err != nil {
		return err
	}
	fd := -1
	tmp, err := s.r.reservedIn(p)
	if err == nil {
		fd, err = unix.Openat(p.fd, tmp, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, newFileMode)
	}
	if err != nil {
		p.close()
		return err
	}
	s.fd, s.tmp, s.tmpDir = fd, tmp, p
	return nil
}

// Prepare readies the bytes for Commit.
func (s *staged) Prepare(modTime time.Time, durable bool) error {
	return pathError("prepare", s.name, s.prepare(modTime, durable))
}

func (s *staged) prepare(modTime time.Time, durable bool) error {
	if s.finished {
		return iofs.ErrClosed
	}
	if err := s.r.adopt(s.fd, s.name); err != nil {
		return err
	}
	if err := statFD(s.fd, &s.own); err != nil {
		return err
	}
	if err := s.tryBelow(); err != nil {
		return err
	}
	s.chosen = modTime
	if !durable {
		return nil // nothing here is slow: it is done under the latch
	}
	p, base, err := s.r.openParent(s.name)
	if err != nil {
		return err
	}
	defer p.close()
	if err := s.dress(p, base); err != nil {
		return err
	}
	s.durable = true
	if err := s.flushesEnd(); err != nil {
		return err
	}
	return s.secure()
}

// dress takes on the attributes of what base holds now and sets the modification time.
func (s *staged) dress(p parent, base string) error {
	var st unix.Statx_t
	err := statIn(p.fd, base, &st)
	if err == unix.ENOENT || err == nil && special(st.Mode) {
		return s.stamp(0)
	}
	if err != nil {
		return err
	}
	old, st, err := openAny(p.fd, base)
	if err == unix.ENOENT || err == ErrSpecial {
		return s.stamp(0)
	}
	if err != nil {
		return err
	}
	defer unix.Close(old)
	return s.takeOn(old, &st)
}

// takeOn takes on the attributes of the file that is to be replaced.
func (s *staged) takeOn(old int, st *unix.Statx_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return s.stamp(0)
	}
	if err := s.r.hook("attributes", s.name); err != nil {
		return err
	}
	own := s.own
	if s.took { // from another one, that has been replaced since
		if err := statFD(s.fd, &own); err != nil {
			return err
		}
	}
	if err := takeOn(s.fd, &own, old, st); err != nil {
		return err
	}
	s.took, s.from = true, identity(st)
	return s.stamp(s.from.Mtime)
}

// stamp sets the modification time: what was asked for, or a new one, strictly later than every
// earlier stamp and than that of the replaced file. Of a time that was asked for the second is kept.
func (s *staged) stamp(replaced int64) error {
	s.mtime, s.unsure = s.r.clock.mtime(s.chosen, replaced, s.r.device(device64(&s.own)))
	if err := s.r.setTimes(s.fd, s.name, s.mtime); err != nil {
		return err
	}
	s.stored = s.mtime
	if s.alone {
		return nil // what is stored is read when it is published
	}
	var st unix.Statx_t
	if err := statFD(s.fd, &st); err != nil {
		return err
	}
	s.stored = nanoseconds(st.Mtime)
	return nil
}

// dressedAs tells whether it took on what the file in this state has.
func (s *staged) dressedAs(st *unix.Statx_t) bool { return s.took && s.from == identity(st) }

// again is takeOn under the latch, when the state is not the one Prepare saw. The bytes are
// secured already, so only the inode is left to write.
func (s *staged) again(old int, st *unix.Statx_t) error {
	if s.dressedAs(st) {
		return nil
	}
	if err := s.takeOn(old, st); err != nil || !s.durable {
		return err
	}
	return s.secure()
}

// undress takes on what a new file has, when the file is gone that it took mode, owner and attributes from.
func (s *staged) undress() error {
	if !s.took {
		return nil
	}
	fresh, err := s.r.stage(s.name)
	if err != nil {
		return err
	}
	defer fresh.Discard()
	if err := s.r.adopt(fresh.fd, s.name); err != nil {
		return err
	}
	if err := statFD(fresh.fd, &fresh.own); err != nil {
		return err
	}
	return s.again(fresh.fd, &fresh.own)
}

// Discard drops the bytes.
func (s *staged) Discard() {
	if s.finished {
		return
	}
	s.finished = true
	_ = s.flushesEnd()
	s.dropName()
	if s.fd >= 0 {
		unix.Close(s.fd)
	}
	s.tmpDir.close()
}

// dropName removes the reserved name.
func (s *staged) dropName() {
	if s.tmp != "" {
		s.r.unlink(s.tmpDir.fd, s.tmp)
		s.tmp, s.lost = "", true
	}
}
