package fs

import (
	"errors"
	iofs "io/fs"
	"strings"
)

// maxLinks bounds the links that one name may lead through, as Linux does.
const maxLinks = 40

// follow resolves the symbolic links of name by hand, component by component, and returns the real names of those that it
// met. Its answer was true at some moment of the walk; if it no longer is, the operation on the real name says so, for it
// follows nothing. readlink returns what the link at a real name says; more tells that there are components behind it.
func follow(name string, readlink func(at string, more bool) (target string, link bool, err error)) (real string, links []string, err error) {
	todo := strings.Split(name[1:], "/")
	for len(todo) > 0 {
		base := todo[0]
		todo = todo[1:]
		switch {
		case base == "" || base == ".":
			continue
		case base == ".." && real == "": // only a link can bring it here
			return "", nil, iofs.ErrNotExist
		case base == "..":
			real = real[:strings.LastIndexByte(real, '/')]
			continue
		case len(links) > 0 && Reserved(base):
			return "", nil, iofs.ErrNotExist
		}
		at := real + "/" + base
		target, link, err := readlink(at, len(todo) > 0)
		switch {
		case errors.Is(err, iofs.ErrNotExist) && len(todo) == 0: // unmapped
			return at, links, nil
		case err != nil:
			return "", nil, err
		case !link:
			real = at
			continue
		case target == "" || target[0] == '/': // leads out
			return "", nil, iofs.ErrNotExist
		}
		if links = append(links, at); len(links) > maxLinks {
			return "", nil, ErrLoop
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	if real == "" {
		real = "/"
	}
	return real, links, nil
}
