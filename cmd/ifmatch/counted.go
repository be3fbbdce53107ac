package main

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// count lets m see each request of next and its answer, but for our own probes.
func (m *metrics) count(next http.Handler) http.Handler {
	if m == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.Context().Value(ownProbe{}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		c := countedPool.Get().(*counted)
		*c = counted{ResponseWriter: w, m: m}
		began := time.Now()
		m.inFlight.Inc()
		defer func() {
			m.inFlight.Dec()
			m.answered(r.Method, c.status, time.Since(began), c.stream)
			*c = counted{}
			countedPool.Put(c)
		}()
		next.ServeHTTP(c, c.request(r))
		if c.status == 0 {
			c.status = http.StatusOK // net/http says so now; after a panic nobody does
		}
	})
}

// counted is the http.ResponseWriter of one request. It keeps what the inner one can do: sendfile by io.ReaderFrom,
// Flush, and http.ResponseController by Unwrap. It is pooled, so nobody may hold it after ServeHTTP has returned.
type counted struct {
	http.ResponseWriter
	m      *metrics
	status int  // 0: nothing written yet
	stream bool // it lasts as long as the client wants
}

var countedPool = sync.Pool{New: func() any { return new(counted) }}

// request is r with a body that is counted, where it has one.
func (c *counted) request(r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	// A request of its own, since net/http looks at the body of the one that it made (idle.go).
	in := &countedRequest{Request: *r, body: countedBody{r.Body, c.m}}
	in.Body = &in.body
	return &in.Request
}

type countedRequest struct {
	http.Request
	body countedBody
}

type countedBody struct {
	io.ReadCloser
	m *metrics
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.m.received.Add(float64(n))
	return n, err
}

func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Flush sends what is buffered, where the inner writer can.
func (c *counted) Flush() { http.NewResponseController(c.ResponseWriter).Flush() }

func (c *counted) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.began(status)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) began(status int) {
	c.status = status
	kind := c.Header()["Content-Type"]
	c.stream = len(kind) > 0 && strings.HasPrefix(kind[0], "text/event-stream")
}

func (c *counted) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.began(http.StatusOK)
	}
	n, err := c.ResponseWriter.Write(p)
	c.m.sent.Add(float64(n))
	return n, err
}

// ReadFrom hands src on as it is, so that a file goes by sendfile.
func (c *counted) ReadFrom(src io.Reader) (int64, error) {
	if c.status == 0 {
		c.began(http.StatusOK)
	}
	n, err := io.Copy(c.ResponseWriter, src)
	c.m.sent.Add(float64(n))
	return n, err
}
