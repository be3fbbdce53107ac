package fs

import (
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"time"
)

// portableStaged is a reserved file beside the name that it is for.
type portableStaged struct {
	p       *portable
	name    string
	rel     string
	tmp     string // relative to the root, as rel
	file    *os.File
	dev     uint64 // number of its file system
	like    Info   // what Prepare took mode and owner from; Ino 0 and no mode: from nothing
	chosen  time.Time
	mtime   int64
	unsure  bool // another state may have it
	durable bool
	done    bool
}

func (p *portable) Stage(name string) (Staged, error) {
	s, err := p.stage(name)
	if err != nil {
		return nil, pathError("stage", name, err)
	}
	return s, nil
}

func (p *portable) stage(name string) (*portableStaged, error) {
	if err := p.writable(name); err != nil {
		return nil, err
	}
	rel, err := p.rel(name)
	if err != nil {
		return nil, err
	}
	// The bytes must not be easier to read while they are staged than they were before.
	perm := iofs.FileMode(newFileMode)
	if cur, err := p.state(name); err == nil {
		perm = cur.Mode.Perm()
	}
	tmp := path.Join(path.Dir(rel), p.reserved())
	if err := p.hook("create", name); err != nil {
		return nil, err
	}
	f, err := p.root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	lockStaged(f)
	s := &portableStaged{p: p, name: name, rel: rel, tmp: tmp, file: f}
	if s.dev, err = p.tryBelow(f, tmp); err != nil {
		s.Discard()
		return nil, err
	}
	return s, nil
}

func (s *portableStaged) Write(b []byte) (int, error) {
	if err := s.p.hook("write", s.name); err != nil {
		return 0, pathError("write", s.name, err)
	}
	n, err := s.file.Write(b)
	return n, pathError("write", s.name, err)
}

func (s *portableStaged) ReadFrom(r io.Reader) (int64, error) {
	if err := s.p.hook("write", s.name); err != nil {
		return 0, pathError("write", s.name, err)
	}
	src := &sourceReader{r: r}
	n, err := s.file.ReadFrom(src)
	if src.err != nil && errors.Is(err, src.err) {
		return n, err // of the source: not ours to name
	}
	return n, pathError("write", s.name, err)
}

// sourceReader remembers its error, so that it is not taken for one of the disk.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Expect lets all pass: only writing tells.
func (s *portableStaged) Expect(int64, bool) error { return nil }

// WriteOut does nothing: what would have to be written waits for fsync.
func (s *portableStaged) WriteOut(int64, int64) {}

func (s *portableStaged) Prepare(modTime time.Time, durable bool) error {
	s.chosen, s.durable = modTime, durable
	cur, err := s.p.state(s.name)
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return pathError("prepare", s.name, err)
	}
	return pathError("prepare", s.name, s.prepare(cur))
}

// prepare takes on what cur has (its zero: nothing is there), stamps and, when asked for, syncs,
// in this order: what is synced includes the time.
func (s *portableStaged) prepare(cur Info) error {
	if cur.Mode != 0 && cur.Mode.IsRegular() {
		if err := s.p.hook("chmod", s.name); err != nil {
			return err
		}
		if err := keepOwner(s.p.root, s.rel, s.file); err != nil {
			return err
		}
		if err := s.file.Chmod(cur.Mode & (iofs.ModePerm | iofs.ModeSetuid | iofs.ModeSetgid | iofs.ModeSticky)); err != nil {
			return err
		}
	}
	s.mtime, s.unsure = s.p.clock.mtime(s.chosen, cur.Mtime, s.p.device(s.dev))
	if err := s.p.hook("utimes", s.name); err != nil {
		return err
	}
	if err := setStagedTime(s.p.root, s.tmp, s.file, time.Unix(0, s.mtime)); err != nil {
		return err
	}
	if s.durable {
		if err := s.p.hook("fsync", s.name); err != nil {
			return err
		}
		if err := s.p.syncs.of(s.file.Sync); err != nil {
			return err
		}
	}
	s.like = cur
	return nil
}

func (s *portableStaged) Commit(_ bool, check func(*Info) error) (info Info, created bool, release func(), err error) {
	if s.done {
		return Info{}, false, nil, pathError("commit", s.name, iofs.ErrClosed)
	}
	for {
		cur, err := s.p.fileState(s.name)
		if err != nil {
			return Info{}, false, nil, pathError("commit", s.name, err)
		}
		if err := check(copyInfo(cur)); err != nil {
			return Info{}, false, nil, err
		}
		if err := s.takeOn(cur); err != nil {
			return Info{}, false, nil, pathError("commit", s.name, err)
		}
		info, done, err := s.put(cur)
		if err != nil {
			return Info{}, false, nil, pathError("commit", s.name, err)
		}
		if done {
			s.done = true
			s.file.Close()
			return info, cur == nil, func() {}, nil
		}
	}
}

// fileState reads what is at a name that a file is to be put to, nil when unmapped.
func (p *portable) fileState(name string) (*Info, error) {
	info, err := p.state(name)
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return nil, nil // a missing parent shows in the step
	case err == nil && info.IsCollection():
		return nil, ErrIsDir
	case err != nil:
		return nil, err
	}
	return &info, nil
}

// takeOn prepares again if the target is no longer what Prepare saw. What it took on from a file that is gone does no harm.
func (s *portableStaged) takeOn(cur *Info) error {
	if cur == nil || *cur == s.like {
		return nil
	}
	return s.prepare(*cur)
}

// put makes the step if the state is still cur; false: it is not.
func (s *portableStaged) put(cur *Info) (info Info, done bool, err error) {
	p := s.p
	p.step.Lock()
	defer p.step.Unlock()
	now, err := p.fileState(s.name)
	if err != nil || !sameInfo(now, cur) {
		return Info{}, false, err
	}
	if cur == nil {
		err = s.create()
	} else if err = p.hook("rename", s.name); err == nil {
		err = overOpen(p.root, s.rel, p.root.Rename(s.tmp, s.rel))
	}
	if cur == nil && errors.Is(err, iofs.ErrExist) {
		return Info{}, false, nil // another program was faster
	}
	if err != nil {
		return Info{}, false, err
	}
	// Read after the step, which moves ctime; from the descriptor, for the name may be another's by now.
	info, err = fileInfo(s.file)
	info.Unsure = s.unsure || info.Mtime != s.mtime
	return info, err == nil, err
}

// create gives the name to the staged file. Error iofs.ErrExist: somebody has it.
// Where links do not work an empty file reserves the name until the rename; p.step keeps
// the readers of this process from seeing it.
func (s *portableStaged) create() error {
	p := s.p
	if p.tried.Load().links {
		if err := p.hook("link", s.name); err != nil {
			return err
		}
		if err := giveName(p.root, s.tmp, s.rel); err != nil {
			return err
		}
		if p.hook("unlink", s.name) == nil {
			p.root.Remove(s.tmp) // what stays behind is swept: the name is given
		}
		return nil
	}
	return s.createLinkless()
}

// newSuffix ends the name of a reserved directory that holds the name which an empty file
// reserves: after a crash the sweep removes that file.
const newSuffix = "-new"

func (s *portableStaged) createLinkless() (err error) {
	p := s.p
	mark := path.Join(path.Dir(s.rel), p.reserved()+newSuffix)
	if err := p.hook("mkdir", s.name); err != nil {
		return err
	}
	if err := p.root.Mkdir(mark, 0o700); err != nil {
		return err
	}
	defer p.remove(mark)
	if err := p.root.Mkdir(path.Join(mark, path.Base(s.rel)), 0o700); err != nil {
		return err
	}
	if err := p.hook("create", s.name); err != nil {
		return err
	}
	f, err := p.root.OpenFile(s.rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	if err = p.hook("rename", s.name); err == nil {
		err = p.root.Rename(s.tmp, s.rel)
	}
	if err != nil && p.hook("unlink", s.name) == nil {
		p.root.Remove(s.rel)
	}
	return err
}

func (s *portableStaged) Discard() {
	if s.done {
		return
	}
	s.done = true
	s.file.Close()
	if s.p.hook("unlink", s.name) == nil {
		s.p.root.Remove(s.tmp)
	}
}
