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

// Large texts that wait to be merged are not in memory, and hold up no small ones.
func TestLargeMergesWaitUnread(t *testing.T) {
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		texts := mergeTexts
		defer func() { mergeTexts = texts }()
		mergeTexts = make(chan struct{}, 1)
		mergeTexts <- struct{}{}
		post := func(mine string) (w *httptest.ResponseRecorder, body *watched, done chan struct{}) {
			w, body, done = httptest.NewRecorder(), &watched{Reader: strings.NewReader(`{"base":"a","mine":"` + mine + `","theirs":"a"}`)}, make(chan struct{})
			r := httptest.NewRequest("POST", "/a.txt", body)
			r.Header.Set("Content-Type", mergeType)
			go func() {
				h.ServeHTTP(w, r)
				close(done)
			}()
			synctest.Wait()
			return w, body, done
		}
		large, body, done := post(strings.Repeat("b", 1<<20))
		if n := body.read.Load(); n > smallMergeBytes {
			t.Errorf("%d bytes were read of a text that waits", n)
		}
		if small, _, _ := post("b"); small.Body.Len() == 0 {
			t.Error("a small merge waits for a large one")
		}
		<-mergeTexts
		<-done
		if large.Code != http.StatusOK {
			t.Errorf("%d %s", large.Code, large.Body)
		}
	})
}

// Whoever has merged makes room for the next one, and what cannot be merged is refused.
func TestMergesEnd(t *testing.T) {
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("a line of a large text\\n", smallMergeBytes/20)
	for _, c := range []struct {
		mine   string
		times  int
		status int
	}{
		{"b", cap(merges) + 1, 200},
		{large, cap(mergeTexts) + 1, 200},
		{"\\u0000", 1, 422},
		{"\xff", 1, 400},
		{`"`, 1, 400},
	} {
		for range c.times {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("POST", "/a", strings.NewReader(`{"base":"a","mine":"`+c.mine+`","theirs":"a"}`))
			r.Header.Set("Content-Type", mergeType)
			h.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Fatalf("%.20q: %d, want %d: %s", c.mine, w.Code, c.status, w.Body)
			}
		}
	}
}
