//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// ofRuntime are calls of Go's scheduler and poller, whose number depends on the moment.
var ofRuntime = strings.Fields("futex epoll_pwait epoll_ctl eventfd2 nanosleep sched_yield madvise mmap munmap getpid tgkill gettid " +
	"rt_sigreturn rt_sigprocmask rt_sigaction sigaltstack clone clone3 exit rseq set_robust_list prctl timer_create timer_settime timer_delete " +
	"restart_syscall sched_getaffinity clock_gettime")

// A GET, a HEAD and a 304 cost the same few system calls whatever the size of the file, but for
// those that move the bytes; a small file is read and sent with one system call each.
func TestSystemCallsDoNotGrowWithTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sizes := map[string]int{"small": 4 << 10, "copied": 1 << 20, "medium": 16 << 20, "large": 100 << 20}
	for name, n := range sizes {
		must(t, os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o644))
	}
	const each = 10
	for _, tt := range []struct {
		name   string
		method string
		cond   bool
		most   int // system calls, bytes apart
	}{
		{"HEAD", "HEAD", false, 8},
		{"304", "GET", true, 8},
		{"GET", "GET", false, 12},
	} {
		counts := map[string]map[string]float64{}
		for name := range sizes {
			counts[name] = countCalls(t, dir, tt.method, "/"+name, tt.cond, each)
		}
		t.Logf("%s: small %s, large %s", tt.name, callsText(counts["small"]), callsText(counts["large"]))
		// Those that move the bytes, and ask whether they have arrived.
		moves := []string{"sendfile", "write", "writev", "read", "pread64", "lseek", "getsockopt", "sendto", "recvfrom"}
		medium, large := sum(counts["medium"], moves), sum(counts["large"], moves)
		if medium != large {
			t.Errorf("%s: %.2f system calls of a medium file, %.2f of a large one", tt.name, medium, large)
		}
		for _, size := range []string{"small", "copied"} {
			if n := sum(counts[size], moves); n > large {
				t.Errorf("%s: %.2f system calls of a %s file, %.2f of a large one", tt.name, n, size, large)
			}
		}
		if large > float64(tt.most) {
			t.Errorf("%s: %.2f system calls, want at most %d", tt.name, large, tt.most)
		}
		if tt.name == "GET" {
			if n := counts["small"]["write"] + counts["small"]["writev"]; n > 2.5 { // one is of the log
				t.Errorf("a small file is sent with %.2f writes", n-1)
			}
			if n := counts["large"]["sendfile"]; n == 0 {
				t.Error("a large file is not sent by sendfile")
			}
			if n := counts["large"]["getsockopt"]; n > 60 {
				t.Errorf("asked %.0f times whether the client has a large file", n)
			}
			if n := counts["large"]["write"] + counts["large"]["read"]; n > 140 { // 8 MiB in pieces of 64 KiB
				t.Errorf("a large file is moved through user space: %.0f reads and writes", n)
			}
			continue
		}
		if small, large := sum(counts["small"], nil), sum(counts["large"], nil); small != large {
			t.Errorf("%s: %.2f system calls of a small file, %.2f of a large one", tt.name, small, large)
		}
	}
}

// countCalls returns how often each system call is made in one request, on the average of many on
// one connection.
func countCalls(t *testing.T, dir, method, path string, conditional bool, times int) map[string]float64 {
	t.Helper()
	p := startTraced(t, "all", "--durability=none", "--metrics=127.0.0.1:0", dir) // what is counted is sent by sendfile, too
	c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	must(t, err)
	defer c.Close()
	from, tag := bufio.NewReaderSize(c, 1<<20), ""
	ask := func(mark string) {
		header := "Host: a\r\n"
		if conditional && tag != "" {
			header += "If-None-Match: " + tag + "\r\n"
		}
		fmt.Fprintf(c, "%s %s?%s HTTP/1.1\r\n%s\r\n", method, path, mark, header)
		res, err := http.ReadResponse(from, &http.Request{Method: method})
		must(t, err)
		tag = res.Header.Get("ETag")
		io.Copy(io.Discard, res.Body)
	}
	for range 5 {
		ask("warm")
	}
	ask("from-here")
	for range times {
		ask("count")
	}
	ask("to-here")
	calls := p.end()
	first := find(calls, 0, func(c syscallLine) bool { return c.is("read", "from-here") })
	last := find(calls, 0, func(c syscallLine) bool { return c.is("read", "to-here") })
	if first < 0 || last < 0 {
		t.Fatal("the requests are not in the trace")
	}
	counts := map[string]float64{}
	for _, call := range calls[first:last] {
		if !ofNetwork(call) && !ofMoment(call) && !slices.Contains(ofRuntime, call.name) {
			counts[call.name] += 1 / float64(times+1)
		}
	}
	return counts
}

// ofNetwork tells whether a call belongs to the poller, or waits for the next request: net/http reads its
// first byte beforehand or not, as it happens.
func ofNetwork(c syscallLine) bool {
	return strings.Contains(c.result, "EAGAIN") || strings.Contains(c.args, "[eventfd]") ||
		c.name == "read" && (strings.Contains(c.args, "<socket:") || strings.Contains(c.args, "<TCP"))
}

// ofMoment tells whether a call is made now and not at another time: once a second the runtime reads in a control group
// how many threads it may use.
func ofMoment(c syscallLine) bool { return strings.Contains(c.args, "</sys/fs/cgroup/") }

// sum adds up what was counted of a request, without some. It is rounded: a call that was made once beside many requests
// is of none of them.
func sum(counts map[string]float64, without []string) float64 {
	var n float64
	for name, c := range counts {
		if !slices.Contains(without, name) {
			n += c
		}
	}
	return math.Round(n)
}

func callsText(counts map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, counts[name]))
	}
	return strings.Join(parts, " ")
}
