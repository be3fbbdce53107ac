package etagfs

import (
	"crypto/sha256"
	"hash"
	"io"
	"sync"
)

// A body begins in a small buffer, as most are small, and goes on in pieces of large ones, on their way to the disk and
// to the hash.
const (
	firstBufferBytes = 16 << 10
	hashBufferBytes  = 256 << 10
)

var (
	firstBuffers = sync.Pool{New: func() any { return new([firstBufferBytes]byte) }}
	hashBuffers  = sync.Pool{New: func() any { return new([hashBufferBytes]byte) }}
)

// hashInFlight bounds how far hashing may fall behind writing.
const hashInFlight = 16

// copyHashing copies r to w and returns the SHA-256 of what it copied. Of a body that is not small, hashing goes on in a
// goroutine of its own while the next piece is received and written, so that a PUT with content tags takes the time of
// the slower of the two, not of both. The goroutine has ended on return.
func copyHashing(w io.Writer, r io.Reader) (d Digest, err error) {
	h := sha256.New()
	first := firstBuffers.Get().(*[firstBufferBytes]byte)
	n, err := passOn(w, r, first[:])
	h.Write(first[:n])
	firstBuffers.Put(first)
	if err == nil {
		err = copyInPieces(w, r, h)
	}
	if err == io.EOF {
		err = nil
	}
	h.Sum(d[:0])
	return d, err
}

// copyInPieces copies r to w and h, to h later than to w. It ends with an error, io.EOF at the end of r.
func copyInPieces(w io.Writer, r io.Reader, h hash.Hash) (err error) {
	type piece struct {
		buf *[hashBufferBytes]byte
		n   int
	}
	pieces := make(chan piece, hashInFlight)
	var hashing sync.WaitGroup
	hashing.Go(func() {
		for p := range pieces {
			h.Write(p.buf[:p.n])
			hashBuffers.Put(p.buf)
		}
	})
	for err == nil {
		p := piece{buf: hashBuffers.Get().(*[hashBufferBytes]byte)}
		p.n, err = passOn(w, r, p.buf[:])
		pieces <- p // the hash alone reads the buffer from here on
	}
	close(pieces)
	hashing.Wait()
	return err
}

// passOn fills buf from r and writes it to w. Error io.EOF: that was the last of r.
func passOn(w io.Writer, r io.Reader, buf []byte) (n int, err error) {
	n, err = io.ReadFull(r, buf)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	if n > 0 {
		if _, werr := w.Write(buf[:n]); werr != nil {
			err = werr
		}
	}
	return n, err
}
