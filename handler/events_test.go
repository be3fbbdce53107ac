package handler

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// However many streams one user opens, there is room for those of others.
func TestOneUserDoesNotTakeAllEventStreams(t *testing.T) {
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{})
	must(t, err)
	ask := func(ctx context.Context, method, user string) int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(WithUser(ctx, user), method, "/?events", nil))
		return rec.Code
	}
	listening, leave := context.WithCancel(t.Context())
	defer leave()
	var streams sync.WaitGroup
	for range maxStreams {
		streams.Go(func() { ask(listening, http.MethodGet, "anna") })
	}
	for deadline := time.Now().Add(10 * time.Second); ask(t.Context(), http.MethodHead, "anna") != http.StatusTooManyRequests; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no limit was met")
		}
	}
	if got := ask(t.Context(), http.MethodHead, "ben"); got != http.StatusOK {
		t.Errorf("somebody else: %d", got)
	}
	leave()
	streams.Wait()
	if got := ask(t.Context(), http.MethodHead, "anna"); got != http.StatusOK {
		t.Errorf("when they have ended: %d", got)
	}
}

// What came after a reload is not told to who listened before it: they may not read it any more.
func TestEventStreamTellsNothingAfterItsEnd(t *testing.T) {
	over := make(chan struct{})
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{Over: over})
	must(t, err)
	put := func(body string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/x", strings.NewReader(body)))
	}
	put("1")
	url := httptest.NewServer(h)
	defer url.Close()
	res, err := http.Get(url.URL + "/x?events")
	must(t, err)
	defer res.Body.Close()
	said := bufio.NewScanner(res.Body)
	for said.Scan() && !strings.Contains(said.Text(), `"size":1`) {
	}
	put("22") // which is told of after eventPause
	time.Sleep(eventPause / 5)
	close(over)
	put("333")
	for said.Scan() {
		if strings.Contains(said.Text(), `"size":3`) {
			t.Errorf("after the end: %s", said.Text())
		}
	}
}
