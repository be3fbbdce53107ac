package fs

import (
	"errors"
	iofs "io/fs"
	"path"
)

func (p *portable) Move(src, dst string, _ bool, check func(src, dst *Info) error) (info Info, release func(), err error) {
	err = errors.Join(p.writable(src), p.writable(dst))
	if err == nil && Overlap(src, dst) {
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
		if to.self != nil && to.cur == nil { // a link to nothing that is served
			return Info{}, nil, pathError("move", dst, ErrSpecial)
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
	if from.self.Mode&iofs.ModeSymlink != 0 {
		if err = leadsOn(src, dst, p.readlink); err != nil {
			return Info{}, "", false, err
		}
	}
	if to.self != nil && (to.self.IsCollection() || from.self.IsCollection()) {
		if away, err = p.stepAside(dstRel); err != nil {
			return Info{}, "", false, err
		}
	}
	if err = p.hook("rename", src); err == nil {
		err = overOpen(p.root, dstRel, p.root.Rename(srcRel, dstRel))
	}
	if err != nil {
		if away != "" && p.hook("rename", dst) == nil {
			p.root.Rename(path.Join(away, path.Base(dstRel)), dstRel)
			p.root.Remove(away)
		}
		return Info{}, "", false, err
	}
	// What another program did to it in this moment makes no error of what was done: then the state is that of before.
	info = *from.self
	if from.self.Mode&iofs.ModeSymlink != 0 {
		if fi, err := p.root.Lstat(dstRel); err == nil {
			info = commonInfo(fi)
		}
	} else if now, err := p.look(dst); err == nil {
		info = now
	}
	return info, away, true, nil
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
