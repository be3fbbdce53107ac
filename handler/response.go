package handler

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// response wraps the http.ResponseWriter of one request: it counts, remembers for the access log, and
// keeps what the inner one can do (sendfile by io.ReaderFrom, Flush, and http.ResponseController by
// Unwrap). It is pooled, so nobody may hold it after ServeHTTP has returned.
type response struct {
	http.ResponseWriter
	request *http.Request
	began   time.Time
	id      string // RequestID
	status  int    // 0: nothing written yet
	sent    int64  // bytes of the body
	why     string
	failure error    // cause of a 5xx
	warn    bool     // the one who runs the server should look
	vals    []string // room for the values of header fields
}

func (w *response) start(inner http.ResponseWriter, r *http.Request, id string, now time.Time) {
	*w = response{ResponseWriter: inner, request: r, began: now, id: id}
	set(w, requestIDField, id)
}

// Unwrap serves http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	if status == http.StatusPartialContent && strings.HasPrefix(w.Header().Get("Content-Type"), "multipart/byteranges") {
		defer w.beforeParts()()
	}
	w.ResponseWriter.WriteHeader(status)
}

// beforeParts makes room for an empty line before the first boundary, and returns what writes it. RFC 9110 §14.6 allows the
// line and other servers send it; zsync reads one away, takes the parts for none where there is none, and asks for ever.
func (w *response) beforeParts() (write func()) {
	n, _ := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	set(w, "Content-Length", strconv.FormatInt(n+2, 10))
	return func() { _, _ = io.WriteString(w, "\r\n") }
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// ReadFrom sends what http.ServeContent copies; bytes of a file go the way that can end in sendfile.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if part, ok := src.(*io.LimitedReader); ok {
		if c, ok := part.R.(*content); ok {
			n, err := c.send(w, part.N)
			part.N -= n
			return n, err
		}
	}
	return w.copy(src)
}

// copy hands src to the inner writer as it is.
func (w *response) copy(src io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, src)
	w.sent += n
	return n, err
}

// Flush sends what is buffered, where the inner writer can.
func (w *response) Flush() { http.NewResponseController(w.ResponseWriter).Flush() }

// set assigns a header field whose key is canonical. The values of one response share one array, so that
// a usual answer allocates once for all its fields; the array is not pooled, because net/http reads the
// fields after the handler has returned.
func set(w http.ResponseWriter, key, value string) {
	res, ok := w.(*response)
	if !ok {
		w.Header()[key] = []string{value}
		return
	}
	if len(res.vals) == cap(res.vals) {
		res.vals = make([]string, 0, 9)
	}
	n := len(res.vals)
	res.vals = append(res.vals, value)
	res.ResponseWriter.Header()[key] = res.vals[n : n+1 : n+1]
}
