package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Many slow or hostile clients at once, against the real program. Each test keeps them there, and asks meanwhile
// as another client; what the program has ever held in memory (VmHWM) stays below a bound that does not depend on how
// long they stay.

const crowd = 2000

// unhurried lets a crowd stay that a slow machine takes long to bring together.
const unhurried = "--header-timeout=10m"

// connect opens n connections to the server and sends each first what say returns for its number.
func (p *process) connect(n int, say func(i int) string) []net.Conn {
	p.t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			p.t.Fatalf("connection %d: %v", i, err)
		}
		p.t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, say(i)); err != nil {
			p.t.Fatalf("connection %d: %v", i, err)
		}
		conns[i] = c
	}
	return conns
}

// otherClientIsServed asks as somebody else would.
func (p *process) otherClientIsServed() {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	for i := range 10 {
		url := fmt.Sprintf("%s/other%d", p.url, i)
		res, _, err := trySend(client, "PUT", url, strings.NewReader("text"), "If-None-Match", "*")
		if err != nil {
			p.t.Fatal(err)
		}
		wantStatus(p.t, res, 201)
		if res, text, err := trySend(client, "GET", url, nil); err != nil || text != "text" {
			p.t.Fatalf("GET: %v, %q, %v", res, text, err)
		}
		if res, _, err = trySend(client, "DELETE", url, nil); err != nil {
			p.t.Fatal(err)
		}
		wantStatus(p.t, res, 204)
	}
}

// memory reads the most that the program has ever held (VmHWM) and what it holds now (VmRSS), in MiB.
func (p *process) memory() (most, now int64) {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	read := func(key string) int64 {
		m := regexp.MustCompile(key + `:\s+(\d+) kB`).FindSubmatch(text)
		if m == nil {
			p.t.Fatalf("no %s in %s", key, text)
		}
		return atoi(string(m[1])) >> 10
	}
	return read("VmHWM"), read("VmRSS")
}

func (p *process) memoryBelow(bound int64) {
	p.t.Helper()
	most, now := p.memory()
	p.t.Logf("memory: at most %d MiB, now %d MiB", most, now)
	if most > bound {
		p.t.Errorf("the program took %d MiB, want at most %d", most, bound)
	}
}

// accepted waits until the program has n connections.
func (p *process) accepted(n int) {
	p.t.Helper()
	var open int
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		open = 0
		fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.cmd.Process.Pid))
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:") {
				open++
			}
		}
		if open > n { // with the listener
			return
		}
	}
	p.t.Fatalf("only %d of %d connections were accepted", open, n)
}

func TestHalfOpenConnectionsLeaveOthersServed(t *testing.T) {
	p := start(t, nil, unhurried, "--durability=none", t.TempDir())
	p.connect(crowd, func(i int) string { return "PUT /a HTTP/1.1\r\nHost: a\r\nIf-Ma" })
	p.accepted(crowd)
	p.otherClientIsServed()
	p.memoryBelow(100)
}

func TestIdleConnectionsLeaveOthersServed(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o644))
	p := start(t, nil, "--durability=none", dir)
	const ask = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
	conns := p.connect(crowd, func(int) string { return ask })
	answered := func(c net.Conn) {
		t.Helper()
		c.SetReadDeadline(time.Now().Add(patience))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		must(t, err)
		if text, err := io.ReadAll(res.Body); string(text) != "text" {
			t.Fatalf("%s: %q, %v", res.Status, text, err)
		}
	}
	for _, c := range conns {
		answered(c)
	}
	p.otherClientIsServed()
	p.memoryBelow(100)
	for _, c := range conns { // each is still good
		io.WriteString(c, ask)
		answered(c)
	}
}

func TestSlowBodiesLeaveOthersServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, nil, "--durability=none", dir)
	const uploads = crowd / 2
	conns := p.connect(uploads, func(i int) string {
		return fmt.Sprintf("PUT /slow%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n.", i)
	})
	p.accepted(uploads)
	for range 3 {
		second := time.After(time.Second)
		for i, c := range conns {
			if _, err := io.WriteString(c, "."); err != nil {
				t.Fatalf("upload %d was cut off: %v", i, err)
			}
		}
		p.otherClientIsServed()
		<-second
	}
	p.memoryBelow(150)
	for _, c := range conns {
		c.Close()
	}
	wantSwept(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("uploads that were broken off left %v", left)
	}
}

// A body that moves may take many times what is allowed for standing still.
func TestUploadThatMovesIsNotCutOff(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--idle-timeout="+testIdle.String(), "--header-timeout="+testIdle.String(), "--shutdown-timeout=2s", t.TempDir())
	const text = "a body of some length"
	moving(t, func(moved func()) error {
		c := p.connect(1, func(int) string {
			return fmt.Sprintf("PUT /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(text))
		})[0]
		for i := range text {
			time.Sleep(testIdle / 7)
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return fmt.Errorf("cut off after %d bytes: %w", i, err)
			}
			moved()
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		if res.StatusCode != 201 {
			return errors.New(res.Status)
		}
		return nil
	})
	if _, got := send(t, "GET", p.url+"/a", nil); got != text {
		t.Errorf("got %q", got)
	}
}

// A header without end is answered with 431 and closed; how much of it was taken is bounded.
func TestHeaderFloodsLeaveOthersServed(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--durability=none", t.TempDir())
	line := strings.Repeat("a", 8<<10)
	floods := map[string]func(i int) string{
		"one endless line":      func(int) string { return line },
		"endless lines":         func(i int) string { return fmt.Sprintf("X-%d: %s\r\n", i, line[:100]) },
		"one field, many lines": func(i int) string { return fmt.Sprintf("If-Match: \"%d\"\r\n", i) },
	}
	for name, flood := range floods {
		for _, c := range p.connect(20, func(int) string { return "GET / HTTP/1.1\r\nHost: a\r\nX: " }) {
			go func() {
				for i := range 1 << 20 {
					if _, err := io.WriteString(c, flood(i)); err != nil {
						return
					}
				}
			}()
			c.SetReadDeadline(time.Now().Add(patience))
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Fatalf("%s: %s", name, res.Status)
			}
		}
	}
	p.otherClientIsServed()
	p.memoryBelow(100)
}

// Headers that stop just below what is allowed are the most that a client can make us hold.
func TestLargestHeadersLeaveOthersServed(t *testing.T) {
	p := start(t, nil, unhurried, "--durability=none", t.TempDir())
	var header strings.Builder
	header.WriteString("GET / HTTP/1.1\r\nHost: a\r\n")
	for i := 0; header.Len() < 72<<10; i++ {
		fmt.Fprintf(&header, "X-%d: %s\r\n", i, strings.Repeat("a", 50))
	}
	p.connect(crowd/4, func(int) string { return header.String() })
	p.accepted(crowd / 4)
	p.otherClientIsServed()
	p.memoryBelow(250)
}

// shell wraps the program in a shell that runs set first.
func shellWrap(set string) []string { return []string{"sh", "-c", set + ` && exec "$@"`, "sh"} }

// The limit that the program is started with is not the one that it has to live with.
func TestSoftLimitOfDescriptorsIsRaised(t *testing.T) {
	p := start(t, shellWrap("ulimit -Sn 64"), unhurried, "--durability=none", t.TempDir())
	p.connect(200, func(int) string { return "" })
	p.accepted(200)
	p.otherClientIsServed()
}

// Without a descriptor left the server says so, to those it has accepted and in its log, and goes on when there are
// some again.
func TestRunningOutOfDescriptors(t *testing.T) {
	const limit = 100
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o644))
	p := start(t, shellWrap(fmt.Sprint("ulimit -n ", limit)), unhurried, "--durability=none", dir)
	conns := p.connect(2*limit, func(int) string { return "" })
	for n := range 5 { // what the start still held by the first one is given back, and accepted on, by the last
		p.loggedAgain("Accept error", n)
	}
	io.WriteString(conns[0], "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
	conns[0].SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(bufio.NewReader(conns[0]), nil)
	must(t, err)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	for _, c := range conns {
		c.Close()
	}
	p.otherClientIsServed()
	if _, text := send(t, "GET", p.url+"/a", nil); text != "text" {
		t.Errorf("got %q", text)
	}
}

func TestSmallRequestsSeldomCollectGarbage(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o644))
	p := start(t, []string{"env", "GODEBUG=gctrace=1"}, dir)
	const requests = 10_000
	before := p.count(" MB goal")
	for range requests {
		res, _ := send(t, "HEAD", p.url+"/a", nil)
		wantStatus(t, res, 200)
	}
	n := p.count(" MB goal") - before
	t.Logf("%d collections in %d requests", n, requests)
	if n > requests/1000 {
		t.Errorf("%d collections in %d requests, want at most one in a thousand", n, requests)
	}
}
