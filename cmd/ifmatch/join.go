package main

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// httpBufferBytes is the buffer through which net/http writes an answer. Of one with a small body the
// header and the beginning of the body fill it and are written, and then the rest: two system calls,
// two packets, and twice the client is woken.
const httpBufferBytes = 4 << 10

var joinBuffers = sync.Pool{New: func() any { return new([httpBufferBytes]byte) }}

// joiner holds a full buffer back until the rest of the answer comes. Only one that is certainly followed by
// more is held: the handler says so ([handler.Joiner]) for the answer that it writes next.
type joiner struct {
	next atomic.Bool
	held *[httpBufferBytes]byte // used by the goroutine that serves the connection alone
}

// hold tells whether it has taken p.
func (j *joiner) hold(p []byte) bool {
	if !j.next.Load() {
		return false
	}
	j.next.Store(false)
	if len(p) != httpBufferBytes || j.held != nil {
		return false
	}
	j.held = joinBuffers.Get().(*[httpBufferBytes]byte)
	copy(j.held[:], p)
	return true
}

// JoinNext has the next full buffer wait for what follows it.
func (c *idleTCPConn) JoinNext() { c.join.next.Store(true) }

// writeJoined writes what is held and then p, with one system call where the kernel takes all at once.
func (c *idleTCPConn) writeJoined(p []byte) (int, error) {
	held := c.join.held
	c.join.held = nil
	defer joinBuffers.Put(held)
	total, bufs := int64(0), net.Buffers{held[:], p}
	for {
		c.w.roll()
		n, err := bufs.WriteTo(c.TCPConn)
		total += n
		if n == 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return max(int(total)-httpBufferBytes, 0), err
		}
	}
}
