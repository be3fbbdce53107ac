package handler_test

import (
	"sync"
	"testing"
	"time"

	"ifmatch/handler"
)

const sharedLock = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

// COPY and LOCK are methods of a collection as well, so one that has just come to be is no reason for 405.
func TestCopyAndLockMeetANewCollection(t *testing.T) {
	for kind, open := range trees {
		t.Run(kind, func(t *testing.T) {
			url := serve(t, open(t), handler.Options{})
			do(t, "PUT", url+"/a", "text")
			var all sync.WaitGroup
			until := time.Now().Add(2 * time.Second)
			all.Go(func() {
				for time.Now().Before(until) {
					do(t, "MKCOL", url+"/d", "")
					do(t, "DELETE", url+"/d", "")
				}
			})
			for _, req := range [][]string{{"COPY", "/a", "", "Destination", url + "/d"}, {"LOCK", "/d", sharedLock, "Timeout", "Second-1"}} {
				all.Go(func() {
					for n := 0; time.Now().Before(until); n++ {
						res, body := do(t, req[0], url+req[1], req[2], req[3:]...)
						if res.StatusCode == 405 {
							t.Errorf("%s, request %d: %s %s", req[0], n, res.Status, body)
							return
						}
						if k := res.Header.Get("Lock-Token"); k != "" {
							do(t, "UNLOCK", url+"/d", "", "Lock-Token", k)
						}
					}
				})
			}
			all.Wait()
		})
	}
}
