package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// coarse is a server whose tags are weak for a while after each change, and that answers PUT without a tag, as
// Apache does. It asks for conditions (RFC 6585 §3), and holds one resource.
type coarse struct {
	text    []byte
	mapped  bool
	serial  int
	changed time.Time
	weak    time.Duration // how long; negative is always
}

func (s *coarse) tag() string {
	tag := fmt.Sprintf(`"%d"`, s.serial)
	if s.weak < 0 || time.Since(s.changed) < s.weak {
		tag = "W/" + tag
	}
	return tag
}

func (s *coarse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := r.Header.Get("If-Match")
	switch {
	case match != "" && (!s.mapped || match != "*" && match != s.tag()), r.Header.Get("If-None-Match") == "*" && s.mapped:
		w.WriteHeader(http.StatusPreconditionFailed)
	case s.mapped && match == "" && (r.Method == http.MethodPut || r.Method == http.MethodDelete):
		w.WriteHeader(http.StatusPreconditionRequired)
	case r.Method == http.MethodDelete:
		s.mapped = false
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		s.text, _ = io.ReadAll(r.Body)
		s.mapped, s.serial, s.changed = true, s.serial+1, time.Now()
		w.WriteHeader(http.StatusNoContent)
	case !s.mapped:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("ETag", s.tag())
		w.Header().Set("Content-Length", fmt.Sprint(len(s.text)))
		w.Write(s.text)
	}
}

func start(t *testing.T, s http.Handler) (*Client, *url.URL) {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c, err := New(Options{Memory: Memory{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := ParseURL(srv.URL + "/x.txt")
	if err != nil {
		t.Fatal(err)
	}
	return c, u
}

func TestTagsThatAreWeakForAMoment(t *testing.T) {
	s := &coarse{weak: 700 * time.Millisecond}
	c, u := start(t, s)
	c.settleTime = time.Minute
	file := filepath.Join(t.TempDir(), "x.txt")
	for i, text := range []string{"one", "two", "three"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Put(t.Context(), u, file, false, func(State) {}); err != nil || string(s.text) != text {
			t.Fatalf("put %d: %v, %q there", i, err, s.text)
		}
	}
	saved, err := c.Edit(t.Context(), u, appends(t, "four"))
	if err != nil || !saved || string(s.text) != "threefour" {
		t.Errorf("edit: %v, %v, %q there", saved, err, s.text)
	}
}

func TestTagsThatStayWeak(t *testing.T) {
	s := &coarse{weak: -1}
	c, u := start(t, s)
	c.settleTime = 10 * time.Millisecond
	file := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), u, file, false, func(State) {}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Put(t.Context(), u, file, false, func(State) {})
	if _, ok := errors.AsType[*Refusal](err); !ok || s.serial != 1 {
		t.Errorf("put: %v, %d writes", err, s.serial)
	}
	_, err = c.Edit(t.Context(), u, appends(t, "four"))
	if _, ok := errors.AsType[*Refusal](err); !ok || s.serial != 1 {
		t.Errorf("edit: %v, %d writes", err, s.serial)
	}
	if _, err = c.Put(t.Context(), u, file, true, func(State) {}); err != nil {
		t.Errorf("put by force: %v", err)
	}
	if err := c.Remove(t.Context(), u, false, true, func(State) {}); err != nil || s.mapped {
		t.Errorf("rm by force: %v", err)
	}
}

// appends edits by appending a text.
func appends(t *testing.T, text string) Editing {
	return Editing{
		Dir: t.TempDir(),
		Say: t.Logf,
		Ask: func(context.Context, string) bool { return false },
		Open: func(_ context.Context, file string) error {
			old, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(file, append(bytes.TrimSpace(old), text...), 0o600)
		},
	}
}

// TestGetReplacesInOneStep breaks the answer off: the old file stays.
func TestGetReplacesInOneStep(t *testing.T) {
	c, u := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("half"))
	}))
	dir := t.TempDir()
	file := filepath.Join(dir, "x.txt")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Get(t.Context(), u, file, true); err == nil {
		t.Error("no error")
	}
	if text, _ := os.ReadFile(file); string(text) != "old" {
		t.Errorf("the file holds %q", text)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// What somebody writes into the file while it is fetched stays.
func TestGetLooksBeforeItReplaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.txt")
	c, u := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		os.WriteFile(file, []byte("theirs"), 0o600)
		w.Write([]byte("fetched"))
	}))
	_, _, err := c.Get(t.Context(), u, file, false)
	if _, refused := errors.AsType[*Refusal](err); !refused {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "theirs" {
		t.Errorf("the file holds %q", text)
	}
}
