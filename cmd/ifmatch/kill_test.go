//go:build unix

package main

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// content is what one name holds; 0 stands for nothing. Its bytes say which it is, and whether
// they are whole.
type content int

func (v content) bytes() string {
	return strings.Repeat(fmt.Sprintf("%08d ", v), 1+int(v)*7919%20_000)
}

// parseContent tells which version text is.
func parseContent(text string) (content, error) {
	var v content
	if _, err := fmt.Sscanf(text, "%d", &v); err != nil {
		return 0, err
	}
	if text != v.bytes() {
		return 0, fmt.Errorf("version %d is not whole: %d bytes, want %d", v, len(text), len(v.bytes()))
	}
	return v, nil
}

// editor is one client: it creates, saves and deletes one resource and remembers what was
// acknowledged, and what it asked for last without an answer.
type editor struct {
	name         string
	acked, asked content
	tag          string
	next         content
	client       http.Client
}

// work writes until the server is gone, and tells of each write that was acknowledged.
func (e *editor) work(url string, acknowledged func()) error {
	defer e.client.CloseIdleConnections()
	for {
		e.asked = 0
		method, header := "DELETE", []string{"If-Match", e.tag}
		if e.acked == 0 || rand.IntN(4) > 0 {
			e.next++
			e.asked = e.next
			method = "PUT"
		}
		if e.acked == 0 {
			header = []string{"If-None-Match", "*"}
		}
		res, text, err := trySend(&e.client, method, url+e.name, strings.NewReader(e.asked.body()), header...)
		if err != nil {
			return nil // killed
		}
		if res.StatusCode >= 300 {
			return fmt.Errorf("%s %s %v: %s: %s", method, e.name, header, res.Status, text)
		}
		e.acked, e.tag = e.asked, res.Header.Get("ETag")
		acknowledged()
	}
}

func (v content) body() string {
	if v == 0 {
		return ""
	}
	return v.bytes()
}

// settle reads what the crash left and checks that it is what was acknowledged, or what was asked for
// last.
func (e *editor) settle(dir string) error {
	found, err := e.found(dir)
	if err != nil {
		return err
	}
	if found != e.acked && found != e.asked {
		return fmt.Errorf("%s holds version %d; acknowledged was %d, and then %d was asked for", e.name, found, e.acked, e.asked)
	}
	e.acked = found
	return nil
}

// found is what its file holds.
func (e *editor) found(dir string) (content, error) {
	text, err := os.ReadFile(filepath.Join(dir, e.name))
	if errors.Is(err, iofs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	v, err := parseContent(string(text))
	if err != nil {
		err = fmt.Errorf("%s: %w", e.name, err)
	}
	return v, err
}

// The server is killed under load a hundred times. Every acknowledged write is there, every file is one
// whole version, and no listing shows what the crash left behind.
func TestKill(t *testing.T) {
	t.Parallel()
	dir, state := t.TempDir(), t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o777))
	var editors []*editor
	for i := range 8 {
		editors = append(editors, &editor{name: fmt.Sprintf("/%s%d", []string{"", "sub/"}[i%2], i)})
	}
	const enough = 5 // writes of a round, before its end comes nearer
	total := int64(0)
	for round := range 100 {
		p := start(t, nil, "--durability=full", "--state", state, dir)
		for _, e := range editors {
			if err := e.restart(p.url); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		wantCleanListings(t, p.url)
		var wg sync.WaitGroup
		failed := make(chan error, len(editors))
		var writes atomic.Int64
		begun := make(chan struct{})
		for _, e := range editors {
			wg.Go(func() {
				failed <- e.work(p.url, func() {
					if writes.Add(1) == enough {
						close(begun)
					}
				})
			})
		}
		select {
		case <-begun:
		case <-time.After(patience):
			t.Fatalf("round %d: only %d writes were acknowledged", round, writes.Load())
		}
		time.Sleep(time.Duration(10+rand.IntN(120)) * time.Millisecond)
		p.stop(syscall.SIGKILL)
		wg.Wait()
		for _, e := range editors {
			if err := errors.Join(<-failed, e.settle(dir)); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		total += writes.Load()
	}
	t.Logf("%d writes were acknowledged", total)
	start(t, nil, "--state", state, dir)
	wantSwept(t, dir)
}

// restart reads the state that the next condition has to name.
func (e *editor) restart(url string) error {
	res, text, err := trySend(&e.client, "GET", url+e.name, nil)
	if err != nil {
		return err
	}
	e.tag = res.Header.Get("ETag")
	switch {
	case e.acked == 0 && res.StatusCode == 404:
		return nil
	case e.acked != 0 && text == e.acked.bytes():
		return nil
	}
	return fmt.Errorf("GET %s: %s, %d bytes, want version %d", e.name, res.Status, len(text), e.acked)
}

func wantCleanListings(t *testing.T, url string) {
	t.Helper()
	for _, collection := range []string{"/", "/sub/"} {
		res, text := send(t, "GET", url+collection, nil)
		wantStatus(t, res, 200)
		text = strings.ReplaceAll(text, "/.ifmatch-page/", "") // where the page has its style from
		if strings.Contains(text, ".ifmatch-") {
			t.Fatalf("the listing of %s shows staged bytes:\n%s", collection, text)
		}
	}
}

// wantSwept waits until nothing reserved is left on the disk.
func wantSwept(t *testing.T, dir string) {
	t.Helper()
	var left []string
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		left = nil
		filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
			if err == nil && strings.HasPrefix(d.Name(), ".ifmatch-") {
				left = append(left, path)
			}
			return nil
		})
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("the sweep left %v", left)
}
