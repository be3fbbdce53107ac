package handler

import (
	"context"
	"net/http"
)

// Joiner is a connection that can hold the next buffer of an answer back until the rest follows, so that a small
// answer is one write and not two.
type Joiner interface{ JoinNext() }

// Drainer is a connection that knows what the other side has of what was written to it.
type Drainer interface {
	// ToCopy is how many of n bytes, the last ones, are to be copied and not sent as pages of a file (sendfile): usual, unless
	// the connection knows better.
	ToCopy(n, usual int64) int64
	// Drain waits until the other side has got all that was written but the last copied bytes. false: it takes no more.
	Drain(copied int64) bool
}

type connKey struct{}

// WithConn says which net.Conn the requests of a context come by (http.Server.ConnContext). It is asked for what it can do as
// [Joiner] and [Drainer].
func WithConn(ctx context.Context, c any) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// joinBytes of body cannot fit with a header into the buffer through which net/http writes: so when
// that is full, more is certain to follow.
const joinBytes = 4 << 10

// joinNext is called before such a body is written, all of which is there already.
func joinNext(r *http.Request) {
	if j, ok := r.Context().Value(connKey{}).(Joiner); ok {
		j.JoinNext()
	}
}

// toCopy is what a Drainer says, or copiedBytes.
func toCopy(r *http.Request, n int64) int64 {
	if d, ok := r.Context().Value(connKey{}).(Drainer); ok {
		return d.ToCopy(n, copiedBytes)
	}
	return copiedBytes
}

// drain tells whether the other side has all that was written to it but for copied bytes, as far as can be told.
func drain(r *http.Request, copied int64) bool {
	d, ok := r.Context().Value(connKey{}).(Drainer)
	return !ok || d.Drain(copied)
}
