package etagfs

import (
	"errors"
	"slices"

	"ifmatch/fs"
)

// A symbolic link gives a resource a second name. Who writes through the link and who changes the link
// must not do so at once, or both could win with the same If-Match: so whoever changes a link holds what
// it leads to as well, and whoever came through a link holds the name that was asked for, too, and looks
// again, under the latch, where it leads.

// errRelinked says that a name leads elsewhere by now.
var errRelinked = errors.New("a symbolic link has changed")

// linkTries bounds how often an operation begins again because a link on the way has changed.
const linkTries = 20

// holdReal takes the latch of what name leads to, and those of the names beside. Error: errRelinked, or that of Resolve.
func (f *FS) holdReal(name, real string, beside []string) (*held, error) {
	return f.holdAll([]string{name}, []string{real}, beside)
}

// holdAll takes the latches of names, which were found to lead to real, and those of the names beside.
// Error: errRelinked, or that of Resolve.
func (f *FS) holdAll(names, real, beside []string) (*held, error) {
	h := f.holdLinks(differing(names, real), beside)
	for i, name := range names {
		if name == real[i] {
			continue // a step on a real name follows no link
		}
		now, err := f.base.Resolve(name)
		if err == nil && now != real[i] {
			err = errRelinked
		}
		if err != nil {
			h.release()
			return nil, err
		}
	}
	return h, nil
}

// relinked is the error of a change that came too late: that of its Check for what name leads to now, or else
// fs.ErrBusy, since the step was readied for another place.
func (f *FS) relinked(name string, last bool, w Write, err error) error {
	if err != errRelinked {
		return err
	}
	real, err := f.base.Resolve(name)
	if err != nil {
		return err
	}
	defer f.latch.hold(real).release()
	cur, err := f.current(real)
	if err != nil {
		return err
	}
	if err := f.check(real, w, last)(cur); err != nil {
		return err
	}
	return fs.ErrBusy
}

// holdThemselves takes the latches of names that are changed themselves, of what those lead to that are
// symbolic links, and of the names beside. It returns the names with the links on the way to them
// resolved. Errors: those of Resolve; fs.ErrBusy when they change all the time.
func (f *FS) holdThemselves(names, beside []string) (h *held, real []string, err error) {
	for range linkTries {
		if real, err = f.realParents(names); err != nil {
			return nil, nil, err
		}
		h := f.holdLinks(differing(names, real), slices.Concat(real, beside))
		if slices.Equal(names, real) {
			return h, real, nil
		}
		now, err := f.realParents(names)
		if err == nil && slices.Equal(now, real) {
			return h, real, nil
		}
		h.release()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fs.ErrBusy
}

func (f *FS) realParents(names []string) ([]string, error) {
	real := make([]string, len(names))
	for i, name := range names {
		var err error
		if real[i], err = f.realParent(name); err != nil {
			return nil, err
		}
	}
	return real, nil
}

// holdLinks takes the latches of names, and those of links with what they lead to.
func (f *FS) holdLinks(names, links []string) *held {
	for {
		ends := f.ends(links)
		h := f.latch.hold(slices.Concat(names, ends)...)
		if len(links) == 0 || slices.Equal(ends, f.ends(links)) {
			return h
		}
		h.release()
	}
}

// ends returns the names and what they lead to.
func (f *FS) ends(names []string) []string {
	all := slices.Clone(names)
	for _, n := range names {
		if real, err := f.base.Resolve(n); err == nil && real != n {
			all = append(all, real)
		}
	}
	return all
}

// differing returns the real names, and those of names that are not.
func differing(names, real []string) []string {
	all := slices.Clone(real)
	for i, n := range names {
		if n != real[i] {
			all = append(all, n)
		}
	}
	return all
}
