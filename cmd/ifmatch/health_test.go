//go:build unix

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ifmatch/fs"
)

// /readyz names the share whose directory is not what it was, and says so again when it is.
func TestReadyNamesTheShare(t *testing.T) {
	h := houseWith(t, `metrics = "127.0.0.1:0"
users = "DIR/users"
[[share]]
prefix = "/a"
dir = "DIR/a"
[[share]]
prefix = "/b"
dir = "DIR/b"
[[share]]
prefix = "/home"
dir = "DIR/homes/{user}"
`, "a", "b", "homes")
	h.open()
	url := metricsURL(h.process) + "/readyz"
	ready := func(want string) {
		t.Helper()
		res, text := send(t, "GET", url, nil)
		if want == "" && (res.StatusCode != 200 || text != "ok\n") {
			t.Errorf("%s %q, want ok", res.Status, text)
		}
		if want != "" && (res.StatusCode != 503 || !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 1) {
			t.Errorf("%s %q, want %q", res.Status, text, want)
		}
	}
	move := func(from, to string) {
		t.Helper()
		must(t, os.Rename(filepath.Join(h.dir, from), filepath.Join(h.dir, to)))
	}
	ready("")
	move("b", "gone")
	ready("share /b: ")
	must(t, os.Mkdir(filepath.Join(h.dir, "b"), 0o755))
	ready("share /b: " + filepath.Join(h.dir, "b") + " is another directory")
	os.Remove(filepath.Join(h.dir, "b"))
	move("gone", "b")
	ready("")
	move("homes", "gone")
	ready("share /home: ")
}

// The store of a share that is closed, and a disk that hangs.
func TestReadyAsksStoreAndDisk(t *testing.T) {
	s := siteFor(t)
	if err := s.ready(t.Context()); err != nil {
		t.Error(err)
	}
	o := s.dirs.open[s.now.Load().shares[0].dir]
	o.store.Close()
	if err := s.ready(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "share /: the state of ") {
		t.Errorf("with the store closed: %v", err)
	}
	hung := &hanging{FS: o.base, release: make(chan struct{})}
	o.base = hung
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := s.ready(ctx); err == nil || err.Error() != "share /: the disk does not answer" {
			t.Errorf("with a disk that hangs: %v", err)
		}
		cancel()
	}
	if n := hung.asked.Load(); n > 1 {
		t.Errorf("it was asked %d times at once", n)
	}
	close(hung.release)
}

type hanging struct {
	fs.FS
	asked   atomic.Int32
	release chan struct{}
}

func (h *hanging) Lookup(name string) (fs.Info, error) {
	h.asked.Add(1)
	<-h.release
	return h.FS.Lookup(name)
}

// /healthz is about the server: it asks whether requests are served. One that stops is alive, and not ready.
func TestHealth(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var sick atomic.Bool
	stopping, stop := context.WithCancel(t.Context())
	defer stop()
	m := newMetrics(ln, siteFor(t))
	end := m.serve(stopping, func(context.Context) error {
		if sick.Load() {
			return errors.New("no answer")
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	defer end()
	ask := func(path string, status int) {
		t.Helper()
		res, text := send(t, "GET", "http://"+ln.Addr().String()+path, nil)
		if res.StatusCode != status || status == http.StatusServiceUnavailable && strings.Count(text, "\n") != 1 {
			t.Errorf("%s: %s %q, want %d", path, res.Status, text, status)
		}
	}
	ask("/healthz", 200)
	ask("/readyz", 200)
	sick.Store(true)
	ask("/healthz", 503)
	stop()
	ask("/healthz", 200)
	ask("/readyz", 503)
}
