package handler

import (
	"context"
	"net/http"
)

// Joiner is a connection that can hold the next buffer of an answer back until the rest follows, so that a small
// answer is one write and not two.
type Joiner interface{ JoinNext() }

// Drainer is a connection that can wait until the other side has all that was written to it; false: that takes nothing any more.
type Drainer interface{ Drain() bool }

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

// drain tells whether the other side has all that was written to it, as far as can be told.
func drain(r *http.Request) bool {
	d, ok := r.Context().Value(connKey{}).(Drainer)
	return !ok || d.Drain()
}
