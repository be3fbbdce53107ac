package fs

import (
	"golang.org/x/sys/unix"
)

// Resolve follows the symbolic links in name.
func (r *Root) Resolve(name string) (string, error) {
	real, _, err := r.Way(name)
	return real, err
}

// Way is Resolve with the links. Most names have none: then the kernel says so in one walk.
func (r *Root) Way(name string) (real string, links []string, err error) {
	if err := checkName(name); err != nil {
		return "", nil, pathError("resolve", name, err)
	}
	fd, err := openInside(r.fd, rel(name), unix.O_PATH, 0)
	switch err {
	case nil:
		err = r.oneNameFD(name, fd)
		unix.Close(fd)
		return name, nil, pathError("resolve", name, err)
	case unix.ENOENT:
		return name, nil, pathError("resolve", name, r.unmapped(name))
	case ErrSpecial, ErrNotDir:
		real, links, err = follow(name, r.readlink)
		if err == nil {
			err = r.oneReal(real)
		}
		return real, links, pathError("resolve", name, err)
	}
	return "", nil, pathError("resolve", name, err)
}

// oneReal is oneName for what links lead to; what became of it meanwhile says whoever comes to it.
func (r *Root) oneReal(name string) error {
	st, err := r.stat(name)
	switch err {
	case nil:
		return r.oneName(name, &st)
	case unix.ENOENT:
		return r.unmapped(name)
	}
	return nil
}

// unmapped looks whether the parent of an unmapped name is there by this name.
func (r *Root) unmapped(name string) error {
	p, base, err := r.openParent(name)
	if err != nil {
		return err
	}
	defer p.close()
	if name = name[:len(name)-len(base)-1]; name == "" {
		return nil
	}
	return r.oneNameFD(name, p.fd)
}

func (r *Root) oneNameFD(name string, fd int) error {
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return err
	}
	return r.oneName(name, &st)
}

// readlink is for follow.
func (r *Root) readlink(name string, _ bool) (target string, link bool, err error) {
	p, base, err := r.openParent(name)
	if err != nil {
		return "", false, err
	}
	defer p.close()
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(p.fd, base, buf[:])
	switch err {
	case nil:
		return string(buf[:n]), true, nil
	case unix.EINVAL: // it is no link
		err = nil
	}
	return "", false, err
}
