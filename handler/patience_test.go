package handler

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// leaving is a tree whose client leaves while a file is copied to it.
type leaving struct {
	fs.FS
	leave func()
}

func (l *leaving) Stage(name string) (fs.Staged, error) {
	l.leave()
	time.Sleep(10 * time.Millisecond)
	return l.FS.Stage(name)
}

// A COPY whose client has left is made like every other write, unless it takes long; then nothing is left of it.
func TestCopyOfAClientThatLeft(t *testing.T) {
	defer func(d time.Duration) { patience = d }(patience)
	for _, tt := range []struct {
		patience     time.Duration
		status, last int
	}{{time.Minute, http.StatusCreated, http.StatusOK}, {0, http.StatusBadRequest, http.StatusNotFound}} {
		patience = tt.patience
		base := fs.NewMemory()
		ask := func(ctx context.Context, tree fs.FS, method, path string) int {
			h, err := New(NewTree(tree, etagfs.Options{}), Options{})
			must(t, err)
			r := httptest.NewRequestWithContext(ctx, method, path, nil)
			r.Header.Set("Destination", "/to")
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			return rec.Code
		}
		ask(t.Context(), base, "MKCOL", "/c")
		for n := range 20 {
			ask(t.Context(), base, "PUT", fmt.Sprint("/c/", n))
		}
		ctx, leave := context.WithCancel(t.Context())
		if got := ask(ctx, &leaving{base, leave}, "COPY", "/c"); got != tt.status {
			t.Errorf("patience of %v: %d, want %d", tt.patience, got, tt.status)
		}
		for _, name := range []string{"/to/0", "/to/19"} {
			if got := ask(t.Context(), base, "HEAD", name); got != tt.last {
				t.Errorf("patience of %v: %s: %d, want %d", tt.patience, name, got, tt.last)
			}
		}
		if n, err := base.Sweep(); n != 0 || err != nil {
			t.Errorf("patience of %v: %d are left, %v", tt.patience, n, err)
		}
	}
}
