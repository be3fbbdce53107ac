package etagfs

import (
	"errors"
	"path"
	"slices"

	"ifmatch/fs"
)

// A symbolic link gives a resource a second name. Who writes through the link and who changes the link
// must not do so at once, or both could win with the same If-Match: so whoever changes a link holds what
// it leads to as well, and whoever came through a link holds the name that was asked for, too, and looks
// again, under the latch, where it leads. The links on the way are held, too, shared: what a Check finds out about them
// and the collections that they are in, such as who has locked those, is true until the step.

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
	var way []string
	for range linkTries {
		h := f.holdLinks(differing(names, real), beside, way)
		links, err := f.stillLead(names, real)
		if err == nil && h.has(links) {
			return h, nil
		}
		h.release()
		if err != nil {
			return nil, err
		}
		way = links
	}
	return nil, errRelinked
}

// stillLead returns the links on the way from names to real. Errors: errRelinked; those of Resolve.
func (f *FS) stillLead(names, real []string) (way []string, err error) {
	for i, name := range names {
		if name == real[i] {
			continue // a step on a real name follows no link
		}
		now, links, err := f.base.Way(name)
		if err != nil {
			return nil, err
		}
		if now != real[i] {
			return nil, errRelinked
		}
		way = append(way, links...)
	}
	return way, nil
}

// relinked is the error of a change that came too late: that of its Check for what name leads to now, or else
// fs.ErrBusy, since the step was readied for another place. What the Check did there is taken back.
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
	if err := f.check(real, w, last, nil)(cur); err != nil {
		return err
	}
	w.back()
	return fs.ErrBusy
}

// holdThemselves takes the latches of names that are changed themselves, of what those lead to that are
// symbolic links, and of the names beside. It returns the names with the links on the way to them
// resolved. Errors: those of Resolve; fs.ErrBusy when they change all the time.
func (f *FS) holdThemselves(names, beside []string) (h *held, real []string, err error) {
	for range linkTries {
		var way []string
		if real, way, err = f.realParents(names); err != nil {
			return nil, nil, err
		}
		h := f.holdLinks(differing(names, real), slices.Concat(real, beside), way)
		if slices.Equal(names, real) {
			return h, real, nil
		}
		now, links, err := f.realParents(names)
		if err == nil && slices.Equal(now, real) && h.has(links) {
			return h, real, nil
		}
		h.release()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fs.ErrBusy
}

// realParents returns the names with all but the last component resolved, and the links on the way.
func (f *FS) realParents(names []string) (real, way []string, err error) {
	real = make([]string, len(names))
	for i, name := range names {
		if real[i] = name; name == "/" {
			continue
		}
		dir, links, err := f.base.Way(path.Dir(name))
		if err != nil {
			return nil, nil, err
		}
		real[i], way = path.Join(dir, path.Base(name)), append(way, links...)
	}
	return real, way, nil
}

// holdLinks takes the latches of names, those of links with what they lead to, and, shared, those of way.
func (f *FS) holdLinks(names, links, way []string) *held {
	for {
		ends := f.ends(links)
		h := f.latch.holdAlong(slices.Concat(names, ends), way)
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
