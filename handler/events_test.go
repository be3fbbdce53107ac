package handler

import (
	"context"
	"net/http"
	"net/http/httptest"
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
