package etagfs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"path"
	"time"

	"ifmatch/fs"
)

// Put makes the bytes of body the representation of name and returns the new state; created tells
// whether the URL was unmapped. The body is read before any latch is taken.
// Errors: what the Check returned; *BodyError; ErrQuota; fs sentinels; iofs.ErrNotExist: the parent is
// missing. Nothing has changed when it fails, but for *AfterError.
func (f *FS) Put(ctx context.Context, name string, body io.Reader, o PutOptions) (info *Info, created bool, err error) {
	real := o.Real
	if real == "" {
		if real, err = f.base.Resolve(name); err != nil {
			return nil, false, err
		}
	}
	room, err := f.quota.room(ctx)
	if err != nil {
		return nil, false, err
	}
	defer room.give()
	// A client that leaves after it has sent all, as ffmpeg does, ends the request, too; a body that broke off fails by itself.
	b := &bodyReader{ctx: context.WithoutCancel(ctx), r: body, room: room, old: f.weight(ctx, real)}
	if err := room.need(o.SizeBytes - b.old); err != nil {
		return nil, false, err
	}
	staged, err := f.base.Stage(real)
	if err != nil {
		return nil, false, err
	}
	defer staged.Discard()
	if err := staged.Expect(o.SizeBytes, !f.relaxed); err != nil {
		return nil, false, err
	}
	if !f.relaxed {
		b.to = staged
	}
	digest, err := f.fill(staged, b)
	if err != nil {
		return nil, false, err
	}
	if err := staged.Prepare(o.ModTime, !f.relaxed); err != nil {
		return nil, false, err
	}
	err = f.hashed(ctx, func(last bool) error {
		held, err := f.holdReal(name, real, o.Beside)
		if err != nil {
			return f.relinked(name, last, o.Write, err)
		}
		defer held.release()
		info, created, err = f.commit(held, &filled{staged, room, b.read, digest}, real, last, o.Write)
		return err
	})
	return info, created, err
}

// filled is a body on the disk. digest is nil with stat tags.
type filled struct {
	staged    fs.Staged
	room      *room
	sizeBytes int64
	digest    *Digest
}

// commit is the one place where a body becomes a representation.
func (f *FS) commit(held *held, body *filled, name string, last bool, w Write) (info *Info, created bool, err error) {
	var grown int64
	now, created, release, err := body.staged.Commit(w.Exact, body.room.within(body.sizeBytes, &grown, f.check(name, w, last, body.digest)))
	if err != nil {
		return nil, false, err
	}
	f.quota.took(path.Dir(name), grown)
	info, err = f.finish(held, name, &now, body.digest, w.Then, release)
	return info, created, err
}

// finish is what follows the step that has brought now to name.
func (f *FS) finish(held *held, name string, now *fs.Info, digest *Digest, fn func(*Info) error, release func()) (*Info, error) {
	info := f.committed(name, now, digest)
	if !now.IsCollection() {
		f.made(now)
	}
	f.subs.tell(name)
	err := f.durable(held, then(fn, info), path.Dir(name))
	release()
	return info, err
}

// Remove retires name, with all its members when it is a collection, in one step. A symbolic link
// is itself removed, not what it leads to.
// Errors: what the Check returned; fs sentinels; *AfterError.
func (f *FS) Remove(ctx context.Context, name string, w Write) error {
	return f.hashed(ctx, func(last bool) error { return f.remove(ctx, name, last, w) })
}

func (f *FS) remove(ctx context.Context, name string, last bool, w Write) error {
	held, real, err := f.holdThemselves([]string{name}, w.Beside)
	if err != nil {
		return err
	}
	defer held.release()
	link := real[0]
	freed := f.weight(context.WithoutCancel(ctx), link) // under the latch, so that it is what goes
	release, err := f.base.Retire(link, w.Exact, f.check(link, w, last, nil))
	if err != nil {
		return err
	}
	f.quota.took(path.Dir(link), -freed)
	f.subs.tell(link)
	err = f.durable(held, then(w.Then, nil), path.Dir(link))
	release()
	return err
}

// MakeCollection creates an empty collection, with modTime as its modification time unless that is zero. When it is not made
// although the Check accepted, w.Back is called.
// Errors: what the Check returned; iofs.ErrExist: it accepted a mapped URL; iofs.ErrNotExist or
// fs.ErrNotDir: no parent collection; fs sentinels; *AfterError.
func (f *FS) MakeCollection(ctx context.Context, name string, modTime time.Time, w Write) (*Info, error) {
	real, err := f.base.Resolve(name)
	if err != nil {
		return nil, err
	}
	room, err := f.quota.room(ctx)
	if err != nil {
		return nil, err
	}
	defer room.give()
	hidden, err := f.dated(real, modTime)
	if err != nil {
		return nil, err
	}
	held, err := f.holdReal(name, real, w.Beside)
	if err != nil {
		err = f.relinked(name, true, w, err)
	} else {
		defer held.release()
		var now fs.Info
		if now, err = f.makeCollection(real, hidden, room, w); err == nil {
			f.subs.tell(real)
			info := f.info(real, &now)
			return info, f.durable(held, then(w.Then, info), path.Dir(real))
		}
		w.back()
	}
	if hidden != "" {
		f.base.Remove(hidden) // else the sweep does
	}
	return nil, err
}

// dated makes a collection with a modification time of its own under a reserved name beside name, so that it can come to be
// with it in one step. There is none for a zero modTime, nor for the root, which is there.
func (f *FS) dated(name string, modTime time.Time) (hidden string, err error) {
	if modTime.IsZero() || name == "/" {
		return "", nil
	}
	hidden = f.base.Hidden(name)
	if _, err := f.base.MakeCollection(hidden); err != nil {
		return "", err
	}
	if _, _, err := f.base.SetModTime(hidden, modTime); err != nil {
		f.base.Remove(hidden)
		return "", err
	}
	return hidden, nil
}

// makeCollection is the step: a new collection, or what was made at hidden unless that is empty.
func (f *FS) makeCollection(name, hidden string, room *room, w Write) (fs.Info, error) {
	accept := func(cur *fs.Info) error {
		if err := f.check(name, w, true, nil)(cur); err != nil {
			return err
		}
		if cur != nil {
			return &iofs.PathError{Op: "mkcol", Path: name, Err: iofs.ErrExist}
		}
		return room.need(1) // it has no size of its own, but there must be some left
	}
	if hidden != "" {
		now, release, err := f.base.Move(hidden, name, true, func(_, cur *fs.Info) error { return accept(cur) })
		if err == nil {
			release()
		}
		return now, err
	}
	cur, err := f.current(name)
	if err == nil {
		err = accept(cur)
	}
	if err != nil {
		return fs.Info{}, err
	}
	return f.base.MakeCollection(name)
}

// Update runs w.Check and then w.Then under the exclusive latch of name without changing bytes
// (LOCK, UNLOCK and PROPPATCH). A non-zero modTime is set after them.
// Errors: what Check and Then returned; fs sentinels. The state of the resource has not changed when it fails, but for *AfterError.
func (f *FS) Update(ctx context.Context, name string, modTime time.Time, w Write) (info *Info, err error) {
	for range linkTries { // nothing is readied for another place, so a link that has changed costs only another try
		var real string
		if real, err = f.base.Resolve(name); err != nil {
			return nil, err
		}
		err = f.hashed(ctx, func(last bool) error {
			held, err := f.holdReal(name, real, w.Beside)
			if err != nil {
				return err
			}
			defer held.release()
			info, err = f.update(real, modTime, last, w)
			return err
		})
		if err != errRelinked {
			return info, err
		}
	}
	return nil, f.relinked(name, true, w, err)
}

func (f *FS) update(name string, modTime time.Time, last bool, w Write) (*Info, error) {
	cur, err := f.current(name)
	if err != nil {
		return nil, err
	}
	if err := f.check(name, w, last, nil)(cur); err != nil {
		return nil, err
	}
	info := f.info(name, cur)
	if err := then(w.Then, info); err != nil || cur == nil || modTime.IsZero() {
		return info, err
	}
	// The time comes last: what Then did can be taken back, and a time cannot, for the tag has moved with it.
	if info, err = f.setModTime(name, modTime); err != nil {
		w.back()
		return nil, err
	}
	if err := f.keep(info); err != nil {
		return nil, &AfterError{err}
	}
	return info, nil
}

// keep makes the state of a resource durable, unless that was waived.
func (f *FS) keep(info *Info) error {
	switch {
	case f.relaxed:
		return nil
	case info.IsCollection():
		return f.base.SyncDir(info.Name)
	}
	file, err := f.base.OpenRead(info.Name)
	if err == nil {
		err = errors.Join(file.Sync(), file.Close())
	}
	// It may not be read; or the system syncs only what may be written; or another program has taken the name away.
	if errors.Is(err, iofs.ErrPermission) || errors.Is(unmapped(err), iofs.ErrNotExist) {
		err = f.base.SyncAll()
	}
	return err
}

func (f *FS) setModTime(name string, modTime time.Time) (*Info, error) {
	was, now, err := f.base.SetModTime(name, modTime)
	if err != nil {
		return nil, err
	}
	var digest *Digest // it is not carried over where another program may have written just before
	if was != (fs.Identity{}) && !now.IsCollection() && !now.Unsure {
		f.renames.note(was, now.Identity)
		if f.tags.sure(was) {
			digest = f.digestOf(&fs.Info{Identity: was})
		}
	}
	info := f.committed(name, &now, digest)
	f.subs.tell(name)
	return info, nil
}

// committed notes what our own change left behind, and returns it. What may yet have the state of another change is
// not noted: the digest is right for these bytes, but who meets the state later may meet it with others.
func (f *FS) committed(name string, now *fs.Info, digest *Digest) *Info {
	now.Unsure = ended(now.Identity) || now.Unsure && f.tags.coarse(now.Identity)
	if !now.Unsure {
		f.tags.committed(now.Identity)
	}
	if digest == nil || f.content == nil {
		return f.info(name, now)
	}
	if !now.Unsure {
		f.content.put(now.Identity, *digest, true)
	}
	return &Info{Info: *now, Name: name, Tag: hashTag(*digest), Digest: digest}
}

// then runs what belongs to a change that has happened.
func then(fn func(*Info) error, now *Info) error {
	if fn == nil {
		return nil
	}
	return fn(now)
}

// durable makes the names in the directories durable, unless that was waived, and reports
// failures as what they are: too late to undo. Only what is above the names stays latched, so that no
// directory is renamed before; in the end nothing is.
//
// BUG(ifmatch): after a change its directory is found by its name again, to be made durable. Where another program has put
// another one there since the step, that one is made durable, and the step when the system likes.
func (f *FS) durable(held *held, err error, dirs ...string) error {
	held.share()
	if !f.relaxed {
		for i, d := range dirs {
			if i > 0 && d == dirs[0] {
				continue
			}
			err = errors.Join(err, f.base.SyncDir(d))
		}
	}
	held.release()
	if err != nil {
		return &AfterError{err}
	}
	return nil
}

// current is the state of a real name, nil when unmapped. What is there but is no resource is an error.
func (f *FS) current(name string) (*fs.Info, error) {
	info, err := f.base.Lookup(name)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &info, nil
}
