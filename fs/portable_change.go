package fs

import (
	"errors"
	iofs "io/fs"
	"path"
	"strings"
	"time"
)

func (p *portable) MakeCollection(name string) (Info, error) {
	err := p.writable(name)
	var rel string
	if name == "/" && !p.opts.ReadOnly {
		err = iofs.ErrExist
	}
	if err == nil {
		rel, err = p.rel(name)
	}
	if err == nil {
		err = p.hook("mkdir", name)
	}
	if err == nil {
		err = p.root.Mkdir(rel, iofs.FileMode(p.opts.dirMode()))
	}
	if err != nil {
		return Info{}, pathError("mkdir", name, err)
	}
	return p.Lookup(name)
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
	if p.links && p.root.Link(away, rel) == nil {
		return p.root.Remove(away)
	}
	if _, err := p.root.Lstat(rel); err == nil {
		return p.root.RemoveAll(away)
	}
	return p.root.Rename(away, rel)
}

func (p *portable) remove(rel string) {
	if p.hook("unlink", "/"+rel) == nil {
		p.root.RemoveAll(rel) // what stays behind is swept
	}
}

func (p *portable) Move(src, dst string, _ bool, check func(src, dst *Info) error) (info Info, release func(), err error) {
	err = errors.Join(p.writable(src), p.writable(dst))
	if err == nil && (within(dst, src) || within(src, dst)) {
		err = iofs.ErrInvalid // a collection cannot move into itself or replace its parent
	}
	if err != nil {
		return Info{}, nil, pathError("move", src, err)
	}
	for {
		from, err := p.place(src)
		if err == nil && from.self == nil {
			err = iofs.ErrNotExist
		}
		if err != nil {
			return Info{}, nil, pathError("move", src, err)
		}
		to, err := p.place(dst)
		if err != nil {
			return Info{}, nil, pathError("move", dst, err)
		}
		if err := check(copyInfo(from.cur), copyInfo(to.cur)); err != nil {
			return Info{}, nil, err
		}
		info, away, done, err := p.rename(src, dst, from, to)
		if err != nil {
			return Info{}, nil, pathError("move", src, err)
		}
		if done {
			return info, func() {
				if away != "" {
					p.remove(away)
				}
			}, nil
		}
	}
}

// wasSuffix ends the name of a reserved directory that holds what a MOVE is about to overwrite,
// under its own name: after a crash the sweep puts it back if the name is still free.
const wasSuffix = "-was"

// rename makes the step of Move if both names are still what from and to say. Two files are
// one rename; where a collection is overwritten, it steps aside first.
func (p *portable) rename(src, dst string, from, to portablePlace) (info Info, away string, done bool, err error) {
	p.step.Lock()
	defer p.step.Unlock()
	nowFrom, err := p.place(src)
	if err != nil || !nowFrom.same(from) {
		return Info{}, "", false, err
	}
	nowTo, err := p.place(dst)
	if err != nil || !nowTo.same(to) {
		return Info{}, "", false, err
	}
	srcRel, _ := p.rel(src)
	dstRel, _ := p.rel(dst)
	if to.self != nil && (to.self.IsCollection() || from.self.IsCollection()) {
		if away, err = p.stepAside(dstRel); err != nil {
			return Info{}, "", false, err
		}
	}
	if err = p.hook("rename", src); err == nil {
		err = p.root.Rename(srcRel, dstRel)
	}
	if err != nil {
		if away != "" && p.hook("rename", dst) == nil {
			p.root.Rename(path.Join(away, path.Base(dstRel)), dstRel)
			p.root.Remove(away)
		}
		return Info{}, "", false, err
	}
	if from.self.Mode&iofs.ModeSymlink != 0 {
		fi, err := p.root.Lstat(dstRel)
		if err == nil {
			info = commonInfo(fi)
		}
		return info, away, true, err
	}
	info, err = p.state(dst)
	return info, away, true, err
}

func (p *portable) stepAside(rel string) (away string, err error) {
	away = path.Join(path.Dir(rel), p.reserved()+wasSuffix)
	if err := p.hook("mkdir", "/"+rel); err != nil {
		return "", err
	}
	if err := p.root.Mkdir(away, 0o700); err != nil {
		return "", err
	}
	err = p.hook("rename", "/"+rel)
	if err == nil {
		err = p.root.Rename(rel, path.Join(away, path.Base(rel)))
	}
	if err != nil {
		if p.hook("unlink", "/"+rel) == nil {
			p.root.Remove(away)
		}
		return "", err
	}
	return away, nil
}

func (p *portable) SetModTime(name string, t time.Time) (Info, error) {
	var err error
	if p.opts.ReadOnly {
		err = ErrReadOnly
	}
	if err == nil {
		_, err = p.state(name)
	}
	if err == nil {
		err = p.hook("utimes", name)
	}
	if err == nil {
		rel, _ := p.rel(name)
		stamp := chosenTime(t, p.clock.stamp(0, p.storeNS))
		err = p.root.Chtimes(rel, time.Time{}, time.Unix(0, stamp))
	}
	if err != nil {
		return Info{}, pathError("settime", name, err)
	}
	return p.Lookup(name)
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
		return syncDir(dir)
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

// isWas tells whether a reserved base name is that of a collection that stepped aside.
func isWas(base string) bool { return strings.HasSuffix(base, wasSuffix) }
