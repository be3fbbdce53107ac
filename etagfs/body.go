package etagfs

import (
	"context"
	"io"

	"ifmatch/fs"
)

// fill copies the body into the staged file, telling failures of the body from those of the disk.
// The digest is nil with stat tags.
func (f *FS) fill(staged fs.Staged, b *bodyReader) (digest *Digest, err error) {
	if f.content != nil {
		var d Digest
		d, err = copyHashing(staged, b)
		digest = &d
	} else {
		_, err = staged.ReadFrom(b)
	}
	if b.err != nil {
		err = &BodyError{b.err}
	}
	return digest, err
}

// bodyReader remembers its own failure, and ends when the request does, or when there is no more room. What it has read
// is written before a large buffer more is read.
type bodyReader struct {
	ctx  context.Context
	r    io.Reader
	room *room
	old  int64 // bytes that it is to replace
	read int64
	err  error // but for io.EOF and ErrQuota

	to  fs.Staged // that is to be durable, else nil
	out int64     // bytes of it that are on their way to the disk
}

// outBytes is how much of a body that is to be durable is collected before the disk gets it: enough to be written in
// one go, and too little to wait for at the end.
const outBytes = 8 << 20

func (b *bodyReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		b.err = err
		return 0, err
	}
	n, err := b.r.Read(p)
	if end := b.read - largeBufferBytes; b.to != nil && end-b.out >= outBytes { // what came later may be in a buffer still
		b.to.WriteOut(b.out, end-b.out)
		b.out = end
	}
	b.read += int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	} else if full := b.room.need(b.read - b.old); full != nil {
		return 0, full
	}
	return n, err
}
