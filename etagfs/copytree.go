package etagfs

import (
	"context"
	"errors"
	iofs "io/fs"
	"path"
	"slices"

	"ifmatch/fs"
)

// A COPY that no single commit can make is built under a reserved name, and moved into place.

// collection copies a collection.
func (c *copying) collection(ctx context.Context) (*Info, bool, error) {
	c.hidden = c.to.base.Hidden(c.dst)
	if err := c.room.need(1 - c.freed); err != nil { // as for MakeCollection
		return nil, false, err
	}
	from, err := c.from.base.Lookup(c.src)
	if err != nil {
		return nil, false, err
	}
	if err := c.build(ctx, c.src, c.hidden, nil); err != nil {
		c.abandon(c.hidden)
		return nil, false, err
	}
	return c.place(c.hidden, &copied{Info: from}, true)
}

// over replaces a collection with a copy of a file, since staged bytes replace files only.
func (c *copying) over(ctx context.Context, last bool) (*Info, bool, error) {
	hidden := c.to.base.Hidden(c.dst)
	file, err := c.from.base.OpenRead(c.src)
	if err != nil {
		return nil, false, err
	}
	from, err := c.buildFile(ctx, file, hidden)
	if err != nil {
		return nil, false, err
	}
	return c.place(hidden, &from, last)
}

// place moves the copy of from that was built at hidden to dst, in one step, if the Check accepts; else
// it gives the copy back.
func (c *copying) place(hidden string, from *copied, last bool) (*Info, bool, error) {
	created := false
	var built renaming
	held, err := c.hold()
	if err != nil {
		c.abandon(hidden)
		return nil, false, err
	}
	defer held.release()
	c.freed = c.to.weight(context.Background(), c.dst) // under the latch, so that it is what goes
	now, release, err := c.to.base.Move(hidden, c.dst, c.Exact, func(made, cur *fs.Info) error {
		created = cur == nil
		built.begin(c.to, made)
		if !from.IsCollection() {
			if err := c.still(from); err != nil {
				return err
			}
		}
		if cur != nil && !cur.IsCollection() {
			c.freed = cur.SizeBytes
		} else if cur == nil {
			c.freed = 0
		}
		if err := c.check(last)(&from.Info, cur); err != nil {
			return err
		}
		return c.room.need(c.built - c.freed)
	})
	if err != nil {
		held.release()
		c.abandon(hidden)
		return nil, false, err
	}
	c.to.quota.moves(hidden, c.dst)
	c.to.quota.took(path.Dir(c.dst), c.built-c.freed)
	info, err := c.to.finish(held, c.dst, &now, built.end(&now, from.digest), c.Then, release)
	return info, created, err
}

// build copies the collection src to the name to; above are the collections on the way to it. A member that cannot be
// copied is told to Failed; a full disk, the end of the request, or what Carry fails with ends it all.
func (c *copying) build(ctx context.Context, src, to string, above []string) error {
	if slices.Contains(above, src) {
		return nil // a symbolic link to a collection that it is in
	}
	above = append(above, src)
	keep, err := c.enter(src, to)
	if err != nil {
		return err
	}
	if _, err := c.to.base.MakeCollection(to); errors.Is(err, iofs.ErrExist) {
		return errTwice
	} else if err != nil {
		return err
	}
	if err := carried(keep); err != nil {
		return err
	}
	if !c.Shallow {
		err := c.from.base.List(src, func(base string, i *fs.Info) error {
			err := c.buildMember(ctx, path.Join(src, base), path.Join(to, base), i.IsCollection(), above)
			switch {
			case err == nil, errors.Is(err, iofs.ErrNotExist), errors.Is(err, fs.ErrNotDir), errors.Is(err, errTwice): // or gone meanwhile
				return nil
			case ctx.Err() != nil, errors.Is(err, fs.ErrNoSpace), c.Failed == nil:
				return err
			}
			if _, ends := errors.AsType[*carryError](err); ends {
				return err
			}
			c.Failed(path.Join(src, base), err)
			return nil
		})
		if unseen, ok := errors.AsType[*iofs.PathError](err); ok && errors.Is(err, fs.ErrUnseen) && c.Failed != nil {
			c.Failed(unseen.Path, err) // the copy is without it
			err = nil
		}
		if errors.Is(err, fs.ErrNotDir) { // no longer; it was one, and its members are gone
			err = iofs.ErrNotExist
		}
		if err != nil {
			return err
		}
	}
	if c.to.relaxed {
		return nil
	}
	return c.to.base.SyncDir(to)
}

func (c *copying) buildMember(ctx context.Context, src, to string, collection bool, above []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	src, err := c.from.base.Resolve(src)
	if err != nil {
		return err
	}
	for range copyAttempts {
		if collection {
			err = c.build(ctx, src, to, above)
		} else {
			err = c.buildOne(ctx, src, to)
		}
		switch {
		case errors.Is(err, errMoved):
		case collection && errors.Is(err, fs.ErrNotDir), !collection && errors.Is(err, fs.ErrIsDir):
			collection = !collection // since it was listed
		default:
			return err
		}
	}
	return err
}

func (c *copying) buildOne(ctx context.Context, src, to string) error {
	file, keep, err := c.open(src, to)
	if err == nil {
		_, err = c.buildFile(ctx, file, to)
	}
	if err != nil {
		return err
	}
	return carried(keep)
}

// errTwice says that a member was listed again, since it was deleted and made anew meanwhile, perhaps as a collection where it
// was a file. One state of it is copied.
var errTwice = errors.New("copied already")

// buildFile copies one state of a file to a name that nobody looks at yet, and returns that state. It closes the file.
func (c *copying) buildFile(ctx context.Context, file fs.File, to string) (copied, error) {
	staged, from, err := c.stage(ctx, file, to)
	if err != nil {
		return copied{}, err
	}
	defer staged.Discard()
	now, _, release, err := staged.Commit(false, func(cur *fs.Info) error {
		if cur != nil {
			return errTwice
		}
		return nil
	})
	if errors.Is(err, fs.ErrIsDir) {
		err = errTwice
	}
	if err != nil {
		return copied{}, err
	}
	release()
	c.built += from.SizeBytes
	c.to.committed(to, &now, from.digest)
	return from, nil
}

// abandon gives back what was built for nothing.
func (c *copying) abandon(hidden string) {
	release, err := c.to.base.Retire(hidden, false, func(*fs.Info) error { return nil })
	if err == nil {
		release()
	} else if !errors.Is(err, iofs.ErrNotExist) {
		c.to.log.Warn("a copy that was given up cannot be removed: the next start will try again", "name", hidden, "err", err)
	}
}
