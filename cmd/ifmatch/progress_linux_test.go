package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Transfers that take a while show how far they are, on a terminal; the file is whole all the same. What is said next
// stands alone on its line.
func TestProgressOnATerminal(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", "")
	const size, piece = 8 << 20, 32 << 10
	for _, tt := range []struct{ name, bar string }{{"get", "fetching"}, {"put", "sending"}} {
		t.Run(tt.name, func(t *testing.T) {
			seen, got := make(chan struct{}), int64(0)
			slowly := func() { // until the bar was seen
				select {
				case <-seen:
				case <-time.After(30 * time.Millisecond):
				}
			}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodPut:
					for err := error(nil); err == nil; slowly() {
						var n int64
						n, err = io.CopyN(io.Discard, r.Body, piece)
						got += n
					}
					w.Header().Set("ETag", `"1"`)
				case http.MethodGet:
					w.Header().Set("ETag", `"1"`)
					w.Header().Set("Content-Length", "8388608")
					for range size / piece {
						w.Write(make([]byte, piece))
						w.(http.Flusher).Flush()
						slowly()
					}
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			t.Cleanup(s.Close) // after the program was ended
			saw := sync.OnceFunc(func() { close(seen) })
			t.Cleanup(saw)
			file := filepath.Join(t.TempDir(), "large")
			args := []string{"get", s.URL + "/large", file}
			if tt.name == "put" {
				must(t, os.WriteFile(file, make([]byte, size), 0o644))
				args = []string{"put", file, s.URL + "/large"}
			}
			x := runInTerminal(t, args...)
			must(t, unix.IoctlSetWinsize(int(x.theirs.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}))
			x.shows(tt.bar)
			x.shows("% ")
			x.shows("/8.0 MiB")
			saw()
			x.shows(`ETag "1"`)
			lines := strings.Split(strings.TrimRight(x.shown, "\r\n"), "\r")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, file) && !strings.HasPrefix(last, s.URL) {
				t.Errorf("the last line is %q", last)
			}
			must(t, x.cmd.Wait())
			if tt.name == "get" {
				fi, err := os.Stat(file)
				must(t, err)
				got = fi.Size()
			}
			if got != size {
				t.Errorf("%d bytes arrived", got)
			}
		})
	}
}

// One large file is enough for hash and scrub to show how far they are.
func TestProgressOfHashOnATerminal(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dir, state := t.TempDir(), t.TempDir()
	file := filepath.Join(dir, "large")
	writeFile(t, file, "")
	must(t, os.Truncate(file, 1<<30))
	for _, tt := range []struct{ command, bar, end string }{{"hash", "hashing (", "1 file hashed"}, {"scrub", "scrubbing (", "1 file read"}} {
		x := runInTerminal(t, tt.command, "--state", state, dir)
		x.shows(tt.bar)
		x.shows(" MiB, ")
		x.shows(tt.end)
		if err := x.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", tt.command, err)
		}
	}
}
