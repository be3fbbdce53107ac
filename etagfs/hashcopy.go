package etagfs

import (
	"crypto/sha256"
	"hash"
	"io"
	"sync"
)

// hashBuffer is one piece of a body on its way to the disk and to the hash.
const hashBufferBytes = 256 << 10

var hashBuffers = sync.Pool{New: func() any { return new([hashBufferBytes]byte) }}

// hashInFlight bounds how far hashing may fall behind writing.
const hashInFlight = 8

// copyHashing copies r to w and returns the SHA-256 of what it copied. Hashing goes on in a
// goroutine of its own while the next piece is received and written, so that a PUT with content
// tags takes the time of the slower of the two, not of both. The goroutine has ended on return.
func copyHashing(w io.Writer, r io.Reader) (d Digest, err error) {
	type piece struct {
		buf *[hashBufferBytes]byte
		n   int
	}
	pieces := make(chan piece, hashInFlight)
	sum := make(chan hash.Hash, 1)
	go func() {
		h := sha256.New()
		for p := range pieces {
			h.Write(p.buf[:p.n])
			hashBuffers.Put(p.buf)
		}
		sum <- h
	}()
	for err == nil {
		buf := hashBuffers.Get().(*[hashBufferBytes]byte)
		var n int
		n, err = io.ReadFull(r, buf[:])
		if n == 0 {
			hashBuffers.Put(buf)
			continue
		}
		if _, werr := w.Write(buf[:n]); werr != nil {
			err = werr
		}
		pieces <- piece{buf, n} // the hash alone reads the buffer from here on
	}
	close(pieces)
	h := <-sum
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	h.Sum(d[:0])
	return d, err
}
