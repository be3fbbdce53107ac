package fs

import (
	"errors"
	iofs "io/fs"
	"path"
	"path/filepath"
	"time"
)

func (p *portable) MakeCollection(name string) (Info, error) {
	err := p.writable(name)
	var rel string
	if name == "/" && !p.readOnly() {
		err = iofs.ErrExist
	}
	if err == nil {
		rel, err = p.rel(name)
	}
	if err == nil {
		err = p.hook("mkdir", name)
	}
	if err == nil {
		err = p.root.Mkdir(rel, newDirMode)
	}
	if err != nil {
		return Info{}, pathError("mkdir", name, err)
	}
	info, err := p.look(name)
	if err != nil {
		p.root.Remove(rel)
	}
	return info, pathError("mkdir", name, err)
}

// look is state after a step: whoever calls it either has a true answer without it or takes the step back.
func (p *portable) look(name string) (Info, error) {
	if err := p.hook("look", name); err != nil {
		return Info{}, err
	}
	return p.state(name)
}

// portablePlace is what stands at a name: itself, and the state that a check sees.
type portablePlace struct {
	self *Info // nil when unmapped; a link itself
	cur  *Info // what a link leads to, nil when it leads to nothing
}

// place reads what is at a name that is to be retired or moved. Error ErrSpecial: no resource.
func (p *portable) place(name string) (portablePlace, error) {
	rel, err := p.rel(name)
	if err != nil {
		return portablePlace{}, err
	}
	fi, err := p.root.Lstat(rel)
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return portablePlace{}, nil
	case err != nil:
		return portablePlace{}, err
	case fi.Mode()&iofs.ModeSymlink != 0:
		self := commonInfo(fi)
		at := portablePlace{self: &self}
		if target, err := p.target(name); err == nil {
			at.cur = &target
		}
		return at, nil
	case !fi.IsDir() && !fi.Mode().IsRegular():
		return portablePlace{}, ErrSpecial
	}
	info := p.info(rel, fi)
	return portablePlace{&info, &info}, nil
}

func (a portablePlace) same(b portablePlace) bool {
	return sameInfo(a.self, b.self) && sameInfo(a.cur, b.cur)
}

func (p *portable) Retire(name string, exact bool, check func(cur *Info) error) (release func(), err error) {
	if err := p.writable(name); err != nil {
		return nil, pathError("retire", name, err)
	}
	for {
		at, err := p.place(name)
		if err == nil && at.self == nil {
			err = iofs.ErrNotExist
		}
		if err != nil {
			return nil, pathError("retire", name, err)
		}
		if err := check(copyInfo(at.cur)); err != nil {
			return nil, err
		}
		away, err := p.takeOut(name, at, exact)
		if err != nil {
			return nil, pathError("retire", name, err)
		}
		if away != "" {
			return func() { p.remove(away) }, nil
		}
	}
}

// takeOut renames what is at name to a reserved name, relative to the root, if it is still what
// at says; "": it is not.
func (p *portable) takeOut(name string, at portablePlace, exact bool) (away string, err error) {
	p.step.Lock()
	defer p.step.Unlock()
	now, err := p.place(name)
	if err != nil || !now.same(at) {
		return "", err
	}
	rel, _ := p.rel(name)
	away = path.Join(path.Dir(rel), p.reserved())
	if err := p.hook("rename", name); err != nil {
		return "", err
	}
	if err := p.root.Rename(rel, away); err != nil {
		return "", err
	}
	if !exact || at.self.Mode&iofs.ModeSymlink != 0 {
		return away, nil
	}
	// Look at what came out. The rename itself moved the time of change.
	out, err := p.state("/" + away)
	if err == nil && sameButCtime(out, *at.self) {
		return away, nil
	}
	return "", p.putBack(away, rel)
}

func sameButCtime(a, b Info) bool {
	a.Ctime, b.Ctime = 0, 0
	return a == b
}

// putBack returns what was taken out by mistake, unless the name is another's by now: then that
// one has overwritten it.
func (p *portable) putBack(away, rel string) error {
	if err := p.hook("rename", "/"+rel); err != nil {
		return err
	}
	if p.tried.Load().links && giveName(p.root, away, rel) == nil {
		return ignoreGone(p.root.Remove(away))
	}
	if _, err := p.root.Lstat(rel); err == nil {
		return p.root.RemoveAll(away)
	}
	return p.root.Rename(away, rel)
}

func (p *portable) remove(rel string) {
	err := p.hook("unlink", "/"+rel)
	if err == nil {
		err = p.root.RemoveAll(rel)
	}
	if err != nil { // the next sweep does it
		p.tried.Load().left(filepath.Join(p.root.Name(), rel), err)
	}
}

// SetModTime holds nobody off, so that it does not know what was there before.
func (p *portable) SetModTime(name string, t time.Time) (was Identity, info Info, err error) {
	var mtime int64
	var unsure bool
	if p.readOnly() {
		err = ErrReadOnly
	}
	if err == nil {
		info, err = p.state(name)
	}
	if err == nil {
		err = p.hook("utimes", name)
	}
	if err == nil {
		rel, _ := p.rel(name)
		mtime, unsure = p.clock.mtime(t, 0, p.device(info.Dev))
		err = p.root.Chtimes(rel, time.Time{}, time.Unix(0, mtime))
	}
	if err != nil {
		return was, Info{}, pathError("settime", name, err)
	}
	if now, err := p.look(name); err == nil {
		info = now // else it stays that of before, which is nobody's any more
	}
	info.Unsure = unsure || info.Mtime != mtime
	return was, info, nil
}

// SyncAll has the system write what was written.
func (p *portable) SyncAll() error {
	err := p.hook("fsync", "/")
	if err == nil {
		err = p.syncs.of(syncAll)
	}
	return pathError("sync", "/", err)
}

// SyncDir makes the names in a directory durable, where directories can be synced at all.
func (p *portable) SyncDir(name string) error {
	rel, err := p.rel(name)
	if err != nil {
		return pathError("sync", name, err)
	}
	return pathError("sync", name, p.flush.do(rel, func() error {
		if err := p.hook("fsync", name); err != nil {
			return err
		}
		if info, err := p.state(name); err != nil || !info.IsCollection() {
			if err == nil {
				err = ErrNotDir
			}
			return err
		}
		dir, err := p.root.Open(rel)
		if err != nil {
			return err
		}
		defer dir.Close()
		return p.syncs.of(func() error { return syncDir(dir) })
	}))
}

func (p *portable) Usage(name string) (Usage, error) {
	rel, err := p.rel(name)
	if err != nil {
		return Usage{}, pathError("usage", name, err)
	}
	if _, err := p.state(name); err != nil {
		return Usage{}, pathError("usage", name, err)
	}
	dir, err := p.root.Open(rel)
	if err != nil {
		return Usage{}, pathError("usage", name, err)
	}
	defer dir.Close()
	usage, err := diskUsage(dir)
	return usage, pathError("usage", name, err)
}
