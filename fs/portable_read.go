package fs

import (
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"syscall"
)

func (p *portable) Lookup(name string) (Info, error) {
	defer p.settled()()
	info, err := p.lookup(name)
	return info, pathError("lookup", name, err)
}

func (p *portable) lookup(name string) (Info, error) {
	info, err := p.state(name)
	if err != nil {
		return info, err
	}
	// The walk of os.Root follows links on the way, and what is asked for by such a name has another one.
	if real, _, err := follow(name, p.readlink); err == nil && real != name {
		return info, ErrNotDir
	}
	return info, p.oneName(name)
}

// settled waits, where links do not work, until no name is held by the empty file that reserves it.
func (p *portable) settled() (done func()) {
	if p.tried.Load().links {
		return func() {}
	}
	p.step.RLock()
	return p.step.RUnlock
}

// state reads the state of a real name. Errors: ErrSpecial for a link too, with its own state.
func (p *portable) state(name string) (Info, error) {
	rel, err := p.rel(name)
	if err != nil {
		return Info{}, err
	}
	fi, err := p.root.Lstat(rel)
	if err != nil {
		if _, ok := errors.AsType[syscall.Errno](err); !ok {
			err = ErrNotDir // a link on the way leads out, for which os.Root exports no error
		}
		return Info{}, err
	}
	if !fi.IsDir() && !fi.Mode().IsRegular() {
		return p.info(rel, fi), ErrSpecial
	}
	return p.info(rel, fi), nil
}

// info is the state that fi shows, with what the system can tell beside it.
func (p *portable) info(rel string, fi iofs.FileInfo) Info {
	info := commonInfo(fi)
	systemInfo(&info, fi, nil, p.root, rel)
	return info
}

func commonInfo(fi iofs.FileInfo) Info {
	mtime := fi.ModTime().UnixNano()
	return Info{
		Identity: Identity{SizeBytes: fi.Size(), Mtime: mtime, Ctime: mtime},
		Mode:     fi.Mode(), Links: 1,
	}
}

// portableFile is an open regular file on disk.
type portableFile struct {
	*os.File
	name string
	info Info
}

func (f *portableFile) Name() string { return f.name }
func (f *portableFile) Info() Info   { return f.info }

func (f *portableFile) Again() (Info, error) {
	info, err := fileInfo(f.File)
	return info, pathError("stat", f.name, err)
}

// fileInfo reads the state that a descriptor shows.
func fileInfo(f *os.File) (Info, error) {
	fi, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	info := commonInfo(fi)
	systemInfo(&info, fi, f, nil, "")
	return info, nil
}

// OpenRead asks for the kind first, since to open a FIFO releases a program that waits to write
// to it; should the name become a FIFO after that, openNonblock keeps us from waiting there.
func (p *portable) OpenRead(name string) (File, error) {
	defer p.settled()()
	info, err := p.lookup(name)
	if err == nil && info.IsCollection() {
		err = ErrIsDir
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	rel, _ := p.rel(name)
	f, err := p.root.OpenFile(rel, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	info, err = fileInfo(f)
	switch {
	case err != nil:
	case info.IsCollection():
		err = ErrIsDir
	case !info.Mode.IsRegular():
		err = ErrSpecial
	}
	if err != nil {
		f.Close()
		return nil, pathError("open", name, err)
	}
	return &portableFile{f, name, info}, nil
}

func (p *portable) List(name string, fn func(base string, info *Info) error) error {
	rel, err := p.rel(name)
	if err != nil {
		return pathError("list", name, err)
	}
	if info, err := p.state(name); err != nil || !info.IsCollection() {
		if err == nil {
			err = ErrNotDir
		}
		return pathError("list", name, err)
	}
	root, err := p.root.OpenRoot(rel)
	if err != nil {
		return pathError("list", name, err)
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return pathError("list", name, err)
	}
	defer dir.Close()
	var u unseen
	for {
		bases, err := dir.Readdirnames(256)
		for _, base := range bases {
			info, shown, err := p.member(root, name, base)
			if err := u.note(err); err != nil {
				return err
			}
			if !shown {
				continue
			}
			if err := fn(base, &info); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return u.err
		}
		if err != nil {
			return pathError("list", name, err)
		}
	}
}

// member reads the state of one member; false: it is not to be shown. Errors are of its name.
func (p *portable) member(dir *os.Root, name, base string) (info Info, shown bool, err error) {
	if Reserved(base) {
		return Info{}, false, nil
	}
	defer p.settled()()
	fi, err := dir.Lstat(base)
	switch {
	case err != nil:
		return Info{}, false, pathError("lookup", path.Join(name, base), err)
	case fi.Mode()&iofs.ModeSymlink != 0:
		real, err := p.Resolve(path.Join(name, base))
		if err == nil {
			info, err = p.state(real)
			info.Real = real
		}
		return info, err == nil, pathError("lookup", path.Join(name, base), err)
	case !fi.IsDir() && !fi.Mode().IsRegular():
		return Info{}, false, nil
	}
	info = commonInfo(fi)
	systemInfo(&info, fi, nil, dir, base)
	return info, true, nil
}

// target reads the state of what a link leads to.
func (p *portable) target(name string) (Info, error) {
	real, err := p.Resolve(name)
	if err != nil {
		return Info{}, err
	}
	return p.state(real)
}
