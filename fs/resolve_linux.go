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
		unix.Close(fd)
		return name, nil, nil
	case unix.ENOENT:
		// Unmapped, or its parent is.
		p, _, err := r.openParent(name)
		if err == nil {
			p.close()
			return name, nil, nil
		}
		return "", nil, pathError("resolve", name, err)
	case ErrSpecial, ErrNotDir:
		real, links, err = follow(name, r.readlink)
		return real, links, pathError("resolve", name, err)
	}
	return "", nil, pathError("resolve", name, err)
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
