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
	var was fs.Info
	now, release, err := f.base.Move(src, dst, w.Exact, func(s, d *fs.Info) error {
		created = d == nil
		if s != nil {
			was = *s
		}
		digest = f.digestOf(s)
		return check2(f, src, f, dst, last, w)(s, d)
	})
	if err != nil {
		return nil, false, err
	}
	if !now.IsCollection() {
		f.renames.note(was.Identity, now.Identity)
	}
	f.quota.took(path.Dir(dst), -freed)
	f.committed(now.Identity, digest) // the rename moved ctime
	f.subs.tell(src, dst)
	info = f.info(dst, &now)
	err = f.durable(held, then(w.Then, info), path.Dir(src), path.Dir(dst))
	release()
	return info, created, err
}
