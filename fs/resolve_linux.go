package fs

import (
	iofs "io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks bounds the links that one name may lead through, as the kernel does.
const maxLinks = 40

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
		real, links, err = r.walk(name)
		return real, links, pathError("resolve", name, err)
	}
	return "", nil, pathError("resolve", name, err)
}

// walk follows the links of name by hand. Its answer was true at some moment of the walk; if
// it no longer is, the operation on the real name says so, for it follows nothing.
func (r *Root) walk(name string) (real string, links []string, err error) {
	todo := strings.Split(name[1:], "/")
	for len(todo) > 0 {
		base := todo[0]
		todo = todo[1:]
		switch base {
		case "", ".":
			continue
		case "..": // only a link can bring it here
			if real == "" {
				return "", nil, iofs.ErrNotExist
			}
			real = real[:strings.LastIndexByte(real, '/')]
			continue
		}
		if len(links) > 0 && Reserved(base) {
			return "", nil, iofs.ErrNotExist
		}
		at := real + "/" + base
		target, err := r.readlink(at)
		switch {
		case err == unix.EINVAL: // no link
			real = at
		case err == unix.ENOENT && len(todo) == 0: // unmapped
			return at, links, nil
		case err != nil:
			return "", nil, err
		case target == "" || target[0] == '/': // leads out
			return "", nil, iofs.ErrNotExist
		default:
			if links = append(links, at); len(links) > maxLinks {
				return "", nil, ErrLoop
			}
			todo = append(strings.Split(target, "/"), todo...)
		}
	}
	if real == "" {
		return "/", links, nil
	}
	return real, links, nil
}

// readlink returns what the link at a real name says. Error EINVAL: it is no link.
func (r *Root) readlink(name string) (string, error) {
	p, base, err := r.openParent(name)
	if err != nil {
		return "", err
	}
	defer p.close()
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(p.fd, base, buf[:])
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
