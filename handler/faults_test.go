package handler_test

import (
	"errors"
	"io"
	iofs "io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// unwilling is a tree in which some names fail.
type unwilling struct {
	fs.FS
	open   map[string]error // of OpenRead
	retire map[string]error
	list   map[string]error // of List, after the first so many members
	some   int
}

func (u *unwilling) Retire(name string, exact bool, check func(*fs.Info) error) (func(), error) {
	if err := u.retire[name]; err != nil {
		return nil, &iofs.PathError{Op: "retire", Path: name, Err: err}
	}
	return u.FS.Retire(name, exact, check)
}

func (u *unwilling) OpenRead(name string) (fs.File, error) {
	if err := u.open[name]; err != nil {
		return nil, &iofs.PathError{Op: "open", Path: name, Err: err}
	}
	return u.FS.OpenRead(name)
}

func (u *unwilling) List(name string, fn func(string, *fs.Info) error) error {
	fails := u.list[name]
	if fails == nil {
		return u.FS.List(name, fn)
	}
	left := u.some
	err := u.FS.List(name, func(base string, i *fs.Info) error {
		if left--; left < 0 {
			return fails
		}
		return fn(base, i)
	})
	if _, named := fails.(*iofs.PathError); errors.Is(err, fails) && !named {
		err = &iofs.PathError{Op: "list", Path: name, Err: fails}
	}
	return err
}

// tree makes an unwilling tree of empty files; a name that ends with a slash is a collection.
func tree(t *testing.T, names ...string) (*unwilling, *handler.Handler) {
	t.Helper()
	u := &unwilling{FS: fs.NewMemory()}
	for _, name := range names {
		var err error
		if c, ok := strings.CutSuffix(name, "/"); ok {
			_, err = u.MakeCollection(c)
		} else {
			var f io.WriteCloser
			if f, err = u.Create(name); err == nil {
				err = f.Close()
			}
		}
		must(t, err)
	}
	h, err := handler.New(handler.NewTree(u, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}), handler.Options{})
	must(t, err)
	return u, h
}

// The client is told what it can do itself: no gateway is at fault, and there is no other file system. RFC 9110 §15.5.10.
func TestDeleteOfCollectionThatCanOnlyBeRemovedEmpty(t *testing.T) {
	u, h := tree(t, "/c/", "/c/a")
	u.retire = map[string]error{"/c": fs.ErrNotEmpty}
	w := dav(h, "DELETE", "/c", "")
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "members") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// RFC 4918 §9.8.3: the members that cannot be copied are told of, the others are copied, properties and all.
func TestCopyTellsOfMembersThatFail(t *testing.T) {
	u, h := tree(t, "/c/", "/c/a", "/c/b", "/c/sub/", "/c/sub/d")
	const set = `<propertyupdate xmlns="DAV:"><set><prop><n xmlns="urn:n">1</n></prop></set></propertyupdate>`
	for _, name := range []string{"/c/a", "/c/sub/d"} {
		if w := dav(h, "PROPPATCH", name, set); w.Code != http.StatusMultiStatus {
			t.Fatal(w.Code, w.Body)
		}
	}
	u.open = map[string]error{"/c/sub/d": iofs.ErrPermission}
	w := dav(h, "COPY", "/c", "", "Destination", "/x")
	const want = `<D:response><D:href>/c/sub/d</D:href><D:status>HTTP/1.1 403 Forbidden</D:status>`
	if w.Code != http.StatusMultiStatus || !strings.Contains(w.Body.String(), want) || strings.Count(w.Body.String(), "<D:response>") != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for name, status := range map[string]int{"/x/a": 200, "/x/b": 200, "/x/sub/": 200, "/x/sub/d": 404} {
		if w := dav(h, "GET", name, ""); w.Code != status {
			t.Errorf("%s: %d, want %d", name, w.Code, status)
		}
	}
	if w := dav(h, "PROPFIND", "/x/a", "", "Depth", "0"); !strings.Contains(w.Body.String(), `<n xmlns="urn:n">1</n>`) {
		t.Error("the property did not travel")
	}
	// What was not copied has left nothing that a later resource of that name could inherit.
	u.open = nil
	if w := dav(h, "PUT", "/x/sub/d", "new"); w.Code != http.StatusCreated {
		t.Fatal(w.Code)
	}
	if w := dav(h, "PROPFIND", "/x/sub/d", "", "Depth", "0"); strings.Contains(w.Body.String(), "urn:n") {
		t.Error("a new resource has an old property")
	}
}

// A member that cannot even be looked at is told of by COPY, since a DELETE may follow; what is listed is listed without it.
func TestMembersThatCannotBeLookedAt(t *testing.T) {
	u, h := tree(t, "/c/", "/c/a", "/c/b", "/c/x")
	u.some = 2
	u.list = map[string]error{"/c": &iofs.PathError{Op: "list", Path: "/c/x", Err: errors.Join(fs.ErrUnseen, iofs.ErrPermission)}}
	for _, depth := range []string{"1", "infinity"} {
		a := find(t, h, "/c/", depth, "")
		if got := strings.Join(a.hrefs(), " "); got != "/c/ /c/a /c/b" {
			t.Errorf("PROPFIND with Depth %s: %s", depth, got)
		}
	}
	if w := dav(h, "GET", "/c/", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `<a href="b">`) {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
	w := dav(h, "COPY", "/c", "", "Destination", "/to")
	const want = `<D:response><D:href>/c/x</D:href><D:status>HTTP/1.1 403 Forbidden</D:status>`
	if w.Code != http.StatusMultiStatus || !strings.Contains(w.Body.String(), want) || strings.Count(w.Body.String(), "<D:response>") != 1 {
		t.Errorf("COPY: %d %s", w.Code, w.Body)
	}
	if w := dav(h, "GET", "/to/b", ""); w.Code != http.StatusOK {
		t.Errorf("the others are not copied: %d", w.Code)
	}
}

// A file that cannot be read fails as a whole, and nothing changes.
func TestCopyOfAFileThatFails(t *testing.T) {
	u, h := tree(t, "/a", "/b")
	before := dav(h, "HEAD", "/b", "").Header().Get("Etag")
	u.open = map[string]error{"/a": iofs.ErrPermission}
	if w := dav(h, "COPY", "/a", "", "Destination", "/b"); w.Code != http.StatusForbidden {
		t.Error(w.Code, w.Body)
	}
	if after := dav(h, "HEAD", "/b", "").Header().Get("Etag"); after != before {
		t.Error("the destination has changed")
	}
}

// A collection that may not be listed: 403 when it is the target; else a member like others, of whose
// members nothing is known.
func TestCollectionThatMayNotBeListed(t *testing.T) {
	u, h := tree(t, "/open/", "/open/f", "/shut/", "/shut/f")
	for _, err := range []error{iofs.ErrPermission, iofs.ErrNotExist} {
		u.list = map[string]error{"/shut": err}
		if w := dav(h, "PROPFIND", "/shut", "", "Depth", "1"); w.Code != 403 && w.Code != 404 {
			t.Errorf("%v: %d", err, w.Code)
		}
		w := dav(h, "GET", "/shut", "")
		if header := w.Header(); w.Code != 403 && w.Code != 404 || header.Get("X-Request-Id") == "" || header.Get("Content-Location") != "" {
			t.Errorf("GET, %v: %d %v", err, w.Code, header)
		}
		a := find(t, h, "/", "infinity", "")
		if got := strings.Join(a.hrefs(), " "); !strings.Contains(got, "/shut/") || strings.Contains(got, "/shut/f") || !strings.Contains(got, "/open/f") {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// A disk that fails ends the answer with an error while that is possible, and else cuts the connection:
// nobody shall take a part for the whole.
func TestPropfindOfAFailingDisk(t *testing.T) {
	names := []string{"/c/"}
	for i := range 400 {
		names = append(names, path.Join("/c", strings.Repeat("n", 1+i%200)+string(rune('a'+i/200))))
	}
	u, h := tree(t, names...)
	u.list = map[string]error{"/c": errors.New("input/output error")}
	srv := httptest.NewServer(h)
	defer srv.Close()
	for _, some := range []int{0, 5, 399} {
		u.some = some
		r, _ := http.NewRequest("PROPFIND", srv.URL+"/c", nil)
		r.Header.Set("Depth", "1")
		res, err := http.DefaultClient.Do(r)
		must(t, err)
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode == http.StatusMultiStatus && err == nil {
			t.Errorf("after %d members: a whole answer", some)
		}
		if some < 100 && res.StatusCode != http.StatusInternalServerError {
			t.Errorf("after %d members: %d", some, res.StatusCode)
		}
	}
}
