package handler_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// failing is a tree whose steps fail with err while it is set.
type failing struct {
	fs.FS
	err error
}

type failingStage struct {
	fs.Staged
	err error
}

func (f *failing) Stage(name string) (fs.Staged, error) {
	s, err := f.FS.Stage(name)
	return &failingStage{s, f.err}, err
}

func (s *failingStage) Commit(exact bool, check func(*fs.Info) error) (fs.Info, bool, func(), error) {
	if s.err != nil {
		return fs.Info{}, false, nil, &iofs.PathError{Op: "commit", Path: "/x", Err: s.err}
	}
	return s.Staged.Commit(exact, check)
}

func (f *failing) Retire(name string, exact bool, check func(*fs.Info) error) (func(), error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.FS.Retire(name, exact, check)
}

func (f *failing) OpenRead(name string) (fs.File, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.FS.OpenRead(name)
}

// Each failure of the tree has its status (clients.md: never 405 or 404 for a full disk), nothing has
// changed, the client does not see the cause, and the log does.
func TestFailuresOfTheTree(t *testing.T) {
	for _, c := range []struct {
		err              error
		put, delete, get int
	}{
		{fs.ErrNoSpace, 507, 507, 507},
		{iofs.ErrPermission, 403, 403, 403},
		{fs.ErrReadOnly, 403, 403, 403},
		{fs.ErrNameTooLong, 414, 414, 414},
		{fs.ErrBadName, 400, 400, 400},
		{fs.ErrTooLarge, 413, 413, 413},
		{fs.ErrBusy, 503, 503, 503},
		{fs.ErrSpecial, 403, 403, 404},
		{fs.ErrLoop, 403, 403, 404},
		{iofs.ErrNotExist, 409, 404, 404},
		{fs.ErrNotDir, 409, 404, 404},
		{errors.New("disk on fire at /srv/secret"), 500, 500, 500},
	} {
		var log bytes.Buffer
		base := &failing{FS: fs.NewMemory()}
		url := serve(t, base, handler.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}) + "/x"
		do(t, "PUT", url, "old")
		base.err = c.err
		log.Reset()
		for _, m := range []struct {
			method, body string
			want         int
		}{{"PUT", "new", c.put}, {"DELETE", "", c.delete}, {"GET", "", c.get}} {
			res, body := do(t, m.method, url, m.body)
			if res.StatusCode != m.want {
				t.Errorf("%v: %s: %s, want %d", c.err, m.method, res.Status, m.want)
			}
			if strings.Contains(body, "secret") {
				t.Errorf("%s tells the client the cause: %s", m.method, body)
			}
			if m.want == 503 && res.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		}
		if c.put == 500 && strings.Count(log.String(), "level=ERROR") != 3 || c.put == 500 && !strings.Contains(log.String(), "secret") {
			t.Errorf("the log does not say the cause once each:\n%s", &log)
		}
		base.err = nil
		if _, body := do(t, "GET", url, ""); body != "old" {
			t.Errorf("%v: changed to %q", c.err, body)
		}
	}
}

// until2038 keeps times in 32 bits, as ext4 with small inodes and XFS without bigtime do.
type until2038 struct{ fs.FS }

type stagedUntil2038 struct{ fs.Staged }

func (u until2038) Stage(name string) (fs.Staged, error) {
	s, err := u.FS.Stage(name)
	return stagedUntil2038{s}, err
}

func (s stagedUntil2038) Prepare(t time.Time, durable bool) error {
	if last := time.Unix(1<<31-1, 0); t.After(last) {
		t = last
	}
	return s.Staged.Prepare(t, durable)
}

// A time is said to be accepted where it was stored.
func TestModTimeThatIsNotStored(t *testing.T) {
	url := serve(t, until2038{fs.NewMemory()}, handler.Options{}) + "/x"
	for seconds, want := range map[string]string{"4102444800": "", "1700000000": "accepted"} {
		if got := succeed(t, "PUT", url, "x", "X-OC-Mtime", seconds).Header.Get("X-OC-Mtime"); got != want {
			t.Errorf("%s: %q", seconds, got)
		}
	}
}

// panicking panics where its file is opened.
type panicking struct{ fs.FS }

func (panicking) OpenRead(string) (fs.File, error) { panic("a bug") }

// A panic is 500 and one error in the log, and the server goes on.
func TestPanicIsAnswered(t *testing.T) {
	var log bytes.Buffer
	url := serve(t, panicking{fs.NewMemory()}, handler.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	do(t, "PUT", url+"/x", "x")
	if res, body := do(t, "GET", url+"/x", ""); res.StatusCode != 500 || strings.Contains(body, "bug") {
		t.Error(res.Status, body)
	}
	if s := log.String(); strings.Count(s, "level=ERROR") != 1 || !strings.Contains(s, "a bug") || !strings.Contains(s, "answer_test.go") {
		t.Errorf("log:\n%s", s)
	}
	if res, _ := do(t, "HEAD", url+"/x", ""); res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

// A file is not told to be by who wrote the same bytes into another one, of which who asks may not even know.
func TestWriterOfEqualBytesElsewhere(t *testing.T) {
	for _, content := range []bool{false, true} {
		tree := handler.NewTree(fs.NewMemory(), etagfs.Options{Settings: etagfs.Settings{Content: content}})
		h, err := handler.New(tree, handler.Options{})
		must(t, err)
		ask := func(user, method, path string, fields ...string) string {
			r := httptest.NewRequest(method, path, nil)
			if method == "PUT" {
				r = httptest.NewRequest(method, path, strings.NewReader("yes"))
			}
			for i := 0; i < len(fields); i += 2 {
				r.Header.Set(fields[i], fields[i+1])
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r.WithContext(handler.WithUser(context.Background(), user)))
			return rec.Body.String()
		}
		ask("bob", "PUT", "/guess")
		ask("alice", "PUT", "/private")
		for path, by := range map[string]string{"/guess": "by bob", "/private": "by alice"} {
			if got := ask("bob", "DELETE", path, "If-Match", `"stale"`); !strings.Contains(got, by) {
				t.Errorf("content tags %v, %s: no %q in %s", content, path, by, got)
			}
		}
	}
}

// The access log says who did what, with which result, and why a write was refused.
func TestAccessLog(t *testing.T) {
	var log bytes.Buffer
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{
		Log: slog.New(slog.NewTextHandler(&log, nil)), RequireIfMatch: handler.PolicyWarn})
	must(t, err)
	ask := func(user, method, body string, fields ...string) *httptest.ResponseRecorder {
		log.Reset()
		r := httptest.NewRequest(method, "/a%20b", strings.NewReader(body))
		for i := 0; i < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r.WithContext(handler.WithUser(context.Background(), user)))
		return rec
	}
	has := func(words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(log.String(), w) {
				t.Errorf("no %s in\n%s", w, &log)
			}
		}
	}
	tag := ask("alice", "PUT", "hello").Header().Get("Etag")
	has("level=INFO", "method=PUT", `path="/a b"`, "status=201", "bytes=0", "duration=", "user=alice", "etag=")
	ask("bob", "GET", "")
	has("method=GET", "status=200", "bytes=5", "user=bob")
	ask("bob", "PUT", "late", "If-Match", `"stale"`)
	has("level=INFO", "status=412", `why="If-Match is false"`)
	if rec := ask("bob", "PUT", "late", "If-Match", `"stale"`); !strings.Contains(rec.Body.String(), "by alice") {
		t.Errorf("the refusal does not say who was faster: %s", rec.Body)
	}
	ask("bob", "PUT", "blind")
	has("level=WARN", `msg="overwrote without a condition"`, "by=bob", "of=alice", "status=204")
	if !strings.Contains(log.String(), tag[1:len(tag)-1]) {
		t.Errorf("the state that was overwritten is not named in\n%s", &log)
	}
	ask("carol", "DELETE", "")
	has("level=WARN", "method=DELETE", "by=carol", "of=bob")
	ask("carol", "PUT", "new")
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("a create is no overwrite:\n%s", &log)
	}
	ask("carol", "DELETE", "")
	ask("carol", "MKCOL", "")
	ask("dave", "DELETE", "")
	has("by=dave", `of="whoever filled the collection"`)
	tag = ask("alice", "PUT", "hello").Header().Get("Etag")
	ask("alice", "COPY", "", "Destination", "/c")
	ask("bob", "COPY", "", "Destination", "/c", "If-Match", tag) // which speaks of what is copied
	has("level=WARN", "method=COPY", "by=bob", "of=alice", "status=204")
}

// A client that leaves in the middle of its upload is nobody's error: no 5xx, and nothing changed.
func TestClientLeaves(t *testing.T) {
	var log bytes.Buffer
	base := fs.NewMemory()
	h, err := handler.New(handler.NewTree(base, etagfs.Options{}), handler.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	ctx, leave := context.WithCancel(context.Background())
	body := io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) {
		leave()
		return 0, io.ErrUnexpectedEOF
	}))
	r := httptest.NewRequestWithContext(ctx, http.MethodPut, "/x", body)
	r.ContentLength = 100
	h.ServeHTTP(httptest.NewRecorder(), r)
	if s := log.String(); !strings.Contains(s, "level=INFO") || !strings.Contains(s, "status=499") {
		t.Errorf("log:\n%s", s)
	}
	if _, err := base.Lookup("/x"); !errors.Is(err, iofs.ErrNotExist) {
		t.Error("something was created", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A client that stops sending, and is still there, is told that, and not that it left. RFC 9110 §15.5.9.
func TestContentStopsComing(t *testing.T) {
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{})
	must(t, err)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now()); err != nil {
			t.Error(err)
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	for _, line := range []string{"PUT /f", "PROPFIND /", "LOCK /f"} {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		must(t, err)
		defer c.Close()
		fmt.Fprint(c, line+" HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 408 || !res.Close || !strings.Contains(string(body), "No content came") {
			t.Errorf("%s: %s, %q", line, res.Status, body)
		}
	}
}

// With the policy to warn, the log tells of what was replaced without a word about it, and of nothing else.
func TestWarningOfOverwrites(t *testing.T) {
	for _, c := range []struct {
		policy                     handler.Policy
		method, path, field, value string
		warns                      bool
	}{
		{handler.PolicyWarn, "PUT", "/f", "Accept", "*/*", true},
		{handler.PolicyWarn, "PUT", "/new", "Accept", "*/*", false},
		{handler.PolicyWarn, "PUT", "/f", "If-Match", "tag", false},
		{handler.PolicyWarn, "PUT", "/f", "If", "([tag])", false},
		{handler.PolicyWarn, "DELETE", "/f", "Accept", "*/*", true},
		{handler.PolicyWarn, "DELETE", "/f", "If-Match", "tag", false},
		{handler.PolicyWarn, "COPY", "/f", "If-Match", "tag", true}, // which is that of the source
		{handler.PolicyWarn, "MOVE", "/f", "If-Match", "tag", true},
		{handler.PolicyWarn, "MOVE", "/f", "If", "</g> (Not <DAV:no-lock>)", false},
		{handler.PolicyOff, "PUT", "/f", "Accept", "*/*", false},
	} {
		var log bytes.Buffer
		h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{
			Log: slog.New(slog.NewTextHandler(&log, nil)), RequireIfMatch: c.policy})
		must(t, err)
		etag := dav(h, "PUT", "/f", "").Header().Get("Etag")
		dav(h, "PUT", "/g", "")
		w := dav(h, c.method, c.path, "", c.field, strings.ReplaceAll(c.value, "tag", etag), "Destination", "/g")
		if warns := strings.Contains(log.String(), "overwrote without a condition"); w.Code/100 != 2 || warns != c.warns {
			t.Errorf("%+v: %d, warns %t", c, w.Code, warns)
		}
	}
}
