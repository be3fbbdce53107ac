package etagfs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"slices"
	"time"

	"ifmatch/fs"
)

// CopyOptions of one Copy.
type CopyOptions struct {
	Write2
	Shallow bool // Depth 0: a collection without its members
	// Failed is told of each member (real source name) that could not be copied; the others are.
	Failed func(name string, err error)
}

// errMoved says that the source changed while it was copied; to a caller it is fs.ErrBusy.
var errMoved = fmt.Errorf("source changed while it was copied: %w", fs.ErrBusy)

// copyAttempts bounds how often a COPY starts again because its source changed meanwhile; the
// last attempt holds the latch of the source, so that no other request can change it.
const copyAttempts = 3

// Copy copies src to dst; what was at dst is replaced in one step. A file is staged and committed
// like a Put; a collection is built under a reserved name and moved into place.
// Errors: as Put; Nothing has changed when it fails, but for *AfterError.
func (f *FS) Copy(ctx context.Context, src, dst string, o CopyOptions) (info *Info, created bool, err error) {
	if src, err = f.base.Resolve(src); err != nil {
		return nil, false, err
	}
	if dst, err = f.base.Resolve(dst); err != nil {
		return nil, false, err
	}
	state, err := f.base.Lookup(src)
	if err != nil {
		return nil, false, err
	}
	if state.IsCollection() {
		return f.copyCollection(ctx, src, dst, o)
	}
	err = f.hashed(ctx, func(last bool) error {
		for i := range copyAttempts {
			if old, e := f.base.Lookup(dst); e == nil && old.IsCollection() {
				info, created, err = f.copyOver(ctx, src, dst, o, last)
			} else {
				info, created, err = f.copyFile(ctx, src, dst, o, last, i == copyAttempts-1)
			}
			if !errors.Is(err, errMoved) {
				break
			}
		}
		return err
	})
	return info, created, err
}

// copyFile copies one state of src. The Check is asked with that state, and only if src still has
// it. When latched, no other request can change src meanwhile; another program still can.
func (f *FS) copyFile(ctx context.Context, src, dst string, o CopyOptions, last, latched bool) (*Info, bool, error) {
	var held *held
	if latched {
		held = f.latch.hold(append([]string{src, dst}, o.Beside...)...)
		defer held.release()
	}
	staged, from, err := f.stageCopy(ctx, src, dst, !f.relaxed)
	if err != nil {
		return nil, false, err
	}
	defer staged.Discard()
	if !latched {
		held = f.latch.hold(append([]string{src, dst}, o.Beside...)...)
		defer held.release()
	}

	now, created, release, err := staged.Commit(o.Exact, func(cur *fs.Info) error {
		if err := f.still(src, &from); err != nil {
			return err
		}
		return f.check2(src, dst, o.Write2, last)(&from, cur)
	})
	if err != nil {
		return nil, false, err
	}
	f.committed(now.Identity, f.digestOf(&from))
	f.subs.tell(dst)
	info := f.info(dst, &now)
	err = f.durable(held, then(o.Then, info), path.Dir(dst))
	release()
	return info, created, err
}

// stageCopy stages the bytes of src for dst and returns the state they belong to.
func (f *FS) stageCopy(ctx context.Context, src, dst string, durable bool) (fs.Staged, fs.Info, error) {
	file, err := f.base.OpenRead(src)
	if err != nil {
		return nil, fs.Info{}, err
	}
	defer file.Close()
	staged, err := f.base.Stage(dst)
	if err != nil {
		return nil, fs.Info{}, err
	}
	_, err = staged.ReadFrom(file) // in the kernel where it can
	if err == nil {
		err = unchanged(file)
	}
	if err == nil {
		err = staged.Prepare(time.Time{}, durable)
	}
	if err != nil {
		staged.Discard()
		return nil, fs.Info{}, err
	}
	return staged, file.Info(), nil
}

// unchanged tells whether what was read from file is one state.
func unchanged(file fs.File) error {
	after, err := file.Again()
	if err == nil && after.Identity != file.Info().Identity {
		err = errMoved
	}
	return err
}

// copyCollection builds the copy under a reserved name beside dst and moves it into place.
func (f *FS) copyCollection(ctx context.Context, src, dst string, o CopyOptions) (*Info, bool, error) {
	hidden := f.base.Hidden(dst)
	from, err := f.base.Lookup(src)
	if err != nil {
		return nil, false, err
	}
	if err := f.build(ctx, src, hidden, o, nil); err != nil {
		f.abandon(hidden)
		return nil, false, err
	}
	return f.place(hidden, src, dst, &from, o, true)
}

// copyOver replaces a collection with a copy of a file. Staged bytes replace files only, so the copy is
// made under a reserved name and moved into place, as that of a collection.
func (f *FS) copyOver(ctx context.Context, src, dst string, o CopyOptions, last bool) (*Info, bool, error) {
	hidden := f.base.Hidden(dst)
	from, err := f.buildFile(ctx, src, hidden)
	if err != nil {
		return nil, false, err
	}
	return f.place(hidden, src, dst, &from, o, last)
}

// place moves the copy of from that was built at hidden to dst, in one step, if the Check accepts; else
// it gives the copy back.
func (f *FS) place(hidden, src, dst string, from *fs.Info, o CopyOptions, last bool) (*Info, bool, error) {
	created := false
	held := f.latch.hold(append([]string{src, dst}, o.Beside...)...)
	defer held.release()
	now, release, err := f.base.Move(hidden, dst, o.Exact, func(_, cur *fs.Info) error {
		created = cur == nil
		if !from.IsCollection() {
			if err := f.still(src, from); err != nil {
				return err
			}
		}
		return f.check2(src, dst, o.Write2, last)(from, cur)
	})
	if err != nil {
		held.release()
		f.abandon(hidden)
		return nil, false, err
	}
	if !from.IsCollection() {
		f.committed(now.Identity, f.digestOf(from))
	}
	f.subs.tell(dst)
	info := f.info(dst, &now)
	err = f.durable(held, then(o.Then, info), path.Dir(dst))
	release()
	return info, created, err
}

// still tells whether src has the state that was copied.
func (f *FS) still(src string, from *fs.Info) error {
	now, err := f.base.Lookup(src)
	if err == nil && now.Identity != from.Identity {
		err = errMoved
	}
	return err
}

// build copies the collection src to the name to; above are the collections on the way to it. A member that cannot be
// copied is told to o.Failed; a full disk or the end of the request ends it all.
func (f *FS) build(ctx context.Context, src, to string, o CopyOptions, above []string) error {
	if slices.Contains(above, src) {
		return nil // a symbolic link to a collection that it is in
	}
	above = append(above, src)
	if _, err := f.base.MakeCollection(to); err != nil {
		return err
	}
	if !o.Shallow {
		err := f.base.List(src, func(base string, i *fs.Info) error {
			err := f.buildMember(ctx, path.Join(src, base), path.Join(to, base), i.IsCollection(), o, above)
			switch {
			case err == nil, errors.Is(err, iofs.ErrNotExist): // or gone meanwhile
				return nil
			case ctx.Err() != nil, errors.Is(err, fs.ErrNoSpace), o.Failed == nil:
				return err
			}
			o.Failed(path.Join(src, base), err)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if f.relaxed {
		return nil
	}
	return f.base.SyncDir(to)
}

func (f *FS) buildMember(ctx context.Context, src, to string, collection bool, o CopyOptions, above []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	src, err := f.base.Resolve(src)
	if err != nil {
		return err
	}
	if collection {
		return f.build(ctx, src, to, o, above)
	}
	for range copyAttempts {
		if _, err = f.buildFile(ctx, src, to); !errors.Is(err, errMoved) {
			break
		}
	}
	return err
}

// buildFile copies one state of a file to a name that nobody looks at yet, and returns that state.
func (f *FS) buildFile(ctx context.Context, src, to string) (fs.Info, error) {
	staged, from, err := f.stageCopy(ctx, src, to, !f.relaxed)
	if err != nil {
		return fs.Info{}, err
	}
	defer staged.Discard()
	_, _, release, err := staged.Commit(false, func(*fs.Info) error { return nil })
	if err == nil {
		release()
	}
	return from, err
}

// abandon gives back what was built for nothing.
func (f *FS) abandon(hidden string) {
	release, err := f.base.Retire(hidden, false, func(*fs.Info) error { return nil })
	if err == nil {
		release()
	} else if !errors.Is(err, iofs.ErrNotExist) {
		f.log.Warn("a copy given up was left for the sweep", "name", hidden, "err", err)
	}
}
