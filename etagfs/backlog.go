package etagfs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"strings"
	"sync"
	"time"

	"ifmatch/fs"
)

// backlog is the set of files whose digest somebody would have liked to know. Safe for concurrent use.
type backlog struct {
	mu    sync.Mutex
	names map[string]struct{} // guarded by mu
	more  chan struct{}       // holds a token when names may be non-empty
}

// backlogLimit bounds the memory of the set; what does not fit is met again.
const backlogLimit = 1 << 16

func newBacklog() *backlog {
	return &backlog{names: make(map[string]struct{}), more: make(chan struct{}, 1)}
}

func (b *backlog) add(name string) {
	b.mu.Lock()
	if _, ok := b.names[name]; !ok && len(b.names) < backlogLimit {
		b.names[strings.Clone(name)] = struct{}{} // a listing's names share their memory
	}
	b.mu.Unlock()
	nudge(b.more)
}

// take removes and returns one name.
func (b *backlog) take() (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.names {
		delete(b.names, n)
		return n, true
	}
	return "", false
}

func (b *backlog) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.names)
}

// HashOptions of the background hasher.
type HashOptions struct {
	BytesPerSecond int64                        // 0: unbounded
	Progress       func(p HashProgress)         // nil: none; called after each file, and while a large one is read
	Failed         func(name string, err error) // nil: ignored
	Passed         func(p HashProgress)         // nil: none; KeepHashing calls it when it has gone over the whole tree
}

// HashProgress of the background hasher.
type HashProgress struct {
	Files, Bytes int64 // hashed since it began; Bytes also of the file that is being read
	Known        int64 // files met whose digest was known
	Pruned       int64 // records of files that are gone, which were dropped
	Foreign      bool  // the records are of another tree, so none was dropped
}

// HashAll computes the digest of every file that has none yet. What it has done is kept, so it resumes where it was
// interrupted. It then drops the records of files that are gone, if they are those of this tree. It does nothing with
// stat tags.
func (f *FS) HashAll(ctx context.Context, o HashOptions) (p HashProgress, err error) {
	err = f.hashAll(ctx, false, &o, &p)
	return p, err
}

// hashAll is HashAll; own: the records are those of this tree, whatever the store says.
func (f *FS) hashAll(ctx context.Context, own bool, o *HashOptions, p *HashProgress) error {
	if f.content == nil {
		return nil
	}
	p.Known = 0
	pass := f.content.newPass(f.tags)
	root, err := f.base.Lookup("/")
	if err == nil {
		pass.meet(&root)
	} else {
		pass.broken = true
	}
	notListed := func(name string, err error) {
		pass.missed(err)
		failed(o, name, err)
	}
	err = f.walk(ctx, "/", notListed, func(name string, i *fs.Info) {
		if pass.meet(i); i.IsCollection() {
			return
		}
		if _, known := f.content.get(i.Identity); known {
			p.Known++
			return
		}
		f.hashWanted(ctx, o, p)
		f.hashOne(ctx, name, o, p)
	})
	if err != nil {
		return err
	}
	if !pass.broken {
		var same bool
		same, p.Foreign = f.content.rooted(inode{root.Dev, root.Ino}, own)
		pass.broken = !same
	}
	dropped, err := f.content.prune(pass)
	if err != nil && ctx.Err() == nil {
		failed(o, "/", err)
	}
	p.Pruned += int64(dropped)
	return ctx.Err()
}

// hashWanted hashes what listings have met by now: a first pass over a large tree takes days, and somebody waits for these.
func (f *FS) hashWanted(ctx context.Context, o *HashOptions, p *HashProgress) {
	for range f.content.wanted.count() {
		if n, ok := f.content.wanted.take(); ok {
			f.hashOne(ctx, n, o, p)
		}
	}
}

// KeepHashing hashes the whole tree, and what listings meet before the rest of it, until ctx ends. It goes over the
// whole tree again when so many digests came in that many of the records may be of files that are gone. The records are
// those of this tree, whichever they were of before.
func (f *FS) KeepHashing(ctx context.Context, o HashOptions) error {
	var p HashProgress
	err := f.passOver(ctx, &o, &p)
	for err == nil && f.content != nil {
		n, ok := f.content.wanted.take()
		if ok {
			err = f.hashOne(ctx, n, &o, &p)
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.content.wanted.more:
		case <-f.content.due:
			err = f.passOver(ctx, &o, &p)
		}
	}
	return err
}

// passOver is hashAll for KeepHashing.
func (f *FS) passOver(ctx context.Context, o *HashOptions, p *HashProgress) error {
	if f.content == nil {
		return nil
	}
	f.content.passing.Add(1)
	defer f.content.passing.Add(-1)
	err := f.hashAll(ctx, true, o, p)
	if err == nil && o.Passed != nil {
		o.Passed(*p)
	}
	return err
}

// Backlog is the number of files that wait for the background hasher.
func (f *FS) Backlog() int {
	if f.content == nil {
		return 0
	}
	return f.content.wanted.count()
}

// hashOne hashes one file, unless somebody who waited for it has; only the end of ctx is an error.
func (f *FS) hashOne(ctx context.Context, name string, o *HashOptions, p *HashProgress) error {
	name, err := f.base.Resolve(name)
	if err != nil {
		return ctx.Err()
	}
	i, err := f.base.Lookup(name)
	if err == nil {
		if _, known := f.content.get(i.Identity); known {
			return ctx.Err()
		}
	}
	began := time.Now()
	m := manner{bytesPerSecond: o.BytesPerSecond}
	if o.Progress != nil {
		m.tell = func(bytes int64) {
			now := *p
			now.Bytes += bytes
			o.Progress(now)
		}
	}
	r, err := f.hashFile(ctx, name, m)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if errors.Is(err, iofs.ErrPermission) {
			f.content.shut.note(i.Identity, met{})
		}
		if !errors.Is(err, fs.ErrIsDir) && !errors.Is(err, iofs.ErrNotExist) { // else it is a file no more
			failed(o, name, err)
		}
		return nil
	}
	if r.held {
		p.Files++
		p.Bytes += r.state.SizeBytes
		if o.Progress != nil {
			o.Progress(*p)
		}
	}
	return pace(ctx, o.BytesPerSecond, r.state.SizeBytes, time.Since(began))
}

// paced reads a file of sizeBytes in pieces, and no faster than so many bytes a second. What the last piece owes is
// for the caller to wait for.
type paced struct {
	ctx                       context.Context
	r                         io.Reader
	sizeBytes, bytesPerSecond int64
	began                     time.Time
	read                      int64
}

func (p *paced) Read(b []byte) (int, error) {
	if p.read < p.sizeBytes {
		if err := pace(p.ctx, p.bytesPerSecond, p.read, time.Since(p.began)); err != nil {
			return 0, err
		}
	}
	n, err := p.r.Read(b)
	p.read += int64(n)
	return n, err
}

// pace sleeps so that the rate is kept on average.
func pace(ctx context.Context, bytesPerSecond, n int64, took time.Duration) error {
	if bytesPerSecond <= 0 {
		return ctx.Err()
	}
	rest := time.Duration(float64(n)/float64(bytesPerSecond)*float64(time.Second)) - took
	if rest <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rest):
		return nil
	}
}

func failed(o *HashOptions, name string, err error) {
	if o.Failed != nil {
		o.Failed(name, err)
	}
}
