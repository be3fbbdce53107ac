//go:build linux

package main

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A syscall is one line of a trace of strace -f -y: arguments and result as strace writes them.
type syscallLine struct {
	name, args, result string
	began, ended       int // order of lines in the trace
}

// traced is a server under strace.
type traced struct {
	*process
	out string
}

// startTraced runs the server under strace, which writes the system calls that match filter.
func startTraced(t *testing.T, filter string, args ...string) *traced {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	wrap := []string{"strace", "-f", "-y", "-s", "64", "-e", "signal=none", "-e", "trace=" + filter, "-o", out}
	return &traced{start(t, wrap, args...), out}
}

// end stops the server and returns what it called.
func (tr *traced) end() []syscallLine {
	tr.t.Helper()
	pid := childOf(tr.t, tr.cmd.Process.Pid) // strace itself ignores the signal
	syscall.Kill(pid, syscall.SIGTERM)
	if code := tr.wait(); code != 0 {
		tr.t.Errorf("exit code %d, want 0", code)
	}
	f, err := os.Open(tr.out)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer f.Close()
	return parseTrace(bufio.NewScanner(f))
}

// childOf finds the program that strace runs.
func childOf(t testing.TB, parent int) int {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, name := range list {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ") // proc_pid_stat(5): pid (comm) state ppid
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(parent) {
			return int(atoi(filepath.Base(filepath.Dir(name))))
		}
	}
	t.Fatalf("process %d has no child", parent)
	return 0
}

var (
	whole      = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (.*)$`)
	unfinished = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
	resumed    = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (.*)$`)
)

// parseTrace joins what strace splits when threads take turns.
func parseTrace(lines *bufio.Scanner) []syscallLine {
	lines.Buffer(nil, 1<<20)
	var calls []syscallLine
	open := map[string]int{} // thread -> index of its unfinished call
	for n := 0; lines.Scan(); n++ {
		line := lines.Text()
		if m := whole.FindStringSubmatch(line); m != nil {
			calls = append(calls, syscallLine{m[2], m[3], m[4], n, n})
		} else if m := unfinished.FindStringSubmatch(line); m != nil {
			open[m[1]] = len(calls)
			calls = append(calls, syscallLine{m[2], m[3], "?", n, math.MaxInt})
		} else if m := resumed.FindStringSubmatch(line); m != nil {
			if i, ok := open[m[1]]; ok {
				calls[i].args += m[3]
				calls[i].result = m[4]
				calls[i].ended = n
			}
		}
	}
	return calls
}

// find returns the first call from index i on that ok accepts, or -1.
func find(calls []syscallLine, i int, ok func(c syscallLine) bool) int {
	if n := slices.IndexFunc(calls[i:], ok); n >= 0 {
		return i + n
	}
	return -1
}

func (c syscallLine) is(names string, parts ...string) bool {
	if !slices.Contains(strings.Split(names, ","), c.name) {
		return false
	}
	for _, p := range parts {
		if !strings.Contains(c.args, p) {
			return false
		}
	}
	return !strings.HasPrefix(c.result, "-1 ")
}

func TestParseTrace(t *testing.T) {
	const text = `101 fsync(9</srv/x/#42 (deleted)> <unfinished ...>
102 write(7<socket:[1]>, "HTTP/1.1 201 Created\r\n", 22) = 22
101 <... fsync resumed>)               = 0
103 linkat(AT_FDCWD, "/proc/self/fd/9", 8</srv/x>, "a", AT_SYMLINK_FOLLOW) = -1 EEXIST (File exists)
103 +++ exited with 0 +++
`
	got := parseTrace(bufio.NewScanner(strings.NewReader(text)))
	want := []syscallLine{
		{"fsync", "9</srv/x/#42 (deleted)>", "0", 0, 2},
		{"write", `7<socket:[1]>, "HTTP/1.1 201 Created\r\n", 22`, "22", 1, 1},
		{"linkat", `AT_FDCWD, "/proc/self/fd/9", 8</srv/x>, "a", AT_SYMLINK_FOLLOW`, "-1 EEXIST (File exists)", 3, 3},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
