package handler_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"ifmatch/handler"
)

// DELETE of a collection on the condition that a member has a state (RFC 4918 §10.4, tagged lists), and a PUT to that
// member which names the same state: only one of them can be right.
func TestDeleteOfCollectionNamesStateOfMember(t *testing.T) {
	onTrees(t, handler.Options{}, func(t *testing.T, url string) {
		for range 50 {
			do(t, "MKCOL", url+"/c", "")
			res, _ := do(t, "PUT", url+"/c/f", "one")
			tag := res.Header.Get("Etag")
			if res, body := do(t, "DELETE", url+"/c", "", "If", `</c/f> (["stale"])`); res.StatusCode != http.StatusPreconditionFailed {
				t.Fatalf("stale: %s %s", res.Status, body)
			}
			var accepted atomic.Int64
			var both sync.WaitGroup
			both.Go(func() {
				if res, _ := do(t, "DELETE", url+"/c", "", "If", `</c/f> ([`+tag+`])`); res.StatusCode == http.StatusNoContent {
					accepted.Add(1)
				}
			})
			both.Go(func() {
				if res, _ := do(t, "PUT", url+"/c/f", "two", "If-Match", tag); res.StatusCode == http.StatusNoContent {
					accepted.Add(1)
				}
			})
			both.Wait()
			if accepted.Load() != 1 {
				t.Fatalf("%d of two writers won", accepted.Load())
			}
			do(t, "DELETE", url+"/c", "")
		}
	})
}
