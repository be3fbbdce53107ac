package etagfs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"ifmatch/fs"
)

// hashTag is the entity-tag of bytes. The leading letter keeps it apart from stat tags, so that
// switching the mode of a share only makes old tags stop matching.
func hashTag(d Digest) ETag {
	var out [1 + 43]byte
	out[0] = 'h'
	base64.RawURLEncoding.Encode(out[1:], d[:])
	return ETag{Opaque: string(out[:])}
}

// content makes tags of what is in the files: equal bytes have equal tags, whoever touched them.
type content struct {
	*digests
	wanted  *backlog
	shut    states[met]        // of files that may not be read: no listing asks for their digests again
	flights singleflight.Group // of hashShared

	hits, misses             atomic.Uint64 // of tag
	hashedFiles, hashedBytes atomic.Uint64
	passing                  atomic.Int32 // background hashers that go over the whole tree
}

// tag returns the content tag for an identity; zero when the digest is not known yet.
func (c *content) tag(i *fs.Info) (ETag, *Digest) {
	d, ok := c.get(i.Identity)
	if !ok {
		c.misses.Add(1)
		return ETag{}, nil
	}
	c.hits.Add(1)
	return hashTag(d), &d
}

// notHashed is what a Check is answered with instead of a state whose tag is not known: the latch is
// released, the file hashed, and the operation tried again.
type notHashed struct {
	in   *FS
	name string
}

func (e *notHashed) Error() string { return e.name + ": digest not known yet" }

// hashAttempts bounds how often a file that changes all the time is hashed for one operation.
const hashAttempts = 3

// hashed runs an operation under latches until all tags that it needs are known. A file that does
// not hold still has no tag: the last attempt goes on without.
func (f *FS) hashed(ctx context.Context, operate func(last bool) error) error {
	for i := 0; ; i++ {
		last := i == hashAttempts
		err := operate(last)
		miss, ok := errors.AsType[*notHashed](err)
		if !ok || last {
			return err
		}
		if _, err := miss.in.settle(ctx, miss.name); err != nil {
			return err
		}
	}
}

// settle hashes a file so that its digest can be kept: it waits until the clock has moved on
// since the last change. Nothing is found where there is no file any more.
func (f *FS) settle(ctx context.Context, name string) (found, error) {
	info, err := f.base.Lookup(name)
	if err != nil {
		return found{}, nil // the operation will see it
	}
	for n := 0; n < 2 && f.tags.young(info.Identity); n++ { // the clock of the file system may be a step behind ours
		select {
		case <-ctx.Done():
			return found{}, ctx.Err()
		case <-time.After(f.tags.left(info.Identity, f.tags.now()) + time.Millisecond):
		}
	}
	return f.hashShared(ctx, name, &info)
}

// found is the digest of the bytes of a state. held tells that nobody could have changed the file while they were read;
// otherwise the digest is of no state. sure tells that nobody could since then either and leave the state as it is.
type found struct {
	digest     Digest
	state      fs.Info
	held, sure bool
}

// is makes the state that was found that of info.
func (r *found) is(info *Info) {
	info.Info, info.Tag, info.Digest = r.state, hashTag(r.digest), &r.digest
}

// hashShared is hashFile for those who wait for it and have seen this state: one of them reads, unless somebody just
// has. What is found is the state that was seen, or a later one. When the one who reads gives up, the next one begins anew.
func (f *FS) hashShared(ctx context.Context, name string, seen *fs.Info) (r found, err error) {
	if f.tags.young(seen.Identity) {
		return f.hashFile(ctx, name, manner{}) // a later state may look the same
	}
	for {
		one := f.content.flights.DoChan(fmt.Sprint(seen.Identity, name), func() (r any, err error) {
			defer func() {
				if p := recover(); p != nil { // in a goroutine of its own it would end the process
					f.log.Error("hashing", "name", name, "panic", p, "stack", string(debug.Stack()))
					r, err = found{}, fmt.Errorf("panic: %v", p)
				}
			}()
			if d, known := f.content.get(seen.Identity); known {
				return found{d, *seen, true, true}, nil
			}
			return f.hashFile(ctx, name, manner{})
		})
		select {
		case <-ctx.Done():
			return found{}, ctx.Err()
		case r := <-one:
			if ctx.Err() != nil || !errors.Is(r.Err, context.Canceled) && !errors.Is(r.Err, context.DeadlineExceeded) {
				return r.Val.(found), r.Err
			}
		}
	}
}

// manner is how a file is read for its digest.
type manner struct {
	bytesPerSecond int64             // no faster than that; 0: as fast as it can be
	tell           func(bytes int64) // nil: nobody; how many were read so far, after every tellBytes
}

const tellBytes = 8 << 20

// hashFile reads a file and keeps its digest, if it may be kept.
func (f *FS) hashFile(ctx context.Context, name string, m manner) (found, error) {
	c := f.content
	f.reports.watch(path.Dir(name)) // without a watch, stat alone decides
	t := c.begin(name)
	r, err := f.readDigest(ctx, name, m, t)
	r.sure = r.held && !c.young(r.state.Identity, t.began)
	t.end(r.state.Identity, r.digest, r.held)
	if r.held {
		c.hashedFiles.Add(1)
		c.hashedBytes.Add(uint64(r.state.SizeBytes))
	}
	return r, err
}

// readDigest reads a file and returns the digest of its bytes with the state they belong to; it does not read one that
// another program has open for writing, nor more than the state says: some of /proc have no end. t is nil where the digest
// is not kept.
func (f *FS) readDigest(ctx context.Context, name string, m manner, t *ticket) (r found, err error) {
	file, err := f.base.OpenRead(name)
	if err != nil {
		return r, err
	}
	defer file.Close()
	r.state = file.Info()
	t.opened(r.state.Identity)
	if !quiet(file) { // asked before the bytes are read, which would be those of no state
		return r, nil
	}
	var from io.Reader = &bodyReader{ctx: ctx, r: file}
	if m.bytesPerSecond > 0 {
		from = &paced{ctx: ctx, r: from, sizeBytes: r.state.SizeBytes, bytesPerSecond: m.bytesPerSecond, began: time.Now()}
	}
	if m.tell != nil {
		from = &told{r: from, tell: m.tell}
	}
	h := sha256.New()
	buf := hashBuffers.Get().(*[hashBufferBytes]byte)
	defer hashBuffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{h}, io.LimitReader(from, r.state.SizeBytes+1), buf[:])
	if err != nil {
		return r, err
	}
	after, err := file.Again()
	if err != nil {
		return r, err
	}
	h.Sum(r.digest[:0])
	r.held = n == r.state.SizeBytes && after.Identity == r.state.Identity // else it changed, or its file system says another size
	return r, nil
}

// told tells how much of a file was read.
type told struct {
	r          io.Reader
	tell       func(bytes int64)
	read, said int64
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if t.read += int64(n); t.read-t.said >= tellBytes {
		t.said = t.read
		t.tell(t.read)
	}
	return n, err
}

// tooLarge tells whether hashing would give the resource a tag, and takes too long for who only looks at it.
func (f *FS) tooLarge(i *Info) bool { return f.untagged(i) && i.SizeBytes > f.limitBytes }

// lazily hashes a file that a Stat or Open met without digest, unless it is too large to let
// somebody wait for it; then the background hasher gets it. unsure tells that the bytes may be others by now, and
// the state still the same.
func (f *FS) lazily(info *Info) (unsure bool) {
	if !f.untagged(info) {
		return false
	}
	if f.tooLarge(info) {
		f.content.wanted.add(info.Name)
		return false
	}
	r, err := f.hashShared(context.Background(), info.Name, &info.Info)
	if err != nil || !r.held {
		return false
	}
	r.is(info)
	return !r.sure
}
