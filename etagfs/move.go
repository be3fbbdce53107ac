package etagfs

import (
	"context"
	"path"

	"ifmatch/fs"
)

// Write2 is a Write of a COPY or MOVE.
type Write2 struct {
	Check Check2
	Exact bool
	Tags  bool
	// Beside is as for Write.
	Beside []string
	Then   func(dst *Info) error
}

// Move renames src to dst in one step; what was at dst is gone in the same step. A symbolic link
// is itself moved. created tells whether dst was unmapped.
// Errors: what the Check returned; fs sentinels, fs.ErrCrossDevice among them; *AfterError.
func (f *FS) Move(ctx context.Context, src, dst string, w Write2) (info *Info, created bool, err error) {
	err = f.hashed(ctx, func(last bool) error {
		info, created, err = f.move(ctx, src, dst, last, w)
		return err
	})
	return info, created, err
}

func (f *FS) move(ctx context.Context, src, dst string, last bool, w Write2) (info *Info, created bool, err error) {
	held, real, err := f.holdThemselves([]string{src, dst}, w.Beside)
	if err != nil {
		return nil, false, err
	}
	defer held.release()
	src, dst = real[0], real[1]
	freed := f.weight(context.WithoutCancel(ctx), dst) // under the latch, so that it is what goes
	var digest *Digest
	var r renaming
	now, release, err := f.base.Move(src, dst, w.Exact, func(s, d *fs.Info) error {
		created = d == nil
		r.begin(f, s)
		digest = f.digestOf(s)
		return check2(f, src, f, dst, last, w)(s, d)
	})
	if err != nil {
		return nil, false, err
	}
	if now.IsCollection() {
		f.quota.moves(src, dst)
	} else {
		f.renames.note(r.was.Identity, now.Identity)
	}
	f.quota.took(path.Dir(dst), -freed)
	info = f.committed(dst, &now, r.end(&now, digest))
	f.subs.tell(src, dst)
	err = f.durable(held, then(w.Then, info), path.Dir(src), path.Dir(dst))
	release()
	return info, created, err
}

// renaming tells whether the state that a rename leaves is as sure as the one that was renamed.
type renaming struct {
	was  fs.Info
	sure bool
}

// begin is called with what is about to be renamed, nil when it is nothing that is served.
func (r *renaming) begin(f *FS, src *fs.Info) {
	if src != nil {
		r.was, r.sure = *src, f.tags.sure(src.Identity)
	}
}

// end marks the new state. The digest of what was renamed is that of the new state, too, unless another program may have
// written in between: but for the ctime, a rename moves nothing.
func (r *renaming) end(now *fs.Info, digest *Digest) *Digest {
	as := now.Identity
	as.Ctime = r.was.Ctime
	if now.Unsure = !r.sure || as != r.was.Identity; now.Unsure {
		return nil
	}
	return digest
}
