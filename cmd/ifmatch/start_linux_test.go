package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/fs"
)

// A server listens, and then looks at the files: with 20,000 of them it asks the kernel for as much before it listens
// as with ten, and the first answer is that of one file. Counted, since a clock would only tell what the machine did.
func TestStartDoesNotDependOnTheNumberOfFiles(t *testing.T) {
	few, many := filesIn(t, 10), filesIn(t, 20_000)
	for _, args := range [][]string{{"--etag=stat"}, {"--etag=content"}} {
		a, b := callsBeforeListening(t, few, args...), callsBeforeListening(t, many, args...)
		if !maps.Equal(a, b) {
			t.Errorf("%s: with 10 files %s, with 20,000 %s", args, callsText(a), callsText(b))
		}
		if a["openat2"]+a["openat"] == 0 {
			t.Fatalf("the trace shows nothing: %s", callsText(a))
		}
	}
}

// What it holds when it has swept and answered is mostly the program itself.
func TestIdleMemory(t *testing.T) {
	p := start(t, nil, filesIn(t, 5000))
	for i := range 100 {
		res, _ := send(t, "GET", fmt.Sprintf("%s/d%d/f%d", p.url, i, i), nil)
		wantStatus(t, res, 200)
	}
	_, now := p.memory()
	t.Logf("%d MiB", now)
	if now >= 25 {
		t.Errorf("it holds %d MiB, want less than 25", now)
	}
}

// filesIn makes a directory with n small files, in a hundred directories.
func filesIn(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprint("d", i%100))
		if i < 100 {
			must(t, os.Mkdir(sub, 0o777))
		}
		must(t, os.WriteFile(filepath.Join(sub, fmt.Sprint("f", i)), nil, 0o666))
	}
	return dir
}

// callsBeforeListening counts the system calls that look at files before the first connection can be made. A GET
// then shows that it serves.
func callsBeforeListening(t *testing.T, dir string, args ...string) map[string]float64 {
	t.Helper()
	p := startTraced(t, "listen,openat,openat2,newfstatat,statx,getdents64", append(args, dir)...)
	res, _ := send(t, "GET", p.url+"/d1/f1", nil)
	wantStatus(t, res, 200)
	calls := p.end()
	listens := find(calls, 0, func(c syscallLine) bool { return c.is("listen") })
	if listens < 0 {
		t.Fatal("it does not listen")
	}
	counts := map[string]float64{}
	for _, c := range calls[:listens] {
		if strings.Contains(c.args, "/"+fs.ReservedPrefix) {
			continue // how often the file system's clock is looked at depends on the moment
		}
		counts[c.name]++
	}
	return counts
}
