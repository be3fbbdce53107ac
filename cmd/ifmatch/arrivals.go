package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"ifmatch/handler"
)

// arrivals are the connections whose first request has not reached the handler yet. net/http drops
// such a request without an answer when Shutdown comes in between, and a client whose connection was
// accepted cannot know that it would be safe to ask again. Safe for concurrent use.
type arrivals struct {
	mu    sync.Mutex
	fresh map[net.Conn]struct{} // guarded by mu
}

// arrival is what the context of a request knows of its connection.
type arrival struct {
	conn net.Conn
	met  atomic.Bool // a request has reached the handler
}

type arrivalKey struct{}

// meet lets srv tell of its connections.
func meet(srv *http.Server) *arrivals {
	a := &arrivals{fresh: make(map[net.Conn]struct{})}
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		a.mu.Lock()
		a.fresh[c] = struct{}{}
		a.mu.Unlock()
		return handler.WithConn(context.WithValue(ctx, arrivalKey{}, &arrival{conn: c}), c)
	}
	srv.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			a.forget(c)
		}
	}
	next := srv.Handler
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(arrivalKey{}).(*arrival); ok && !c.met.Swap(true) {
			a.forget(c.conn)
		}
		next.ServeHTTP(w, r)
	})
	return a
}

func (a *arrivals) forget(c net.Conn) {
	a.mu.Lock()
	delete(a.fresh, c)
	a.mu.Unlock()
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.fresh)
}

// arrivalTime is how long a connection that was just accepted has for its first request when the
// server stops; most have sent it already.
const arrivalTime = time.Second

// drain stops accepting on lns and waits until the first request of each connection that was accepted
// is in the hands of the handler; srv.Shutdown then waits for the answers.
func (a *arrivals) drain(srv *http.Server, lns []net.Listener) {
	srv.SetKeepAlivesEnabled(false) // each answer is the last on its connection
	for _, ln := range lns {
		ln.Close()
	}
	for until := time.Now().Add(arrivalTime); a.count() > 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}
