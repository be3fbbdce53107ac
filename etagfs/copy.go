package etagfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"ifmatch/fs"
)

// CopyOptions of one Copy.
type CopyOptions struct {
	Write2
	// From is the tree that the source is in; nil: the same one. FromBeside is then what Beside is for it.
	From       *FS
	FromBeside []string
	Shallow    bool // Depth 0: a collection without its members
	// Carry is called with the real name of a collection that is copied and then of each member; to is what follows the
	// name of the copy ("", "/a/b"). It reads what goes along with the very state that is copied, which no request
	// changes meanwhile. keep, unless nil, is called when that has been copied; if it cannot be, it is not, or Carry is
	// called again. An error of either ends the COPY. Of a file that is copied by itself, the Check sees the state.
	Carry func(name, to string) (keep func() error, err error)
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
	c := &copying{CopyOptions: o, from: o.From, to: f, names: []string{src, dst}}
	if c.from == nil {
		c.from = f
	}
	for range linkTries {
		if c.src, err = c.from.base.Resolve(src); err != nil {
			return nil, false, err
		}
		if c.dst, err = f.base.Resolve(dst); err != nil {
			return nil, false, err
		}
		// At dst may be a collection by now, which is replaced in another way.
		if info, created, err = c.run(ctx); err != errRelinked && !errors.Is(err, fs.ErrIsDir) {
			return info, created, err
		}
	}
	return nil, false, fs.ErrBusy
}

// run copies what the real names hold. Error: errRelinked when those asked for lead elsewhere by now.
func (c *copying) run(ctx context.Context) (info *Info, created bool, err error) {
	state, err := c.from.base.Lookup(c.src)
	if err != nil {
		return nil, false, err
	}
	if c.room, err = c.to.quota.room(ctx); err != nil {
		return nil, false, err
	}
	defer c.room.give()
	c.freed, c.built = c.to.weight(ctx, c.dst), 0
	if state.IsCollection() {
		return c.collection(ctx)
	}
	err = c.to.hashed(ctx, func(last bool) error {
		for i := range copyAttempts {
			c.built = 0 // what an earlier attempt built was given back
			if old, e := c.to.base.Lookup(c.dst); e == nil && old.IsCollection() {
				info, created, err = c.over(ctx, last)
			} else {
				info, created, err = c.file(ctx, last, i == copyAttempts-1)
			}
			if !errors.Is(err, errMoved) {
				break
			}
		}
		return err
	})
	return info, created, err
}

// copying is one Copy.
type copying struct {
	CopyOptions
	from, to *FS
	names    []string // of source and destination, as asked for
	src, dst string   // real names
	room     *room
	freed    int64  // bytes of what is replaced
	built    int64  // bytes of what is ready to be moved into place
	hidden   string // where a collection is built
}

// copied is the state of a file that was copied; digest is nil where it is not known or not needed.
type copied struct {
	fs.Info
	digest *Digest
}

// hold takes the latches of both ends. Those of two trees are taken in the order of all latches, so no two
// operations can wait for each other in a circle. Errors: as holdAll.
func (c *copying) hold() (h *held, err error) {
	if c.from.SameTree(c.to) {
		return c.to.holdAll(c.names, []string{c.src, c.dst}, c.Beside)
	}
	var there *held
	source := func() (err error) {
		there, err = c.from.holdAll(c.names[:1], []string{c.src}, c.FromBeside)
		return err
	}
	if c.from.before(c.to) {
		if err = source(); err != nil {
			return nil, err
		}
	}
	h, err = c.to.holdAll(c.names[1:], []string{c.dst}, c.Beside)
	switch {
	case err != nil && there != nil:
		there.release()
	case err == nil && there == nil:
		if err = source(); err != nil {
			h.release()
		}
	}
	if err != nil {
		return nil, err
	}
	h.there = there
	return h, nil
}

// file copies one state of src. The Check is asked with that state, and only if src still has
// it. When latched, no other request can change src meanwhile; another program still can.
func (c *copying) file(ctx context.Context, last, latched bool) (_ *Info, created bool, err error) {
	var held *held
	if latched {
		if held, err = c.hold(); err != nil {
			return nil, false, err
		}
		defer held.release()
	}
	file, err := c.from.base.OpenRead(c.src)
	if err != nil {
		return nil, false, err
	}
	staged, from, err := c.stage(ctx, file, c.dst)
	if err != nil {
		return nil, false, err
	}
	defer staged.Discard()
	if !latched {
		if held, err = c.hold(); err != nil {
			return nil, false, err
		}
		defer held.release()
	}
	var grown int64
	now, created, release, err := staged.Commit(c.Exact, c.room.within(from.SizeBytes, &grown, func(cur *fs.Info) error {
		if err := c.still(&from); err != nil {
			return err
		}
		return c.check(last)(&from.Info, cur)
	}))
	if err != nil {
		return nil, false, err
	}
	c.to.quota.took(path.Dir(c.dst), grown)
	info, err := c.to.finish(held, c.dst, &now, from.digest, c.Then, release)
	return info, created, err
}

// stage stages the bytes of a file for dst and returns the state they belong to. It closes the file.
func (c *copying) stage(ctx context.Context, file fs.File, dst string) (fs.Staged, copied, error) {
	defer file.Close()
	from := copied{Info: file.Info()}
	if err := c.room.need(c.built + from.SizeBytes - c.freed); err != nil {
		return nil, copied{}, err
	}
	staged, err := c.to.base.Stage(dst)
	if err != nil {
		return nil, copied{}, err
	}
	if from.digest, err = c.fill(ctx, staged, file); err == nil {
		err = unchanged(file)
	}
	if err == nil {
		err = staged.Prepare(time.Time{}, !c.to.relaxed)
	}
	if err != nil {
		staged.Discard()
		return nil, copied{}, err
	}
	return staged, from, nil
}

// fill copies the bytes: in the kernel where it can, unless they must be hashed on the way, so that the copy
// has an entity-tag at once, as after a Put. Very large files are left to the background hasher.
func (c *copying) fill(ctx context.Context, staged fs.Staged, file fs.File) (*Digest, error) {
	state := file.Info()
	if err := staged.Expect(state.SizeBytes, !c.to.relaxed); err != nil {
		return nil, err
	}
	digest := c.from.digestOf(&state)
	if c.to.content == nil || digest != nil || state.SizeBytes > c.to.limitBytes {
		return digest, readFrom(ctx, staged, file)
	}
	b := &bodyReader{ctx: ctx, r: io.LimitReader(file, state.SizeBytes+1)}
	d, err := copyHashing(staged, b)
	if err == nil && b.read != state.SizeBytes {
		err = errMoved
	}
	return &d, err
}

// askedBytes is how much is copied before it is asked whether ctx has ended.
const askedBytes = 64 << 20

// readFrom copies file, as long as ctx has not ended. Error: errMoved when it does not have as many bytes as its state says.
func readFrom(ctx context.Context, staged fs.Staged, file fs.File) error {
	left := file.Info().SizeBytes
	for {
		n, err := staged.ReadFrom(io.LimitReader(file, min(left, askedBytes-1)+1))
		left -= n
		switch {
		case err != nil:
			return err
		case n < askedBytes && left == 0:
			return nil
		case n < askedBytes, left < 0:
			return errMoved
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// unchanged tells whether what was read from file is one state.
func unchanged(file fs.File) error {
	after, err := file.Again()
	if err == nil && after.Identity != file.Info().Identity {
		err = errMoved
	}
	return err
}

// still tells whether src has the state that was copied.
func (c *copying) still(from *copied) error {
	now, err := c.from.base.Lookup(c.src)
	if err == nil && now.Identity != from.Identity {
		err = errMoved
	}
	return err
}

func (c *copying) check(last bool) func(s, d *fs.Info) error {
	return check2(c.from, c.src, c.to, c.dst, last, c.Write2)
}
