package etagfs

import (
	"errors"
	"slices"

	"ifmatch/fs"
)

// A symbolic link gives a resource a second name. Who writes through the link and who changes the link
// must not do so at once, or both could win with the same If-Match: so whoever changes a link holds what
// it leads to as well, and whoever came through a link looks again, under the latch, where it leads.

// errRelinked says that a name leads elsewhere by now.
var errRelinked = errors.New("a symbolic link has changed")

// holdReal takes the latch of what name leads to, and those of the names beside. Error: errRelinked, or that of Resolve.
func (f *FS) holdReal(name, real string, beside []string) (*held, error) {
	h := f.latch.hold(append([]string{real}, beside...)...)
	if name == real {
		return h, nil
	}
	now, err := f.base.Resolve(name)
	if err == nil && now != real {
		err = errRelinked
	}
	if err != nil {
		h.release()
		return nil, err
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

// holdLinks takes the latches of names that are changed themselves, and of what those lead to that are
// symbolic links.
func (f *FS) holdLinks(names ...string) *held {
	for {
		all := f.ends(names)
		h := f.latch.hold(all...)
		if slices.Equal(all, f.ends(names)) {
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
