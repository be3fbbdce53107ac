package handler_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

const (
	askFour = `<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getcontentlength/><D:getlastmodified/><D:resourcetype/><D:getetag/></D:prop></D:propfind>`
	askAll  = `<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`
)

// counting is an answer that nobody reads.
type counting struct {
	header http.Header
	status int
	bytes  int64
}

func (c *counting) Header() http.Header  { return c.header }
func (c *counting) WriteHeader(code int) { c.status = code }
func (c *counting) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

func handlerOn(t testing.TB, dir string, o handler.Options) *handler.Handler {
	t.Helper()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	t.Cleanup(func() { base.Close() })
	h, err := handler.New(handler.NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}), o)
	must(t, err)
	return h
}

func files(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%06d.txt", i)), []byte("some text\n"), 0o644))
	}
}

// Depth 0 is what macOS and Windows ask for most.
func BenchmarkPropfindDepthZero(b *testing.B) {
	dir := b.TempDir()
	files(b, dir, 1)
	h := handlerOn(b, dir, handler.Options{})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("PROPFIND", "/f000000.txt", strings.NewReader(askAll))
		r.Header.Set("Depth", "0")
		h.ServeHTTP(&counting{header: http.Header{}}, r)
	}
}

func BenchmarkPropfind(b *testing.B) {
	for _, n := range []int{0, 1000, 10000} {
		dir := b.TempDir()
		files(b, dir, n)
		h := handlerOn(b, dir, handler.Options{})
		for name, body := range map[string]string{"four": askFour, "all": askAll} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				var c counting
				for b.Loop() {
					r := httptest.NewRequest("PROPFIND", "/", strings.NewReader(body))
					r.Header.Set("Depth", "1")
					c = counting{header: http.Header{}}
					h.ServeHTTP(&c, r)
				}
				if c.status != http.StatusMultiStatus {
					b.Fatal(c.status)
				}
				b.ReportMetric(float64(c.bytes)/float64(n+1), "bytes/entry")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n+1), "ns/entry")
			})
		}
	}
}
