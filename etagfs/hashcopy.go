package etagfs

import (
	"crypto/sha256"
	"hash"
	"io"
	"runtime"
	"sync"
)

// A body begins in a small buffer, as most are small, and goes on in pieces, on their way to the disk and to the hash:
// small ones while hashing keeps up with what is received, else large ones. For each piece that is handed over a thread
// is woken, which can cost as much as hashing 64 KiB, and who sends has to stop for it, too.
const (
	firstBufferBytes = 16 << 10
	hashBufferBytes  = 256 << 10
	largeBufferBytes = 4 << 20
)

var (
	firstBuffers = sync.Pool{New: func() any { return new([firstBufferBytes]byte) }}
	hashBuffers  = sync.Pool{New: func() any { return new([hashBufferBytes]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBufferBytes]byte) }}
)

// hashInFlight is how many pieces of a body wait to be hashed.
const hashInFlight = 2

// largeInUse bounds the large buffers of all bodies together: on each processor one is filled, one hashed and the others wait.
var largeInUse = make(chan struct{}, (2+hashInFlight)*runtime.GOMAXPROCS(0))

// piece is a part of a body in one of two sizes of buffer.
type piece struct {
	small *[hashBufferBytes]byte
	large *[largeBufferBytes]byte
	n     int
}

func newPiece(large bool) piece {
	if large {
		select {
		case largeInUse <- struct{}{}:
			return piece{large: largeBuffers.Get().(*[largeBufferBytes]byte)}
		default:
		}
	}
	return piece{small: hashBuffers.Get().(*[hashBufferBytes]byte)}
}

func (p *piece) buffer() []byte {
	if p.large != nil {
		return p.large[:]
	}
	return p.small[:]
}

func (p *piece) give() {
	if p.large != nil {
		largeBuffers.Put(p.large)
		<-largeInUse
		return
	}
	hashBuffers.Put(p.small)
}

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
	pieces := make(chan piece, hashInFlight)
	var hashing sync.WaitGroup
	hashing.Go(func() {
		for p := range pieces {
			h.Write(p.buffer()[:p.n])
			p.give()
		}
	})
	for err == nil {
		p := newPiece(len(pieces) == hashInFlight)
		p.n, err = passOn(w, r, p.buffer())
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
