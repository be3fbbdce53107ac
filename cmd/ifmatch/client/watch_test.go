package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// reporter is a server of one resource, with or without an event stream.
type reporter struct {
	events bool

	mu     sync.Mutex
	serial int           // guarded by mu
	change chan struct{} // closed with each change; guarded by mu
	cut    chan struct{} // closed to end all streams; guarded by mu
	asked  map[string]int
}

func (s *reporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	stream := strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
	s.mu.Lock()
	s.asked[r.Method]++
	serial := s.serial
	s.mu.Unlock()
	if stream && s.events {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			s.mu.Lock()
			change, cut := s.change, s.cut
			s.mu.Unlock()
			fmt.Fprint(w, "event: state\ndata: {}\n\n")
			http.NewResponseController(w).Flush()
			select {
			case <-change:
			case <-cut:
				return
			case <-r.Context().Done():
				return
			}
		}
	}
	w.Header().Set("ETag", `"`+strconv.Itoa(serial)+`"`)
	if r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("text"))
}

func (s *reporter) write(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	close(s.change)
	s.change = make(chan struct{})
	if cut {
		close(s.cut)
		s.cut = make(chan struct{})
	}
}

// watched follows the server and returns the tags that are told.
func watched(t *testing.T, s *reporter, interval time.Duration) (next func() string) {
	t.Helper()
	s.change, s.cut, s.asked = make(chan struct{}), make(chan struct{}), map[string]int{}
	srv := httptest.NewServer(s)
	u, _ := url.Parse(srv.URL + "/x.txt")
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tags, ended := make(chan string), make(chan error, 1)
	go func() {
		ended <- c.Watch(ctx, u, interval, func(s State, err error) bool {
			if err != nil {
				s.ETag = err.Error()
			}
			select {
			case tags <- s.ETag:
			case <-ctx.Done():
			}
			return true
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		srv.Close()
	})
	return func() string {
		t.Helper()
		select {
		case tag := <-tags:
			return tag
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing is told")
			return ""
		}
	}
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

// Where the server reports changes nobody waits for the interval, and a stream that ended is opened again.
func TestWatchByEvents(t *testing.T) {
	s := &reporter{events: true}
	next := watched(t, s, time.Hour)
	want(t, next(), `"0"`)
	s.write(false)
	want(t, next(), `"1"`)
	s.write(true)
	want(t, next(), `"2"`)
	s.write(false)
	want(t, next(), `"3"`)
}

// A server that answers with the file instead is asked again and again, and once only for events.
func TestWatchByAsking(t *testing.T) {
	s := &reporter{}
	next := watched(t, s, 10*time.Millisecond)
	want(t, next(), `"0"`)
	s.write(false)
	want(t, next(), `"1"`)
	s.write(false)
	want(t, next(), `"2"`)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked["GET"] != 1 {
		t.Errorf("%d requests for events", s.asked["GET"])
	}
}
