package handler

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// watched counts the bytes that are read of it.
type watched struct {
	io.Reader
	read atomic.Int64
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.read.Add(int64(n))
	return n, err
}

// Texts that wait to be merged are not in memory.
func TestMergesWaitUnread(t *testing.T) {
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		texts := mergeTexts
		defer func() { mergeTexts = texts }()
		mergeTexts = make(chan struct{}, 1)
		mergeTexts <- struct{}{}
		body := &watched{Reader: strings.NewReader(`{"base":"a","mine":"b","theirs":"a"}`)}
		r := httptest.NewRequest("POST", "/a.txt", body)
		r.Header.Set("Content-Type", mergeType)
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			h.ServeHTTP(w, r)
			close(done)
		}()
		synctest.Wait()
		if n := body.read.Load(); n != 0 {
			t.Errorf("%d bytes were read of a text that waits", n)
		}
		<-mergeTexts
		<-done
		if w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
