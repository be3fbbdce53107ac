package etagfs

import (
	"context"
	"errors"
	iofs "io/fs"
	"time"

	"ifmatch/fs"
)

// Stat returns the state of a resource. It takes no latch.
// Errors: iofs.ErrNotExist when the URL is unmapped (also for links that lead out, and special files).
func (f *FS) Stat(name string) (*Info, error) {
	info, err := f.base.Lookup(name)
	if leadsOn(err) {
		if name, err = f.base.Resolve(name); err == nil {
			info, err = f.base.Lookup(name)
		}
	}
	if err != nil {
		return nil, unmapped(err)
	}
	out := f.info(name, &info)
	f.lazily(out)
	f.distrust(out, time.Now())
	return out, nil
}

// Open opens the representation of a resource that is no collection. It takes no latch: the
// descriptor supplies bytes and tag, so what is read is one whole representation.
// Errors: as Stat; fs.ErrIsDir.
func (f *FS) Open(name string) (*File, error) {
	file, err := f.base.OpenRead(name)
	if leadsOn(err) {
		if name, err = f.base.Resolve(name); err == nil {
			file, err = f.base.OpenRead(name)
		}
	}
	if err != nil {
		return nil, unmapped(err)
	}
	state := file.Info()
	info := f.info(name, &state)
	switch {
	case !f.own.has(state.Identity) && !quiet(file):
		// Another program is writing: write(2) moves mtime before it copies the bytes, so what is
		// read now could be taken for what comes.
		file = f.caughtUp(name, file)
		state = file.Info()
		info = f.info(name, &state)
		info.Tag, info.Digest = f.tags.unsure(&state), nil
	case info.Tag.IsZero():
		switch unsure := f.lazily(info); {
		case info.Identity != state.Identity:
			info = f.info(name, &state) // it was replaced meanwhile: these bytes have no tag
		case unsure:
			info.Tag, info.Digest = f.tags.unsure(&state), nil // what is read now may not be what was hashed
		}
	}
	return &File{File: file, info: *info, of: f}, nil
}

// StatTagged is Stat for somebody who decides by the tag: a file of any size is hashed first. While a file keeps
// changing it still has no tag. Errors: as Stat; what keeps the file from being read; the end of ctx.
func (f *FS) StatTagged(ctx context.Context, name string) (*Info, error) {
	info, err := f.Stat(name)
	if err != nil || !f.tooLarge(info) {
		return info, err
	}
	r, unread := f.settle(ctx, info.Name)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case unread == nil && r.held:
		r.is(info)
		return info, nil
	}
	if info, err = f.Stat(name); err == nil && unread != nil && f.tooLarge(info) {
		err = unread
	}
	return info, err
}

// OpenTagged is to Open what StatTagged is to Stat.
func (f *FS) OpenTagged(ctx context.Context, name string) (*File, error) {
	file, err := f.Open(name)
	if err != nil || !f.tooLarge(file.State()) {
		return file, err
	}
	file.Close()
	r, err := f.settle(ctx, file.State().Name)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	file, openErr := f.Open(name)
	if openErr == nil && err == nil && r.sure && f.tooLarge(file.State()) && file.info.Identity == r.state.Identity {
		r.is(&file.info)
	}
	return file, openErr
}

// List calls fn for each member of a collection; the Info is valid only during the call. Names and tags share pieces
// of memory: who keeps a few of many clones them.
// Errors: as Stat; fs.ErrNotDir; what fn returns; fs.ErrUnseen after all members that could be looked at.
func (f *FS) List(name string, fn func(base string, info *Info) error) error {
	real, err := f.base.Resolve(name)
	if err != nil {
		return unmapped(err)
	}
	var info Info
	var w words
	now := time.Now()
	return f.base.List(real, func(base string, i *fs.Info) error {
		info = Info{Info: *i, Name: i.Real}
		if info.Name == "" {
			info.Name = w.memberName(real, base)
		}
		f.setTag(&info, &w)
		f.distrust(&info, now)
		if f.content != nil && info.Tag.IsZero() && !i.IsCollection() && !f.content.shut.has(i.Identity) {
			f.content.wanted.add(info.Name)
		}
		return fn(base, &info)
	})
}

// Usage returns what RFC 4331 asks for.
func (f *FS) Usage(name string) (fs.Usage, error) {
	u, err := f.base.Usage(name)
	return f.quota.bounded(u), err
}

// Features tells what the file system below can do.
func (f *FS) Features() fs.Features { return f.base.Features() }

// Real returns the name that name leads to; the last component may be unmapped.
func (f *FS) Real(name string) (string, error) { return f.base.Resolve(name) }

// Vacant fails with fs.ErrSpecial when a real name is taken by something that is no resource, such as a FIFO, so that nothing
// can be created there. A symbolic link passes: it was made after the name was found to be real.
func (f *FS) Vacant(real string) error {
	info, err := f.base.Lookup(real)
	if errors.Is(err, fs.ErrSpecial) && info.Mode&iofs.ModeSymlink == 0 {
		return err
	}
	return nil
}

// Way is Real that also tells the real names of the symbolic links that were followed, in that order.
func (f *FS) Way(name string) (real string, links []string, err error) { return f.base.Way(name) }

// info makes the public state; nil stays nil.
func (f *FS) info(name string, i *fs.Info) *Info {
	if i == nil {
		return nil
	}
	info := &Info{Info: *i, Name: name}
	f.setTag(info, nil)
	return info
}

// setTag fills in what is known without reading the file.
func (f *FS) setTag(info *Info, w *words) {
	switch {
	case info.IsCollection():
	case f.content != nil:
		info.Tag, info.Digest = f.content.tag(&info.Info)
	default:
		info.Tag = f.tags.tag(&info.Info, w)
	}
}

// quiet is settled, but for our own commits: one that has taken its step and still has the file open is
// done in a moment. It takes no latch, since a Check may ask for a file while it holds one.
func quiet(file fs.File) bool {
	for range quietTries {
		if settled(file) {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return settled(file)
}

// quietTries is how many milliseconds a reader waits for a writer.
const quietTries = 5

// caughtUp opens a file anew that was written while its reader waited: what is read under a state that has gone by is cut off,
// so a log that is written all the time could not be read at all.
func (f *FS) caughtUp(name string, file fs.File) fs.File {
	was := file.Info()
	if now, err := file.Again(); err != nil || now.Identity == was.Identity {
		return file
	}
	again, err := f.base.OpenRead(name)
	if err != nil {
		return file
	}
	if now := again.Info(); now.Dev != was.Dev || now.Ino != was.Ino { // replaced: whoever asks next gets that one
		again.Close()
		return file
	}
	file.Close()
	return again
}

// settled tells whether the bytes of file are those of its identity, and not what a writer is about to
// change under it.
func settled(file fs.File) bool {
	s, ok := file.(fs.Settler)
	return !ok || s.Settled()
}

// leadsOn tells whether a symbolic link may be the cause (as the last component or, where a name is to be
// real, as a parent that is then no directory), so that resolving is worth it.
func leadsOn(err error) bool {
	return errors.Is(err, fs.ErrSpecial) || errors.Is(err, fs.ErrLoop) || errors.Is(err, fs.ErrNotDir)
}

// unmapped turns what is no resource into iofs.ErrNotExist.
func unmapped(err error) error {
	if !leadsOn(err) {
		return err
	}
	at := ""
	if pe, ok := errors.AsType[*iofs.PathError](err); ok {
		at = pe.Path
	}
	return &iofs.PathError{Op: "stat", Path: at, Err: iofs.ErrNotExist}
}
