package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// A connection on which nothing moves is closed, and one on which bytes move is never closed for
// how long it takes: neither net/http's ReadTimeout nor its WriteTimeout can say that, since both
// bound the whole message. So deadlines roll forward with the bytes: those of answers here, on
// the connection, and those of request bodies in idleBody.

// idleListener gives each connection a write deadline that rolls with its progress.
type idleListener struct {
	net.Listener
	idle time.Duration
}

func (l idleListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &idleTCPConn{TCPConn: tcp, w: idleWriter{Conn: c, idle: l.idle}}, nil
	}
	return &idleConn{Conn: c, w: idleWriter{Conn: c, idle: l.idle}}, nil
}

// idleTCPConn keeps what net/http finds in a TCPConn: ReadFrom (sendfile) and CloseWrite.
type idleTCPConn struct {
	*net.TCPConn
	w idleWriter
}

func (c *idleTCPConn) Write(p []byte) (int, error) { return c.w.write(p) }

// ReadFrom sends a file by sendfile. When the deadline passes it looks whether bytes have moved
// since it was set, and only then goes on.
func (c *idleTCPConn) ReadFrom(src io.Reader) (total int64, err error) {
	lr, ok := src.(*io.LimitedReader)
	if !ok {
		lr = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	for {
		c.w.roll()
		before := lr.N
		n, err := c.TCPConn.ReadFrom(lr)
		total += n
		// Without sendfile, bytes that were read and not written are lost: no going on then.
		lost := before-lr.N != n
		if n == 0 || lost || !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
	}
}

// idleConn is any other connection, such as one of a Unix socket.
type idleConn struct {
	net.Conn
	w idleWriter
}

func (c *idleConn) Write(p []byte) (int, error) { return c.w.write(p) }

// CloseWrite lets net/http end its side first, so that the client reads the last answer.
func (c *idleConn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// idleWriter writes with a deadline that rolls. Safe for concurrent use, as net.Conn asks.
type idleWriter struct {
	net.Conn
	idle time.Duration
	last atomic.Int64 // when the deadline was set, nanoseconds since 1970
}

func (w *idleWriter) write(p []byte) (total int, err error) {
	for {
		w.roll()
		n, err := w.Conn.Write(p)
		total += n
		if n == 0 || n == len(p) || !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
		p = p[n:]
	}
}

// roll moves the deadline forward. It spares most calls: a deadline is good for between three
// quarters and the whole of the idle time.
func (w *idleWriter) roll() {
	now := time.Now()
	if now.UnixNano()-w.last.Load() > int64(w.idle/4) {
		w.last.Store(now.UnixNano())
		w.Conn.SetWriteDeadline(now.Add(w.idle))
	}
}

// idleBodies gives request bodies a read deadline that rolls with their progress.
func idleBodies(next http.Handler, idle time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			b := &idleBody{ReadCloser: r.Body, rc: http.NewResponseController(w), idle: idle}
			b.roll() // also for what net/http reads away when the handler does not want the body
			r.Body = b
		}
		next.ServeHTTP(w, r)
	})
}

// idleBody is a request body on which something has to move.
type idleBody struct {
	io.ReadCloser
	rc   *http.ResponseController
	idle time.Duration
	last time.Time
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.roll()
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		// From here on net/http reads in the background to see whether the client goes away; a
		// deadline left behind would look like that.
		b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *idleBody) roll() {
	if now := time.Now(); now.Sub(b.last) > b.idle/4 {
		b.last = now
		b.rc.SetReadDeadline(now.Add(b.idle))
	}
}
