package etagfs

import (
	iofs "io/fs"

	"ifmatch/fs"
)

// A COPY of a collection opens each resource under its latch, and what goes along with it is read at the same moment: after
// that, another one may be moved to the name. The bytes are read without the latch, since a descriptor shows one
// state, or tells that it does not. The latch is given back before the next one is taken.

// open opens a member that is a file.
func (c *copying) open(src, to string) (file fs.File, keep func() error, err error) {
	if c.Carry == nil {
		file, err = c.from.base.OpenRead(src)
		return file, nil, err
	}
	defer c.from.latch.look(src).release()
	if file, err = c.from.base.OpenRead(src); err != nil {
		return nil, nil, err
	}
	if keep, err = c.carry(src, to); err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, keep, nil
}

// enter is what open is for a collection. Its members are opened one by one. Errors: as Lookup, and ErrNotDir.
func (c *copying) enter(src, to string) (keep func() error, err error) {
	if c.Carry == nil {
		return nil, nil
	}
	defer c.from.latch.look(src).release()
	now, err := c.from.base.Lookup(src)
	if err != nil {
		return nil, err
	}
	if !now.IsCollection() {
		return nil, &iofs.PathError{Op: "copy", Path: src, Err: fs.ErrNotDir}
	}
	return c.carry(src, to)
}

func (c *copying) carry(src, to string) (keep func() error, err error) {
	keep, err = c.Carry(src, to[len(c.hidden):])
	if err != nil {
		err = &carryError{err}
	}
	return keep, err
}

// carried calls what Carry returned.
func carried(keep func() error) error {
	if keep == nil {
		return nil
	}
	if err := keep(); err != nil {
		return &carryError{err}
	}
	return nil
}

// carryError is what Carry failed with.
type carryError struct{ error }

func (e *carryError) Unwrap() error { return e.error }
