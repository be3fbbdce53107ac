package main

import (
	"context"
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

// ticks is a clock that costs nothing to read: it counts eighths of the idle time. A deadline is
// moved when it has ticked, so it is good for seven eighths of the idle time at least.
type ticks struct {
	idle time.Duration
	n    atomic.Int64
	stop chan struct{}
}

// newTicks starts the clock; close(stop) stops it. One of no idle time never ticks, so no deadline is ever set.
func newTicks(idle time.Duration) *ticks {
	t := &ticks{idle: idle, stop: make(chan struct{})}
	if idle == 0 {
		return t
	}
	t.n.Store(1)
	go func() {
		tick := time.NewTicker(max(idle/8, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				t.n.Add(1)
			case <-t.stop:
				return
			}
		}
	}()
	return t
}

// idleListener gives each connection a write deadline that rolls with its progress.
type idleListener struct {
	net.Listener
	ticks *ticks
}

func (l idleListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &idleTCPConn{TCPConn: tcp, w: idleWriter{Conn: c, ticks: l.ticks}}, nil
	}
	return &idleConn{Conn: c, w: idleWriter{Conn: c, ticks: l.ticks}}, nil
}

// idleTCPConn keeps what net/http finds in a TCPConn: ReadFrom (sendfile) and CloseWrite.
type idleTCPConn struct {
	*net.TCPConn
	w    idleWriter
	join joiner
}

func (c *idleTCPConn) Write(p []byte) (int, error) {
	switch {
	case c.join.hold(p):
		return len(p), nil
	case c.join.held != nil:
		return c.writeJoined(p)
	}
	return c.w.write(p)
}

func (c *idleTCPConn) SetWriteDeadline(t time.Time) error { return c.w.SetWriteDeadline(t) }

// ReadFrom sends a file by sendfile. When the deadline passes it looks whether bytes have moved
// since it was set, and only then goes on.
func (c *idleTCPConn) ReadFrom(src io.Reader) (total int64, err error) {
	if c.join.held != nil {
		if _, err := c.writeJoined(nil); err != nil {
			return 0, err
		}
	}
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

func (c *idleConn) SetWriteDeadline(t time.Time) error { return c.w.SetWriteDeadline(t) }

// CloseWrite lets net/http end its side first, so that the client reads the last answer.
func (c *idleConn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(c net.Conn) error {
	if cw, ok := c.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// idleWriter writes with a deadline that rolls. Safe for concurrent use, as net.Conn asks.
type idleWriter struct {
	net.Conn
	ticks *ticks
	last  atomic.Int64 // the tick at which the deadline was set
	other atomic.Bool  // somebody else has set one since
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

// SetWriteDeadline is for net/http and crypto/tls. net/http has none any more after the handshake of TLS and after each request;
// ours stays then, since writes look at the tick alone.
func (w *idleWriter) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() {
		w.other.Store(true)
	} else if w.other.Swap(false) {
		w.last.Store(0)
	} else {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// roll moves the deadline forward, once in a tick.
func (w *idleWriter) roll() {
	if now := w.ticks.n.Load(); now != w.last.Load() {
		w.last.Store(now)
		w.Conn.SetWriteDeadline(time.Now().Add(w.ticks.idle))
	}
}

// idleBodies gives request bodies a read deadline that rolls with their progress. ctx ends when the server stops.
func idleBodies(ctx context.Context, next http.Handler, ticks *ticks) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			b := &idleBody{ReadCloser: r.Body, rc: http.NewResponseController(w), ticks: ticks}
			b.roll() // also for what net/http reads away when the handler does not want the body
			// net/http looks at its own request afterwards: a body of another type there would be
			// asked for with 100 Continue, only to be thrown away.
			r2 := *r
			r2.Body = b
			r = &r2
		}
		next.ServeHTTP(w, r)
		if b, ok := r.Body.(*idleBody); ok {
			b.linger(ctx, w, r)
		}
	})
}

// idleBody is a request body on which something has to move.
type idleBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	ticks *ticks
	last  int64
	ended bool // it was read to its end, or broke off
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.roll()
	n, err := b.ReadCloser.Read(p)
	b.ended = err != nil
	if err == io.EOF {
		// From here on net/http reads in the background to see whether the client goes away; a
		// deadline left behind would look like that.
		b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *idleBody) roll() {
	if now := b.ticks.n.Load(); now != b.last {
		b.last = now
		b.rc.SetReadDeadline(time.Now().Add(b.ticks.idle))
	}
}

// lingerTime is how long what is left of a body is taken, and lingerIdle how long nothing of it may come meanwhile.
const lingerTime, lingerIdle = 30 * time.Second, 5 * time.Second

// linger sends the answer, and throws away what is left of a body that the handler did not want, such as that of an
// upload that is refused at once. A client that reads nothing before it has sent all, such as wget or gvfs, does not see the answer
// when the connection is closed before: it tells of a broken network, and wget tries again for minutes. RFC 9112 §9.6.
// Whoever asked for 100 Continue may have waited long enough, and sends as well: net/http asks for nothing any more. An answer
// of unknown length would end with the handler only.
func (b *idleBody) linger(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if b.ended || r.ProtoMajor != 1 || w.Header()["Content-Length"] == nil || b.rc.Flush() != nil {
		return
	}
	piece := make([]byte, 64<<10)
	for until := time.Now().Add(lingerTime); time.Now().Before(until) && ctx.Err() == nil; {
		b.rc.SetReadDeadline(time.Now().Add(lingerIdle))
		if _, err := b.ReadCloser.Read(piece); err != nil {
			return
		}
	}
}
