package handler_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ifmatch/handler"
)

// do sends one request and returns the answer with its body read.
func do(t testing.TB, method, url, body string, fields ...string) (*http.Response, string) {
	t.Helper()
	res, answer, err := send(method, url, body, fields...)
	if err != nil {
		t.Error(err)
	}
	return res, answer
}

// send always returns an answer, if one without status.
func send(method, url, body string, fields ...string) (*http.Response, string, error) {
	none := &http.Response{Header: http.Header{}}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return none, "", err
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return none, "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res, string(answer), err
}

// succeed is do of what must succeed.
func succeed(t testing.TB, method, url, body string, fields ...string) *http.Response {
	t.Helper()
	res, said := do(t, method, url, body, fields...)
	if res.StatusCode/100 != 2 {
		t.Fatal(method, url, res.Status, said)
	}
	return res
}

// onTrees runs a test on every kind of tree.
func onTrees(t *testing.T, o handler.Options, test func(t *testing.T, url string)) {
	for kind, open := range trees {
		t.Run(kind, func(t *testing.T) { test(t, serve(t, open(t), o)) })
	}
}

// 16 clients add 1 fifty times each, by GET and PUT with If-Match, and try again after a 412: nothing is
// lost and nothing counted twice.
func TestCounter(t *testing.T) {
	const clients, each = 16, 50
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		url += "/counter"
		do(t, "PUT", url, "0", "If-None-Match", "*")
		var accepted, refused atomic.Int64
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for done := 0; done < each && !t.Failed(); {
					res, body := do(t, "GET", url, "")
					n, err := strconv.Atoi(body)
					if err != nil {
						t.Errorf("torn: %q", body)
						return
					}
					res, body = do(t, "PUT", url, strconv.Itoa(n+1), "If-Match", res.Header.Get("Etag"))
					switch res.StatusCode {
					case http.StatusNoContent:
						accepted.Add(1)
						done++
					case http.StatusPreconditionFailed:
						refused.Add(1)
					default:
						t.Errorf("%s: %s", res.Status, body)
					}
				}
			})
		}
		all.Wait()
		if _, body := do(t, "GET", url, ""); body != strconv.Itoa(clients*each) || accepted.Load() != clients*each {
			t.Errorf("counter %s after %d accepted and %d refused writes, want %d", body, accepted.Load(), refused.Load(), clients*each)
		}
	})
}

// Many create one name at once: one 201, all others 412, and the bytes are the winner's.
func TestCreateRace(t *testing.T) {
	const clients, rounds = 16, 20
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		for round := range rounds {
			at := fmt.Sprintf("%s/new%d", url, round)
			var winner atomic.Int64
			var created, refused atomic.Int64
			var all sync.WaitGroup
			for c := range clients {
				all.Go(func() {
					res, body := do(t, "PUT", at, strconv.Itoa(c), "If-None-Match", "*")
					switch res.StatusCode {
					case http.StatusCreated:
						created.Add(1)
						winner.Store(int64(c))
					case http.StatusPreconditionFailed:
						refused.Add(1)
					default:
						t.Errorf("%s: %s", res.Status, body)
					}
				})
			}
			all.Wait()
			if created.Load() != 1 || refused.Load() != clients-1 {
				t.Fatalf("%d created, %d refused", created.Load(), refused.Load())
			}
			if _, body := do(t, "GET", at, ""); body != strconv.FormatInt(winner.Load(), 10) {
				t.Errorf("%s holds %s, created by %d", at, body, winner.Load())
			}
		}
	})
}

// Two plain PUTs at once are both right, one after the other (clients.md): never 423, never 409.
func TestPlainPutsAllSucceed(t *testing.T) {
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		url += "/x"
		var created atomic.Int64
		var all sync.WaitGroup
		for c := range 16 {
			all.Go(func() {
				for range 20 {
					res, body := do(t, "PUT", url, strings.Repeat(string(rune('a'+c)), 1000))
					if res.StatusCode == http.StatusCreated {
						created.Add(1)
					} else if res.StatusCode != http.StatusNoContent {
						t.Errorf("%s: %s", res.Status, body)
					}
				}
			})
		}
		all.Wait()
		_, body := do(t, "GET", url, "")
		if created.Load() != 1 || len(body) != 1000 || strings.Count(body, body[:1]) != 1000 {
			t.Errorf("%d created; torn: %q", created.Load(), body)
		}
	})
}

// Two spellings of one name are created at once: one resource comes of it.
func TestFormsRace(t *testing.T) {
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		for round := range 20 {
			var created atomic.Int64
			var all sync.WaitGroup
			for c := range 8 {
				name := []string{"%C3%BC", "u%CC%88"}[c%2]
				all.Go(func() {
					res, body := do(t, "PUT", fmt.Sprintf("%s/%s%d", url, name, round), "x", "If-None-Match", "*")
					if res.StatusCode == http.StatusCreated {
						created.Add(1)
					} else if res.StatusCode != http.StatusPreconditionFailed {
						t.Errorf("%s: %s", res.Status, body)
					}
				})
			}
			all.Wait()
			if created.Load() != 1 {
				t.Fatalf("%d created", created.Load())
			}
		}
	})
}

// Plain ones all succeed, as those of one spelling do: none is told to try again.
func TestPlainPutsOfTwoFormsAllSucceed(t *testing.T) {
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		for round := range 20 {
			var all sync.WaitGroup
			for c := range 8 {
				name := []string{"%C3%BC", "u%CC%88"}[c%2]
				all.Go(func() {
					if res, body := do(t, "PUT", fmt.Sprintf("%s/%s%d", url, name, round), "x"); res.StatusCode >= 300 {
						t.Errorf("%s: %s", res.Status, body)
					}
				})
			}
			all.Wait()
		}
	})
}

// Two writers, each of which names the state of what the other one writes (RFC 4918 §10.4, tagged lists): only one
// of them can be right.
func TestTaggedStatesHoldStill(t *testing.T) {
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		for range 100 {
			a, _ := do(t, "PUT", url+"/a", "a")
			b, _ := do(t, "PUT", url+"/b", "b")
			if a.StatusCode >= 300 || b.StatusCode >= 300 {
				t.Fatal(a.Status, b.Status)
			}
			var accepted atomic.Int64
			var both sync.WaitGroup
			write := func(at, named, tag string) {
				res, body := do(t, "PUT", url+at, "new", "If", "<"+named+"> (["+tag+"])")
				switch res.StatusCode {
				case http.StatusNoContent:
					accepted.Add(1)
				case http.StatusPreconditionFailed:
				default:
					t.Errorf("%s: %s", res.Status, body)
				}
			}
			both.Go(func() { write("/b", "/a", a.Header.Get("Etag")) })
			both.Go(func() { write("/a", "/b", b.Header.Get("Etag")) })
			both.Wait()
			if accepted.Load() != 1 {
				t.Fatalf("%d of two writers won", accepted.Load())
			}
		}
	})
}
