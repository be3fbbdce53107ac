package handler_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/exchange"
)

// opens counts how often bytes are opened.
type opens struct {
	fs.FS
	opened atomic.Int64
}

func (c *opens) OpenRead(name string) (fs.File, error) {
	c.opened.Add(1)
	return c.FS.OpenRead(name)
}

// A HEAD, a 304, a refused GET and a PROPFIND, which takes types from names, cost a stat of each resource and open nothing.
func TestHeadNotModifiedAndPropfindOpenNothing(t *testing.T) {
	for mode, tags := range tagModes {
		base := &opens{FS: fs.NewMemory()}
		root := serveTree(t, base, tags, handler.Options{})
		url := root + "/x"
		res, _ := do(t, "PUT", url, "hello")
		tag := res.Header.Get("Etag")
		do(t, "MKCOL", root+"/c", "")
		do(t, "PUT", root+"/c/y.png", "png")
		base.opened.Store(0)
		do(t, "HEAD", url, "")
		do(t, "GET", url, "", "If-None-Match", tag)
		do(t, "GET", url, "", "If-None-Match", "*", "If-Match", `"stale"`)
		do(t, "HEAD", url, "", "If-Match", `"stale"`)
		do(t, "PROPFIND", url, "", "Depth", "0")
		do(t, "PROPFIND", root+"/", "", "Depth", "1")
		res, body := do(t, "PROPFIND", root+"/", "", "Depth", "infinity")
		if res.StatusCode != 207 || strings.Count(body, "<D:getetag>") != 2 || !strings.Contains(body, "image/png") {
			t.Errorf("%s: PROPFIND: %s %s", mode, res.Status, body)
		}
		if n := base.opened.Load(); n != 0 {
			t.Errorf("%s: opened %d times", mode, n)
		}
		if do(t, "GET", url, ""); base.opened.Load() != 1 {
			t.Errorf("%s: a GET opened %d times", mode, base.opened.Load())
		}
	}
}

// shut has files and collections that seem not to be readable; some are all the same, as by an ACL.
type shut struct{ opens }

func (s *shut) Lookup(name string) (fs.Info, error) {
	info, err := s.opens.Lookup(name)
	info.Shut = true
	return info, err
}

func (s *shut) OpenRead(name string) (fs.File, error) {
	if name != "/readable" && name != "/open" {
		return nil, &iofs.PathError{Op: "open", Path: name, Err: iofs.ErrPermission}
	}
	return s.opens.OpenRead(name)
}

func (s *shut) List(name string, fn func(string, *fs.Info) error) error {
	if name == "/shut" {
		return &iofs.PathError{Op: "open", Path: name, Err: iofs.ErrPermission}
	}
	return s.opens.List(name, fn)
}

// HEAD tells what GET would, and so does a precondition: it is ignored where the answer without it is 403. RFC 9110 §9.3.2, §13.2.1.
func TestHeadOfWhatTheServerMayNotRead(t *testing.T) {
	for mode, tags := range tagModes {
		root := serveTree(t, &shut{opens{FS: fs.NewMemory()}}, tags, handler.Options{})
		for path, status := range map[string]int{"/closed": 403, "/readable": 200} {
			res, _ := do(t, "PUT", root+path, "hello")
			tag := res.Header.Get("Etag")
			for _, method := range []string{"GET", "HEAD"} {
				if res, _ := do(t, method, root+path, ""); res.StatusCode != status {
					t.Errorf("%s: %s %s: %s", mode, method, path, res.Status)
				}
				if res, _ := do(t, method, root+path, "", "If-None-Match", tag); res.StatusCode != map[int]int{403: 403, 200: 304}[status] {
					t.Errorf("%s: %s %s when it has not changed: %s", mode, method, path, res.Status)
				}
			}
		}
		for path, want := range map[string][3]int{"/shut": {403, 403, 403}, "/open": {200, 304, 412}} {
			do(t, "MKCOL", root+path, "")
			for _, method := range []string{"GET", "HEAD"} {
				for i, header := range [][]string{nil, {"If-None-Match", "*"}, {"If-Match", `"stale"`}} {
					if res, _ := do(t, method, root+path, "", header...); res.StatusCode != want[i] {
						t.Errorf("%s: %s %s %v: %s, want %d", mode, method, path, header, res.Status, want[i])
					}
				}
			}
		}
	}
}

// Above the limit a HEAD that asks for nothing but the state does without an ETag that takes long to find, and nobody else.
func TestOnlyHeadDoesWithoutETag(t *testing.T) {
	for _, c := range []struct {
		name, method string
		header       []string
		status       int
		tagged       bool
		at           string
	}{
		{"HEAD", "HEAD", nil, 200, false, "/f"},
		{"GET", "GET", nil, 200, true, "/f"},
		{"a part", "GET", []string{"Range", "bytes=2-3"}, 206, true, "/f"},
		{"If-Range", "GET", []string{"Range", "bytes=2-3", "If-Range", "TAG"}, 206, true, "/f"},
		{"by date", "GET", []string{"If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"}, 200, true, "/f"},
		{"GET in between", "GET", []string{"If-None-Match", "TAG"}, 304, true, "/f"},
		{"HEAD in between", "HEAD", []string{"If-None-Match", "TAG"}, 304, true, "/f"},
		{"HEAD of that", "HEAD", []string{"If-Match", "TAG"}, 200, true, "/f"},
		{"PUT over that", "PUT", []string{"If-Match", "TAG"}, 204, true, "/f"},
		{"PUT over another", "PUT", []string{"If-Match", `"other"`}, 412, true, "/f"},
		{"PUT over any", "PUT", []string{"If-None-Match", "*"}, 412, false, "/f"},
		{"DELETE", "DELETE", []string{"If", "([TAG])"}, 204, false, "/f"},
		{"COPY", "COPY", []string{"If-Match", "TAG", "Destination", "/g"}, 201, true, "/f"},
		{"HEAD with If", "HEAD", []string{"If", "([TAG])"}, 200, true, "/f"},
		{"PUT beside it", "PUT", []string{"If", "</f> ([TAG])"}, 201, true, "/g"},
		{"DELETE beside it", "DELETE", []string{"If", "</f> ([TAG])"}, 204, false, "/h"},
		{"COPY beside it", "COPY", []string{"If", "</f> ([TAG])", "Destination", "/g"}, 201, true, "/h"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			base, err := fs.OpenRoot(dir, fs.RootOptions{})
			must(t, err)
			url := serveTree(t, base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true, Content: true, HashLimitBytes: 1}}, handler.Options{})
			do(t, "PUT", url+"/h", "content")
			res, _ := do(t, "PUT", url+"/f", "content")
			tag := res.Header.Get("Etag")
			if err := os.Chtimes(dir+"/f", time.Time{}, time.Unix(1e9, 0)); err != nil { // which leaves the tag as it is
				t.Fatal(err)
			}
			header := slices.Clone(c.header)
			for i := range header {
				header[i] = strings.ReplaceAll(header[i], "TAG", tag)
			}
			res, body := do(t, c.method, url+c.at, "", header...)
			if res.StatusCode != c.status || (res.Header.Get("Etag") != "") != c.tagged {
				t.Errorf("%s with ETag %q: %s", res.Status, res.Header.Get("Etag"), body)
			}
		})
	}
}

// Another kind of tag for the same directory: the old tags stop matching, and nothing else happens.
func TestTagsOfTheOtherKindStopMatching(t *testing.T) {
	dir := t.TempDir()
	open := func(mode string) (url string) {
		base, err := fs.OpenRoot(dir, fs.RootOptions{})
		must(t, err)
		return serveTree(t, base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true, Content: mode == "content"}}, handler.Options{}) + "/f"
	}
	do(t, "PUT", open("stat"), "one")
	last := ""
	for _, mode := range []string{"stat", "content", "stat", "content"} {
		url := open(mode)
		if res, body := do(t, "GET", url, "", "If-None-Match", last); last != "" && (res.StatusCode != 200 || body != "one") {
			t.Errorf("%s: a GET with a tag of the other kind: %s %q", mode, res.Status, body)
		}
		if res, _ := do(t, "PUT", url, "lost", "If-Match", `"nothing", `+last); res.StatusCode != 412 {
			t.Errorf("%s: a save with a tag of the other kind: %s", mode, res.Status)
		}
		res, _ := do(t, "HEAD", url, "")
		last = res.Header.Get("Etag")
		if res, _ = do(t, "PUT", url, "one", "If-Match", last); res.StatusCode != 204 {
			t.Errorf("%s: a save with the present tag: %s", mode, res.Status)
		}
		last = res.Header.Get("Etag")
	}
}

// readFromRecorder notes what net/http would be asked to send by sendfile.
type readFromRecorder struct {
	*httptest.ResponseRecorder
	files, bytes int64
}

func (r *readFromRecorder) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if _, file := part.R.(syscall.Conn); !ok || !file {
		return 0, fmt.Errorf("%T is nothing that sendfile takes", src)
	}
	r.files++
	n, err := io.Copy(struct{ io.Writer }{r.ResponseRecorder}, src)
	r.bytes += n
	return n, err
}

// All but the last 8 MiB of a large file goes through io.ReaderFrom as net wants it for sendfile: a
// LimitedReader of something with a descriptor. net/http hands it on as it is. What is not large is copied.
func TestLargeGetEndsInSendfile(t *testing.T) {
	dir := t.TempDir()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	want := exchange.Bytes(10 << 20)
	must(t, os.WriteFile(filepath.Join(dir, "large"), []byte(want), 0o644))
	h, err := handler.New(handler.NewTree(base, etagfs.Options{}), handler.Options{})
	must(t, err)
	for field, want := range map[string]string{"": want, "bytes=100-9000000": want[100:9000001], "bytes=100-900000": want[100:900001], "bytes=1000-1010": want[1000:1011]} {
		rec := &readFromRecorder{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest("GET", "/large", nil)
		if field != "" {
			r.Header.Set("Range", field)
		}
		h.ServeHTTP(rec, r)
		if rec.Body.String() != want {
			t.Errorf("Range %q: the bytes differ", field)
		}
		if held := int64(len(want)) - rec.bytes; len(want) > 8<<20 && (held > 8<<20 || rec.files != 1) {
			t.Errorf("Range %q: %d of %d bytes went by sendfile", field, rec.bytes, len(want))
		}
	}
}

// slowGet begins a GET of a large file, or of ranges of it, lets meanwhile happen, and reads the rest.
func slowGet(t *testing.T, url, ranges string, meanwhile func()) (got []byte, err error) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	must(t, err)
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /large HTTP/1.1\r\nHost: x\r\nRange: %s\r\n\r\n", ranges)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	var body bytes.Buffer // of the right size at once: the race detector makes each copy dear
	body.Grow(max(0, int(res.ContentLength)) + bytes.MinRead)
	if _, err := io.CopyN(&body, res.Body, 1000); err != nil {
		t.Fatal(err)
	}
	meanwhile()
	_, err = body.ReadFrom(res.Body)
	return body.Bytes(), err
}

// try sends a request that must succeed.
func try(method, url, body string, fields ...string) error {
	res, answer, err := send(method, url, body, fields...)
	if err == nil && (res.StatusCode/100 != 2 || res.StatusCode == 207 && !strings.Contains(answer, "200 OK")) {
		err = fmt.Errorf("%s: %s: %s", method, res.Status, answer)
	}
	return err
}

func move(from, to string) error { return try("MOVE", from, "", "Destination", to) }

// stamp sets a modification time, in seconds since 1970.
func stamp(url string, seconds int) error {
	return try("PROPPATCH", url, fmt.Sprintf(`<propertyupdate xmlns="DAV:"><set><prop><lastmodified>%d</lastmodified></prop></set></propertyupdate>`, seconds))
}

// A large download while the file is replaced goes on with the old bytes, whole. One whose file is
// changed in place or cut is cut off, so that no client keeps it under the tag that was sent.
func TestGetWhileTheFileChanges(t *testing.T) {
	awaitWitness(t)
	const size = 16 << 20 // more than the buffers of two sockets hold
	old := []byte(exchange.Bytes(size))
	for name, c := range map[string]struct {
		change func(path, url string) error
		whole  bool
	}{
		"nothing happens":    {func(string, string) error { return nil }, true},
		"replaced by rename": {func(path, _ string) error { return os.Rename(sibling(path), path) }, true},
		"deleted":            {func(path, _ string) error { return os.Remove(path) }, true},
		"replaced by PUT":    {func(_, url string) error { return try("PUT", url, "new") }, true},
		"deleted by DELETE":  {func(_, url string) error { return try("DELETE", url, "") }, true},
		"moved twice": {func(_, url string) error {
			return errors.Join(move(url, url+"2"), move(url+"2", strings.TrimSuffix(url, "large")+"large.old"))
		}, true},
		"moved, then changed with mtime put back": {func(path, url string) error {
			if err := move(url, url+"2"); err != nil {
				return err
			}
			return writeBack(path + "2")
		}, false},
		"given two times, and moved": {func(_, url string) error {
			return errors.Join(stamp(url, 1e6), stamp(url, 2e6), move(url, url+"2"))
		}, true},
		"changed, then given a time": {func(path, url string) error {
			return errors.Join(writeBack(path), stamp(url, 1e6))
		}, false},
		"given a time, then changed": {func(path, url string) error {
			return errors.Join(stamp(url, 1e6), writeBack(path))
		}, false},
		"linked":  {func(path, _ string) error { return os.Link(path, path+"2") }, true},
		"renamed": {func(path, _ string) error { return os.Rename(path, path+"2") }, true},
		"given a time and a mode": {func(path, _ string) error {
			return errors.Join(os.Chtimes(path, time.Unix(1e6, 0), time.Unix(1e6, 0)), os.Chmod(path, 0o600))
		}, true},
		"changed with mtime put back, then deleted": {func(path, _ string) error {
			return errors.Join(writeBack(path), os.Remove(path))
		}, false},
		"changed with mtime put back, then replaced by rename": {func(path, _ string) error {
			return errors.Join(writeBack(path), os.Rename(sibling(path), path))
		}, false},
		"changed with mtime put back, then replaced by PUT": {func(path, url string) error {
			return errors.Join(writeBack(path), try("PUT", url, "new"))
		}, false},
		"cut, grown, mtime put back, then deleted": {func(path, _ string) error {
			was, err := os.Stat(path)
			if err != nil {
				return err
			}
			return errors.Join(os.Truncate(path, 0), os.Truncate(path, size), os.Chtimes(path, time.Time{}, was.ModTime()), os.Remove(path))
		}, false},
		"changed with mtime put back, then linked": {func(path, _ string) error {
			return errors.Join(writeBack(path), os.Link(path, path+"2"))
		}, false},
		"grown with mtime put back, then deleted": {func(path, _ string) error {
			was, err := os.Stat(path)
			if err != nil {
				return err
			}
			return errors.Join(writeAt(path, size), os.Chtimes(path, was.ModTime(), was.ModTime()), os.Remove(path))
		}, false},
		"shrunk":                  {func(path, _ string) error { return os.Truncate(path, size/2) }, false},
		"grown":                   {func(path, _ string) error { return writeAt(path, size) }, false},
		"changed at the end":      {func(path, _ string) error { return writeAt(path, size-3) }, false},
		"changed at the start":    {func(path, _ string) error { return writeAt(path, 0) }, false},
		"changed, mtime put back": {func(path, _ string) error { return writeBack(path) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "large")
			must(t, os.WriteFile(path, old, 0o644))
			must(t, os.WriteFile(sibling(path), []byte("new"), 0o644))
			base, err := fs.OpenRoot(dir, fs.RootOptions{})
			must(t, err)
			url := serve(t, base, handler.Options{})
			got, err := slowGet(t, url, "", func() {
				must(t, c.change(path, url+"/large"))
			})
			if c.whole && (err != nil || !bytes.Equal(got, old)) {
				t.Errorf("%d bytes, %v; want the old representation whole", len(got), err)
			}
			if !c.whole && err == nil {
				t.Error("the answer was completed under a tag that is not of these bytes")
			}
		})
	}
}

// awaitWitness waits until writes are reported to this process, which is so from then on: other processes of the user may have
// taken every queue there is for a moment.
func awaitWitness(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o644))
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	f, err := base.OpenRead("/f")
	must(t, err)
	defer f.Close()
	file, ok := f.(fs.Witnessed)
	for until := time.Now().Add(time.Minute); ok; time.Sleep(50 * time.Millisecond) {
		if w := file.Witness(); w != nil {
			w.Close()
			return
		}
		if time.Now().After(until) {
			t.Fatal("writes are not reported: this user has no inotify queue left (fs.inotify.max_user_instances)")
		}
	}
}

// The same for several ranges, which take another way.
func TestGetOfRangesWhileTheFileChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "large")
	must(t, os.WriteFile(path, []byte(exchange.Bytes(16<<20)), 0o644))
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	url := serve(t, base, handler.Options{})
	for _, change := range []bool{false, true} {
		_, err := slowGet(t, url, "bytes=0-8000000,8000002-16000000", func() {
			if !change {
				return
			}
			must(t, writeAt(path, 5))
		})
		if (err != nil) != change {
			t.Errorf("changed meanwhile: %v; the end: %v", change, err)
		}
	}
}

// Clients that ask for several ranges and leave at once: nothing reads a buffer that was given back.
func TestClientsLeaveSeveralRanges(t *testing.T) {
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		do(t, "PUT", url+"/small", exchange.Bytes(60_000))
		do(t, "PUT", url+"/large", exchange.Bytes(300_000))
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: x\r\nRange: bytes=0-29999,30000-59000\r\n\r\n", []string{"small", "large"}[i%2])
				if i%3 > 0 {
					io.CopyN(io.Discard, conn, int64(i)*100)
				}
				conn.(*net.TCPConn).SetLinger(0)
			})
		}
		all.Wait()
		if _, body := do(t, "GET", url+"/small", ""); body != exchange.Bytes(60_000) {
			t.Error("the bytes differ")
		}
	})
}

func sibling(path string) string { return path + ".new" }

func writeAt(path string, offset int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte("CHANGED"), offset)
	return err
}

// writeBack changes bytes and puts mtime back.
func writeBack(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := writeAt(path, 5); err != nil {
		return err
	}
	return os.Chtimes(path, time.Time{}, fi.ModTime())
}

// meddled has something done before each read of a file.
type meddled struct {
	fs.FS
	meddle func() error
}

type meddledFile struct {
	fs.File
	meddle func() error
}

func (m *meddled) OpenRead(name string) (fs.File, error) {
	f, err := m.FS.OpenRead(name)
	return &meddledFile{f, m.meddle}, err
}

func (f *meddledFile) Read(p []byte) (int, error) {
	if err := f.meddle(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// smallFile is a tree with one small file, /x, that lies at path.
func smallFile(t *testing.T) (root fs.FS, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "x")
	err := os.WriteFile(path, []byte(exchange.Bytes(1000)), 0o644)
	if err == nil {
		root, err = fs.OpenRoot(dir, fs.RootOptions{})
	}
	must(t, err)
	return root, path
}

// A small file is read whole before the first byte is sent: one that changes meanwhile is read again, and
// 503 tells that it does not come to rest.
func TestSmallGetWhileTheFileChanges(t *testing.T) {
	for times, want := range map[int]int{1: 200, 3: 200, 100: 503} {
		root, path := smallFile(t)
		left := times
		busy := &meddled{root, func() error {
			if left == 0 {
				return nil
			}
			left--
			return writeAt(path, int64(left))
		}}
		res, body := do(t, "GET", serve(t, busy, handler.Options{})+"/x", "")
		if res.StatusCode != want {
			t.Errorf("%d changes: %s", times, res.Status)
		}
		if now, _ := os.ReadFile(path); want == 200 && body != string(now) {
			t.Errorf("%d changes: the bytes are not those of the last state", times)
		}
	}
}

// A file can be shorter than its state says, as those of sysfs are, and some in user space. What is missing is not made up with what
// the buffer holds: the bytes of a file that somebody else has read.
func TestSmallGetOfFileThatIsShorterThanItSays(t *testing.T) {
	root, _ := smallFile(t)
	short := &meddled{root, func() error { return io.EOF }}
	if res, body := do(t, "GET", serve(t, short, handler.Options{})+"/x", ""); res.StatusCode != 503 {
		t.Errorf("%s, %d bytes", res.Status, len(body))
	}
}

// Nor is the beginning of a file that is longer than its state says, as those of /proc are, and those of unknown length in a mount
// of rclone, a representation.
func TestSmallGetOfFileThatIsLongerThanItSays(t *testing.T) {
	for _, size := range []int64{0, 500, 999} {
		root, _ := smallFile(t)
		if res, body := do(t, "GET", serve(t, &understated{root, size}, handler.Options{})+"/x", ""); res.StatusCode != 503 {
			t.Errorf("%d: %s, %d bytes", size, res.Status, len(body))
		}
	}
}

// understated says another size of each file than it has.
type understated struct {
	fs.FS
	sizeBytes int64
}

type understatedFile struct {
	fs.File
	sizeBytes int64
}

func (u *understated) OpenRead(name string) (fs.File, error) {
	f, err := u.FS.OpenRead(name)
	return &understatedFile{f, u.sizeBytes}, err
}

func (f *understatedFile) Info() fs.Info {
	info := f.File.Info()
	info.SizeBytes = f.sizeBytes
	return info
}

func (f *understatedFile) Again() (fs.Info, error) {
	info, err := f.File.Again()
	info.SizeBytes = f.sizeBytes
	return info, err
}

// Once a file has no name any more, its times do not tell whether it was written before: a small one is read anew.
func TestSmallGetOfFileThatIsChangedAndReplaced(t *testing.T) {
	root, path := smallFile(t)
	covert := sync.OnceValue(func() error {
		return errors.Join(writeBack(path), os.WriteFile(sibling(path), []byte("the next version"), 0o644), os.Rename(sibling(path), path))
	})
	url := serve(t, &meddled{root, covert}, handler.Options{})
	res, body := do(t, "GET", url+"/x", "")
	if res.StatusCode != 200 || body != "the next version" {
		t.Errorf("%s, %q", res.Status, body)
	}
	if next, _ := do(t, "HEAD", url+"/x", ""); next.Header.Get("ETag") != res.Header.Get("ETag") {
		t.Errorf("sent under %s, and it is %s", res.Header.Get("ETag"), next.Header.Get("ETag"))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
