package handler_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// A history of requests is right when there is an order of them, each between its start and its answer,
// in which a plain sequential model gives the same answers: linear_model_test.go.

// checkTimeout bounds the search for that order. Not to find out counts as a failure.
const checkTimeout = 5 * time.Minute

// recorder sends requests and keeps what they came to. Safe for concurrent use.
type recorder struct {
	url    string
	client *http.Client
	began  time.Time

	mu      sync.Mutex
	history []porcupine.Operation // guarded by mu
	failed  error                 // guarded by mu; the first request without an answer
}

func newRecorder(t *testing.T, url string) *recorder {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &recorder{url: url, client: &http.Client{Transport: transport}, began: time.Now()}
}

func (c *recorder) do(id int, in request) answer {
	op := porcupine.Operation{ClientId: id, Input: in, Call: int64(time.Since(c.began))}
	out, err := c.send(in)
	op.Output, op.Return = out, int64(time.Since(c.began))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.history = append(c.history, op); c.failed == nil {
		c.failed = err
	}
	return out
}

func (c *recorder) send(in request) (answer, error) {
	r, err := http.NewRequest(in.method, c.url+in.url, strings.NewReader(in.body))
	if err != nil {
		return answer{}, err
	}
	for field, value := range map[string]string{"If-Match": in.ifMatch, "If-None-Match": in.ifNoneMatch} {
		if value != "" {
			r.Header.Set(field, value)
		}
	}
	if in.dst != "" {
		r.Header.Set("Destination", c.url+in.dst)
	}
	if in.keep {
		r.Header.Set("Overwrite", "F")
	}
	res, err := c.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	out := answer{status: res.StatusCode, tag: res.Header.Get("Etag")}
	if res.StatusCode == http.StatusOK {
		out.body = string(body)
	}
	return out, err
}

// linearClient is one of those who write at once.
type linearClient struct {
	*recorder
	id   int
	rnd  *rand.Rand
	seen map[string]string // the last tag it was told of a URL
	n    int
}

func (c *recorder) clients(n int, seed uint64) (all []*linearClient) {
	for id := range n {
		all = append(all, &linearClient{recorder: c, id: id, rnd: rand.New(rand.NewPCG(seed, uint64(id))), seen: make(map[string]string)})
	}
	return all
}

// do sends the request and remembers the tag it is told; no two bodies are equal.
func (c *linearClient) do(in request) {
	if c.n++; in.method == "PUT" {
		in.body = fmt.Sprintf("%s by %d, %d", in.part, c.id, c.n)
	}
	out := c.recorder.do(c.id, in)
	url := in.url
	if in.dst != "" {
		url = in.dst
	}
	if out.tag != "" && out.status != http.StatusPreconditionFailed {
		c.seen[url] = out.tag
	}
}

// on chooses a request about one URL.
func (c *linearClient) on(part, url string) request {
	in, tag := request{part: part, method: "GET", url: url}, c.seen[url]
	switch n := c.rnd.IntN(100); {
	case n < 20 || tag == "" && n < 40:
	case n < 26:
		in.method = "HEAD"
	case n < 30:
		in.ifMatch = tag
	case n < 36:
		in.ifNoneMatch = tag
	case n < 64:
		in.method, in.ifMatch = "PUT", tag
	case n < 76:
		in.method, in.ifNoneMatch = "PUT", "*"
	case n < 80:
		in.method, in.ifNoneMatch = "PUT", tag
	case n < 83:
		in.method, in.ifMatch = "PUT", "*"
	case n < 88:
		in.method = "PUT"
	case n < 96:
		in.method, in.ifMatch = "DELETE", tag
	default:
		in.method = "DELETE"
	}
	return in
}

// amid chooses a request about a few URLs and the collections that they are members of.
func (c *linearClient) amid(part string, collections, urls []string) request {
	url := urls[c.rnd.IntN(len(urls))]
	in := request{part: part, url: url}
	switch n := c.rnd.IntN(100); {
	case n < 8:
		in.method, in.url = "MKCOL", collections[c.rnd.IntN(len(collections))]
	case n < 12:
		in.method, in.url = "DELETE", collections[c.rnd.IntN(len(collections))]
	case n < 30:
		in.method = []string{"MOVE", "COPY"}[n%2]
		in.keep = n%3 == 0
		for in.dst = url; in.dst == url; {
			in.dst = urls[c.rnd.IntN(len(urls))]
		}
		if n < 24 {
			in.ifMatch = c.seen[url]
		}
	default:
		return c.on(part, url)
	}
	return in
}

// registers has clients work on single URLs, which the checker can look at one by one.
func registers(c *recorder, operations int) {
	const clients, urls = 8, 5
	var all sync.WaitGroup
	for _, client := range c.clients(clients, 1) {
		all.Go(func() {
			for range operations / clients {
				url := fmt.Sprintf("/register%d", client.rnd.IntN(urls))
				client.do(client.on(url, url))
			}
		})
	}
	all.Wait()
}

// bursts have clients work on URLs that depend on each other, through MOVE and COPY and through
// collections that come and go; a burst is short, so that the checker can look at it as a whole.
func bursts(c *recorder, operations int) {
	const clients, each = 5, 10
	for b := range operations / (clients * each) {
		part := fmt.Sprintf("/burst%d", b)
		collections := []string{part + "-a", part + "-b"}
		urls := []string{part + "-a/x", part + "-a/y", part + "-b/x", part + "-c"}
		var all sync.WaitGroup
		for _, client := range c.clients(clients, uint64(b)) {
			all.Go(func() {
				for i := range each {
					in := client.amid(part, collections, urls)
					if i == 0 && client.id < len(collections) {
						in = request{part: part, method: "MKCOL", url: collections[client.id]}
					}
					client.do(in)
				}
			})
		}
		all.Wait()
	}
}

// check fails the test unless the history could have happened one after the other.
func (c *recorder) check(t *testing.T) {
	t.Helper()
	if c.failed != nil {
		t.Error(c.failed)
	}
	passing(c.history)
	began := time.Now()
	result, info := porcupine.CheckOperationsVerbose(model, c.history, checkTimeout)
	t.Logf("%d requests in %v, checked in %v: %v", len(c.history), began.Sub(c.began).Round(time.Millisecond), time.Since(began).Round(time.Millisecond), c.statuses())
	if result == porcupine.Ok {
		return
	}
	t.Errorf("the history of %d requests is %s", len(c.history), result)
	path := t.ArtifactDir() + "/history.html"
	if err := porcupine.VisualizePath(model, info, path); err == nil {
		t.Log("see", path)
	}
	c.tell(t)
}

// tell logs the first part that is wrong as far as it is short enough to be read.
func (c *recorder) tell(t *testing.T) {
	for _, part := range model.Partition(c.history) {
		one := model
		one.Partition = nil
		if porcupine.CheckOperationsTimeout(one, part, checkTimeout) == porcupine.Ok {
			continue
		}
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
		for _, op := range part[:min(len(part), 100)] {
			t.Logf("%d: %v-%v %s", op.ClientId, time.Duration(op.Call), time.Duration(op.Return), model.DescribeOperation(op.Input, op.Output))
		}
		return
	}
}

func (c *recorder) statuses() map[string]int {
	count := make(map[string]int)
	for _, op := range c.history {
		count[fmt.Sprint(op.Input.(request).method, " ", op.Output.(answer).status)]++
	}
	return count
}

// oneState fails the test when one tag stood for two contents, at whatever URLs.
func (c *recorder) oneState(t *testing.T) {
	bodies := make(map[string]string)
	for _, op := range c.history {
		in, out := op.Input.(request), op.Output.(answer)
		body := out.body
		switch {
		case in.method == "PUT" && out.status < 300:
			body = in.body
		case in.method != "GET" || out.status != http.StatusOK || out.tag == "":
			continue
		}
		if before, known := bodies[out.tag]; known && before != body {
			t.Errorf("%s stands for %q and %q", out.tag, before, body)
		}
		bodies[out.tag] = body
	}
}

// 10,000 requests of clients that get into each other's way, on every kind of tree and with every kind
// of tag: conditional and plain writes of single URLs, and COPY and MOVE among collections that come and go.
func TestLinearizable(t *testing.T) {
	for kind, open := range trees {
		for mode, tags := range tagModes {
			t.Run(kind+"/"+mode, func(t *testing.T) {
				operations := 10_000
				if tags.NoNotify {
					operations = 2000 // the answers are made in the same way
				}
				c := newRecorder(t, serveTree(t, open(t), tags, handler.Options{}))
				registers(c, operations/2)
				bursts(c, operations/2)
				c.check(t)
				c.oneState(t)
				for _, rare := range []string{"PUT 201", "PUT 204", "PUT 409", "PUT 412", "DELETE 204", "DELETE 412", "GET 304", "MOVE 201", "MOVE 204", "MOVE 404", "MOVE 409", "MOVE 412", "COPY 201", "COPY 412", "MKCOL 405"} {
					if c.statuses()[rare] == 0 && operations == 10_000 {
						t.Errorf("%s never came", rare)
					}
				}
			})
		}
	}
}

// unchecked is a tree whose steps do not ask again: the early check alone decides. It stands for a server
// that looks before it writes, and not once more under the latch.
type unchecked struct{ fs.FS }

func (u unchecked) Stage(name string) (fs.Staged, error) {
	time.Sleep(time.Millisecond) // so that others come to look before it writes, also on one processor
	s, err := u.FS.Stage(name)
	return uncheckedStaged{s}, err
}

func (u unchecked) Retire(name string, exact bool, check func(*fs.Info) error) (func(), error) {
	return u.FS.Retire(name, exact, ignored(check))
}

type uncheckedStaged struct{ fs.Staged }

func (s uncheckedStaged) Commit(exact bool, check func(*fs.Info) error) (fs.Info, bool, func(), error) {
	return s.Staged.Commit(exact, ignored(check))
}

// ignored asks, since a Check also notes what it saw, and takes every answer for yes.
func ignored(check func(*fs.Info) error) func(*fs.Info) error {
	return func(cur *fs.Info) error {
		_ = check(cur)
		return nil
	}
}

// Without the second check two writers can both win, and the checker finds that: it is able to.
func TestCheckerFindsMissingSecondCheck(t *testing.T) {
	for kind, open := range trees {
		t.Run(kind, func(t *testing.T) {
			for round := range 50 {
				c := newRecorder(t, serveTree(t, unchecked{open(t)}, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}, handler.Options{}))
				registers(c, 400)
				switch result := porcupine.CheckOperationsTimeout(model, c.history, checkTimeout); result {
				case porcupine.Illegal:
					t.Logf("found after %d rounds", round+1)
					return
				case porcupine.Unknown:
					t.Fatal("the checker took too long")
				}
			}
			t.Error("nobody noticed that writes are not checked under the latch")
		})
	}
}
