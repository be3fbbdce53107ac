package handler_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"ifmatch/handler"
)

// answers is a DAV:multistatus as a client reads it.
type answers struct {
	XMLName   xml.Name `xml:"DAV: multistatus"`
	Responses []struct {
		Href     string `xml:"DAV: href"`
		Status   string `xml:"DAV: status"`
		Propstat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Names []struct {
					XMLName xml.Name
					Inner   string `xml:",innerxml"`
				} `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

func (a *answers) hrefs() (hrefs []string) {
	for _, r := range a.Responses {
		hrefs = append(hrefs, r.Href)
	}
	return hrefs
}

func dav(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// find makes a PROPFIND that must succeed with well-formed XML.
func find(t testing.TB, h http.Handler, path, depth, body string) answers {
	t.Helper()
	w := dav(h, "PROPFIND", path, body, "Depth", depth)
	if w.Code != http.StatusMultiStatus {
		t.Fatalf("PROPFIND %s: %d %s", path, w.Code, w.Body)
	}
	var a answers
	if err := xml.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("PROPFIND %s: %v\n%s", path, err, w.Body)
	}
	return a
}

// Depth infinity is answered whole or not at all, and that is decided before the first byte.
func TestPropfindInfinityIsBounded(t *testing.T) {
	for _, members := range []int{20, 400} { // within one chunk of the answer, and beyond
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755))
		files(t, filepath.Join(dir, "a/b"), members)
		for _, c := range []struct{ max, want int }{
			{members + 2, http.StatusMultiStatus},
			{members + 1, http.StatusForbidden},
			{1, http.StatusForbidden},
			{-1, http.StatusForbidden},
			{0, http.StatusMultiStatus},
		} {
			h := handlerOn(t, dir, handler.Options{MaxInfinite: c.max})
			w := dav(h, "PROPFIND", "/", askAll, "Depth", "infinity")
			if w.Code != c.want {
				t.Fatalf("%d members, at most %d: %d", members+2, c.max, w.Code)
			}
			if c.want == http.StatusForbidden {
				if !strings.Contains(w.Body.String(), `<D:error xmlns:D="DAV:"><D:propfind-finite-depth/><D:responsedescription>`) {
					t.Error(w.Body)
				}
				continue
			}
			if a := find(t, h, "/", "infinity", askAll); len(a.Responses) != members+3 {
				t.Errorf("%d responses, want %d", len(a.Responses), members+3)
			}
			if w := dav(h, "PROPFIND", "/a", askAll, "Depth", "1"); w.Code != http.StatusMultiStatus {
				t.Errorf("Depth 1: %d", w.Code)
			}
		}
	}
}

// As deep as a name can be long: every method that takes a collection with all that is in it.
func TestDeepTree(t *testing.T) {
	dir := t.TempDir()
	deep := strings.Repeat("/d", 500)
	must(t, os.MkdirAll(filepath.Join(dir, deep), 0o755))
	h := handlerOn(t, dir, handler.Options{})
	a := find(t, h, "/", "infinity", askAll)
	if len(a.Responses) != 501 || a.Responses[500].Href != deep+"/" {
		t.Errorf("%d responses", len(a.Responses))
	}
	moved := "/m" + strings.TrimPrefix(deep, "/d")
	for _, c := range []struct {
		method, path, to string
		status           int
	}{
		{"PUT", deep + "/f", "", 201}, {"COPY", "/d", "/c", 201}, {"MOVE", "/c", "/m", 201}, {"GET", moved + "/f", "", 200},
		{"DELETE", "/m", "", 204}, {"GET", moved + "/f", "", 404}, {"GET", deep + "/f", "", 200}, {"DELETE", "/d", "", 204},
	} {
		if w := dav(h, c.method, c.path, "", "Destination", c.to); w.Code != c.status {
			t.Errorf("%s %.10s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

// Symbolic links are members; Depth infinity follows them and does not go in circles.
func TestPropfindLinks(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "a/b"), 0o755),
		os.WriteFile(filepath.Join(dir, "a/f"), []byte("text"), 0o644),
		os.Symlink("..", filepath.Join(dir, "a/b/up")),
		os.Symlink("a", filepath.Join(dir, "link")),
		os.Symlink("a/f", filepath.Join(dir, "file")),
		os.Symlink("/etc", filepath.Join(dir, "out")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		os.Symlink("self", filepath.Join(dir, "self")),
	} {
		must(t, err)
	}
	h := handlerOn(t, dir, handler.Options{})
	got := map[string]bool{}
	a := find(t, h, "/", "infinity", askFour)
	for _, href := range a.hrefs() {
		if got[href] {
			t.Errorf("%s is told of twice", href)
		}
		got[href] = true
	}
	for _, href := range []string{"/", "/a/", "/a/f", "/a/b/", "/a/b/up/", "/link/", "/link/f", "/link/b/", "/link/b/up/", "/file"} {
		if !got[href] {
			t.Errorf("%s is missing", href)
		}
		delete(got, href)
	}
	if len(got) > 0 {
		t.Errorf("and there are %v", got)
	}
}

// Every name that a file system can hold: the answer is XML, and each URL in it leads to its resource.
func TestPropfindEveryName(t *testing.T) {
	dir := t.TempDir()
	urls := 0
	for b := 1; b < 256; b++ {
		if b == '/' {
			continue
		}
		name := "x" + string([]byte{byte(b)}) + "y"
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
		if b < 0x80 {
			urls++ // what is not UTF-8 has no URL here
		}
	}
	h := handlerOn(t, dir, handler.Options{})
	a := find(t, h, "/", "1", askAll)
	if len(a.Responses) != urls+1 {
		t.Errorf("%d members, want %d", len(a.Responses)-1, urls)
	}
	for _, href := range a.hrefs()[1:] {
		w := dav(h, "GET", href, "")
		if body := w.Body.String(); w.Code != 200 || len(body) != 3 {
			t.Errorf("%s: %d %q", href, w.Code, body)
		}
	}
}

// A tree that changes while it is listed gives whole documents, in which each resource is told of once.
func TestPropfindWhileTheTreeChanges(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, 300)
	h := handlerOn(t, dir, handler.Options{})
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for g := range 2 {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				sub := filepath.Join(dir, fmt.Sprintf("sub%d", (i+g)%5))
				_ = os.MkdirAll(filepath.Join(sub, "x"), 0o755)
				_ = os.WriteFile(filepath.Join(sub, "x/y"), nil, 0o644)
				_ = os.Rename(filepath.Join(dir, fmt.Sprintf("f%06d.txt", i%300)), filepath.Join(sub, "f"))
				_ = os.RemoveAll(sub)
			}
		})
	}
	for range 50 {
		a := find(t, h, "/", "infinity", askAll)
		seen := map[string]bool{}
		for _, href := range a.hrefs() {
			if seen[href] && !strings.Contains(href, "sub") { // readdir may meet a renewed name again
				t.Errorf("%s is told of twice", href)
			}
			seen[href] = true
		}
	}
	close(stop)
	busy.Wait()
}

// Memory is that of one chunk: it does not grow with the number of members.
func TestPropfindMemoryDoesNotGrow(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, 8000)
	h := handlerOn(t, dir, handler.Options{})
	r := httptest.NewRequest("PROPFIND", "/", strings.NewReader(askAll))
	r.Header.Set("Depth", "1")
	w := &watching{counting: counting{header: http.Header{}}}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(w, r)
	if w.bytes < 5<<20 {
		t.Fatalf("only %d bytes", w.bytes)
	}
	if grown := int64(w.peak) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("%d bytes of heap are live while %d are sent", grown, w.bytes)
	}
}

// watching looks at the heap, garbage taken out, now and then while an answer is written.
type watching struct {
	counting
	writes int
	peak   uint64
}

func (w *watching) Write(p []byte) (int, error) {
	if w.writes++; w.writes%20 == 0 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		w.peak = max(w.peak, m.HeapAlloc)
	}
	return w.counting.Write(p)
}

// Who leaves is not listed for any longer.
func TestPropfindEndsWithTheClient(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, 500)
	h := handlerOn(t, dir, handler.Options{})
	r := httptest.NewRequest("PROPFIND", "/", strings.NewReader(askAll))
	r.Header.Set("Depth", "1")
	w := &leaving{header: http.Header{}}
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("got %v", p)
			}
		}()
		h.ServeHTTP(w, r)
	}()
	if w.writes != 1 {
		t.Errorf("%d writes", w.writes)
	}
}

type leaving struct {
	header http.Header
	writes int
}

func (w *leaving) Header() http.Header { return w.header }
func (w *leaving) WriteHeader(int)     {}
func (w *leaving) Write([]byte) (int, error) {
	w.writes++
	return 0, io.ErrClosedPipe
}

// Dead properties of many members, with only some of them having any.
func TestPropfindDeadPropertiesOfMembers(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, 50)
	h := handlerOn(t, dir, handler.Options{})
	const set = `<propertyupdate xmlns="DAV:"><set><prop><n xmlns="urn:n">%d</n></prop></set></propertyupdate>`
	for i := 0; i < 50; i += 10 {
		w := dav(h, "PROPPATCH", fmt.Sprintf("/f%06d.txt", i), fmt.Sprintf(set, i))
		if w.Code != http.StatusMultiStatus || !strings.Contains(w.Body.String(), "200 OK") {
			t.Fatal(w.Code, w.Body)
		}
	}
	got := map[string]string{}
	for _, r := range find(t, h, "/", "1", `<propfind xmlns="DAV:"><prop><n xmlns="urn:n"/></prop></propfind>`).Responses {
		for _, ps := range r.Propstat {
			if strings.Contains(ps.Status, "200") {
				got[r.Href] = ps.Prop.Names[0].Inner
			}
		}
	}
	if len(got) != 5 || got["/f000040.txt"] != "40" || got["/f000000.txt"] != "0" {
		t.Errorf("got %v", got)
	}
}
