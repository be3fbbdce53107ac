package handler_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// An archive holds every member once, follows no link around in circles and none out of the tree, and has
// names that are safe where a backslash is a separator.
func TestZipOfATreeWithLinks(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a/b/deep.txt": "deep", "a/top.txt": "top", `a/x\y.txt`: "back", "beside.txt": "no"} {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	for link, to := range map[string]string{"a/b/round": "..", "a/out": "/etc", "a/also.txt": "top.txt"} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	answer, err := http.Get(serve(t, base, handler.Options{}) + "/a/?zip")
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	must(t, err)
	var got []string
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(f.Name, err)
		}
		got = append(got, f.Name+"="+string(text))
	}
	want := []string{"also.txt=top", "b/=", "b/deep.txt=deep", "top.txt=top", "x_y.txt=back"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// An entry has the time of its resource, also a collection; a zip file knows none before 1980, and none after 2106.
func TestTimesInAZip(t *testing.T) {
	dir := t.TempDir()
	want := map[string]time.Time{"d/": time.Date(2020, 5, 17, 10, 0, 0, 0, time.Local), "d/f": time.Date(1980, 1, 1, 0, 0, 0, 0, time.Local),
		"d/late": time.Date(2106, 1, 1, 0, 0, 0, 0, time.Local)}
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	for name, at := range map[string]time.Time{"d/f": time.Unix(0, 0), "d/late": time.Date(2200, 1, 1, 0, 0, 0, 0, time.Local)} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
		must(t, os.Chtimes(filepath.Join(dir, name), time.Time{}, at))
	}
	must(t, os.Chtimes(filepath.Join(dir, "d"), time.Time{}, want["d/"]))
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	_, body := do(t, "GET", serve(t, base, handler.Options{})+"/?zip", "")
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	must(t, err)
	for _, f := range z.File {
		at := want[f.Name]
		date := uint16(at.Day() | int(at.Month())<<5 | (at.Year()-1980)<<9) // what Windows shows
		if f.ModifiedDate != date || !f.Modified.Equal(at) {
			t.Errorf("%s: %v (%x), want %v (%x)", f.Name, f.Modified, f.ModifiedDate, at, date)
		}
	}
	if len(z.File) != len(want) {
		t.Errorf("%d entries", len(z.File))
	}
}

// An archive is sent while it is made: of one that is larger than any memory, the beginning comes at once.
func TestZipIsStreamed(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "large"))
	must(t, err)
	defer f.Close()
	if err := f.Truncate(1 << 40); err != nil { // a hole, which takes no room on the disk
		t.Fatal(err)
	}
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	answer, err := http.Get(serve(t, base, handler.Options{}) + "/?zip")
	must(t, err)
	defer answer.Body.Close()
	begin := make([]byte, 1<<20)
	if _, err := io.ReadFull(answer.Body, begin); err != nil || !bytes.HasPrefix(begin, []byte("PK\x03\x04")) {
		t.Errorf("%v, %q", err, begin[:4])
	}
}

// One file that is cut short while it is read does not end an archive, which says so.
func TestZipOfAFileThatShrinks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"large", "later"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("beginning"), 0o644))
	}
	must(t, os.Truncate(filepath.Join(dir, "large"), 1<<30)) // more than waits in any socket
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	answer, err := http.Get(serve(t, base, handler.Options{}) + "/?zip")
	must(t, err)
	defer answer.Body.Close()
	must(t, os.Truncate(filepath.Join(dir, "large"), 9))
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	must(t, err)
	for name, want := range map[string]string{"later": "beginning", "MISSING.txt": "large"} {
		f, err := z.Open(name)
		must(t, err)
		if got, err := io.ReadAll(f); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A client that shuts its side of the connection behind the request gets the archive.
func TestZipForWhoSendsNoMore(t *testing.T) {
	base := serve(t, trees["disk"](t), handler.Options{})
	for i := range 100 {
		succeed(t, "PUT", fmt.Sprintf("%s/%d", base, i), "text")
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	must(t, err)
	defer conn.Close()
	io.WriteString(conn, "GET /?zip HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	must(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Error(err)
	}
}

// Whoever follows a resource hears its state, then each change, then that it is gone; the stream ends when the
// server stops.
func TestEventsOfAFile(t *testing.T) {
	base := serve(t, trees["disk"](t), handler.Options{})
	first := succeed(t, "PUT", base+"/a", "one").Header.Get("ETag")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", base+"/a?events", nil)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatal(got)
	}
	lines := bufio.NewScanner(answer.Body)
	next := func() string {
		t.Helper()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatal("the stream ended: ", lines.Err())
		return ""
	}
	tagged := func(data, tag string) bool { return strings.Contains(data, strings.Trim(tag, `"`)) }
	if got := next(); !tagged(got, first) {
		t.Error(got, first)
	}
	second := succeed(t, "PUT", base+"/a", "two").Header.Get("ETag")
	if got := next(); !tagged(got, second) {
		t.Error(got, second)
	}
	succeed(t, "DELETE", base+"/a", "")
	if got := next(); got != "null" {
		t.Error(got)
	}
}

// Who follows a file or the collection that holds it hears that it was locked, by whom, and that it no longer is.
func TestEventsOfLocks(t *testing.T) {
	t.Parallel() // locks are looked for every three seconds
	base := serve(t, trees["disk"](t), handler.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	follow := func(path string) (next func() (kind, data string)) {
		t.Helper()
		r, _ := http.NewRequestWithContext(ctx, "GET", base+path, nil)
		r.Header.Set("Accept", "text/event-stream")
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		t.Cleanup(func() { answer.Body.Close() })
		lines := bufio.NewScanner(answer.Body)
		return func() (kind, data string) {
			t.Helper()
			for lines.Scan() {
				if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
					kind = event
				}
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					return kind, data
				}
			}
			t.Fatal("the stream ended: ", lines.Err())
			return "", ""
		}
	}
	succeed(t, "MKCOL", base+"/dir/", "")
	succeed(t, "PUT", base+"/dir/a", "one")
	file, dir := follow("/dir/a"), follow("/dir/")
	if _, data := file(); strings.Contains(data, "locks") {
		t.Error(data)
	}
	dir()
	token := succeed(t, "LOCK", base+"/dir/a", exclusive).Header.Get("Lock-Token")
	if _, data := file(); !strings.Contains(data, `"locks":[{`) || !strings.Contains(data, `"owner":"Eva"`) || strings.Contains(data, "urn:uuid") {
		t.Error(data)
	}
	if kind, _ := dir(); kind != "members" {
		t.Error(kind)
	}
	succeed(t, "UNLOCK", base+"/dir/a", "", "Lock-Token", token)
	if kind, data := file(); kind != "state" || strings.Contains(data, "locks") {
		t.Error(kind, data)
	}
	if kind, _ := dir(); kind != "members" {
		t.Error(kind)
	}
}

func TestEventsEndWhenTheServerStops(t *testing.T) {
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{})
	must(t, err)
	stopping := make(chan struct{})
	close(stopping)
	r, _ := http.NewRequestWithContext(handler.WithStopping(context.Background(), stopping), "GET", "/?events", nil)
	w := &flushed{header: http.Header{}}
	done := make(chan struct{})
	go func() { h.ServeHTTP(w, r); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the stream goes on")
	}
	if !strings.Contains(w.body.String(), "event: members") {
		t.Error(w.body.String())
	}
}

// flushed is a ResponseWriter that can flush.
type flushed struct {
	header http.Header
	body   bytes.Buffer
}

func (w *flushed) Header() http.Header         { return w.header }
func (w *flushed) Write(p []byte) (int, error) { return w.body.Write(p) }
func (w *flushed) WriteHeader(int)             {}
func (w *flushed) Flush()                      {}
