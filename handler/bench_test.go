package handler

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// nowhere is a ResponseWriter that costs next to nothing, so that the benchmarks show the handler.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(status int)      { w.status = status }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkHandler(b *testing.B) {
	base, err := fs.OpenRoot(b.TempDir(), fs.RootOptions{})
	must(b, err)
	defer base.Close()
	h, err := New(NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}), Options{})
	must(b, err)
	content := bytes.Repeat([]byte("x"), 4096)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodPut, "/x.txt", bytes.NewReader(content)))
	tag := rec.Header().Get("Etag")
	for _, c := range []struct{ name, method, path, field, value string }{
		{"HEAD", "HEAD", "/x.txt", "", ""},
		{"304", "GET", "/x.txt", "If-None-Match", tag},
		{"412", "PUT", "/x.txt", "If-Match", `"stale"`},
		{"404", "GET", "/nothing", "", ""},
		{"GET_4KiB", "GET", "/x.txt", "", ""},
		{"GET_range", "GET", "/x.txt", "Range", "bytes=0-99"},
		{"OPTIONS", "OPTIONS", "/x.txt", "", ""},
		{"PUT_4KiB", "PUT", "/y.txt", "", ""},
		{"PUT_4KiB_If-Match", "PUT", "/y.txt", "If-Match", "*"},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := &nowhere{header: http.Header{}}
			body := bytes.NewReader(nil)
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(""))
			if c.field != "" {
				r.Header.Set(c.field, c.value)
			}
			if c.method == http.MethodPut {
				r.ContentLength = int64(len(content))
				r.Body = io.NopCloser(body)
			}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				body.Reset(content)
				h.ServeHTTP(w, r)
			}
		})
	}
}
