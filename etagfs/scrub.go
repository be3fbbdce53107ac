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

// Scrub reads every file below name again whose digest is recorded and whose identity has not changed
// since: bytes that differ then were changed by nobody but the disk. rotten is told of each such
// file; progress, which may be nil, after each file read and while a large one is. Files that change while they are read are left out.
func (f *FS) Scrub(ctx context.Context, name string, progress func(ScrubProgress), rotten func(name string, want, got Digest), failed func(name string, err error)) (ScrubProgress, error) {
	var p ScrubProgress
	if f.content == nil {
		return p, nil
	}
	s := scrubber{f, progress, rotten, failed}
	return p, s.tree(ctx, name, &p, nil)
}

type scrubber struct {
	f        *FS
	progress func(ScrubProgress)
	rotten   func(name string, want, got Digest)
	failed   func(name string, err error)
}

func (s *scrubber) tree(ctx context.Context, dir string, p *ScrubProgress, above []string) error {
	return s.f.walk(ctx, dir, above, s.failed, func(name string, i *fs.Info) {
		if i.IsCollection() {
			return
		}
		want, known := s.f.content.get(i.Identity)
		if !known {
			p.Unknown++
			return
		}
		s.f.uncache(name)
		var m manner
		if s.progress != nil {
			m.tell = func(bytes int64) {
				now := *p
				now.Bytes += bytes
				s.progress(now)
			}
		}
		got, err := s.f.readDigest(ctx, name, m)
		switch {
		case ctx.Err() != nil, errors.Is(err, iofs.ErrNotExist): // a file that is gone by now is none to judge
			return
		case err != nil:
			s.failed(name, err)
			return
		case !got.held || got.state.Identity != i.Identity:
			p.Unknown++
			return
		case got.digest != want:
			s.rotten(name, want, got.digest)
		}
		p.Files++
		p.Bytes += got.state.SizeBytes
		if s.progress != nil {
			s.progress(*p)
		}
	})
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

// walk calls fn for every resource below dir. What cannot be listed is told to failed; only the end of ctx is
// an error. above are the collections on the way, since links may lead back to them.
func (f *FS) walk(ctx context.Context, dir string, above []string, failed func(string, error), fn func(name string, i *fs.Info)) error {
	dir, err := f.base.Resolve(dir)
	if err != nil {
		if failed != nil && !errors.Is(err, iofs.ErrNotExist) { // else gone, or out of the tree
			failed(dir, err)
		}
		return ctx.Err()
	}
	for _, a := range above {
		if a == dir {
			return nil
		}
	}
	above = append(above, dir)
	var collections []string
	err = f.base.List(dir, func(base string, i *fs.Info) error {
		if i.IsCollection() {
			collections = append(collections, path.Join(dir, base))
		}
		fn(path.Join(dir, base), i)
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil && failed != nil && !errors.Is(err, iofs.ErrNotExist) {
		failed(dir, err)
	}
	for _, c := range collections {
		if err := f.walk(ctx, c, above, failed, fn); err != nil {
			return err
		}
	}
	return ctx.Err()
}
