package etagfs

import (
	"context"
	"errors"
	iofs "io/fs"
	"path"

	"ifmatch/fs"
)

// ScrubProgress of a Scrub.
type ScrubProgress struct {
	Files, Bytes int64 // read again
	Unknown      int64 // files without recorded digest, or changed since
}

// Scrub reads every file again whose digest is recorded and whose identity has not changed
// since: bytes that differ then were changed by nobody but the disk. rotten is told of each such
// file; progress, which may be nil, after each file read and while a large one is. Files that change while they are read are left out.
func (f *FS) Scrub(ctx context.Context, progress func(ScrubProgress), rotten func(name string, want, got Digest), failed func(name string, err error)) (p ScrubProgress, err error) {
	if f.content == nil {
		return p, nil
	}
	if progress == nil {
		progress = func(ScrubProgress) {}
	}
	tell := func(bytes int64) {
		now := p
		now.Bytes += bytes
		progress(now)
	}
	err = f.walk(ctx, "/", failed, func(name string, i *fs.Info) {
		if i.IsCollection() {
			return
		}
		want, known := f.content.get(i.Identity)
		if !known {
			p.Unknown++
			return
		}
		f.uncache(name)
		got, err := f.readDigest(ctx, name, manner{tell: tell}, nil)
		switch {
		case ctx.Err() != nil, errors.Is(err, iofs.ErrNotExist): // a file that is gone by now is none to judge
			return
		case err != nil:
			failed(name, err)
			return
		case !got.held || got.state.Identity != i.Identity:
			p.Unknown++
			return
		case got.digest != want:
			rotten(name, want, got.digest)
		}
		p.Files++
		p.Bytes += got.state.SizeBytes
		progress(p)
	})
	return p, err
}

// uncache has a file read from the disk and not from memory, where it is as it was before its bytes rotted.
func (f *FS) uncache(name string) {
	file, err := f.base.OpenRead(name)
	if err != nil {
		return // who reads it will see
	}
	defer file.Close()
	if u, ok := file.(fs.Uncacher); ok {
		u.Uncache()
	}
}

// walk calls fn for every resource below dir, by its real name alone: what a symbolic link leads to is met there. What cannot be
// listed is told to failed; only the end of ctx is an error.
func (f *FS) walk(ctx context.Context, dir string, failed func(string, error), fn func(name string, i *fs.Info)) error {
	var collections []string
	err := f.base.List(dir, func(base string, i *fs.Info) error {
		if i.Real != "" {
			return ctx.Err()
		}
		if i.IsCollection() {
			collections = append(collections, path.Join(dir, base))
		}
		fn(path.Join(dir, base), i)
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil && !errors.Is(unmapped(err), iofs.ErrNotExist) { // else it is no collection any more
		failed(dir, err)
	}
	for _, c := range collections {
		if err := f.walk(ctx, c, failed, fn); err != nil {
			return err
		}
	}
	return ctx.Err()
}
