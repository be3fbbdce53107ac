package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ifmatch/etagfs/state"
)

// outcome is what a command did.
type outcome struct {
	code int
	out  string
	errs string
}

// run runs a command beside p.
func (p *process) run(args ...string) (o outcome) {
	p.t.Helper()
	o.code, o.out, o.errs = call(p.t.Context(), p.beside(), args...)
	return o
}

// hash and scrub say the same while a server has the digests as they do without one, whatever its tags are.
func TestHashAndScrubBesideAServer(t *testing.T) {
	for _, etag := range []string{"stat", "content"} {
		t.Run(etag, func(t *testing.T) {
			shm, err := os.MkdirTemp("/dev/shm", "ifmatch") // for rot
			must(t, err)
			defer os.RemoveAll(shm)
			dir := filepath.Join(shm, "dir")
			for _, name := range []string{"a", "sub/b", "sub/c"} {
				os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
				writeFile(t, filepath.Join(dir, name), strings.Repeat("content of "+name, 100))
			}
			time.Sleep(50 * time.Millisecond) // the clock of tmpfs may be coarse

			// With content tags the server's hash rate of one byte a second lets it hash one file.
			p := start(t, nil, "--etag="+etag, "--hash-rate=1B", dir)
			first := 3
			if etag == "content" {
				first = 2
				waitFor(t, func() bool {
					o := p.run("scrub", "--json", dir)
					return strings.Contains(o.out, `"files":1,`)
				})
			}
			if o := p.run("hash", dir); o.code != 0 || !strings.HasPrefix(o.out, fmt.Sprint(first, " files hashed")) {
				t.Fatalf("hash: %+v", o)
			}
			writeFile(t, filepath.Join(dir, "new"), "not hashed yet")
			rot(t, filepath.Join(dir, "sub", "b"))
			var beside, alone [2]outcome
			ask := func(o *[2]outcome) { o[0], o[1] = p.run("scrub", dir), p.run("scrub", "--json", dir) }
			ask(&beside)
			p.stop(syscall.SIGTERM)
			ask(&alone)
			if beside[0] != alone[0] || beside[0].code != 1 || !strings.Contains(beside[0].out, "/sub/b: rotten") {
				t.Errorf("scrub beside a server: %+v\nalone: %+v", beside[0], alone[0])
			}
			var reports [2]scrubReport
			for i, o := range []outcome{beside[1], alone[1]} {
				if err := json.Unmarshal([]byte(o.out), &reports[i]); err != nil || o.code != 1 {
					t.Errorf("scrub --json: %+v, %v", o, err)
				}
				reports[i].Seconds = 0
			}
			if fmt.Sprint(reports[0]) != fmt.Sprint(reports[1]) || reports[0].Files != 3 || reports[0].Unknown != 1 {
				t.Errorf("scrub --json beside a server: %+v\nalone: %+v", reports[0], reports[1])
			}
			if o := p.run("hash", dir); !strings.HasPrefix(o.out, "1 file hashed (14 bytes), 3 known before") {
				t.Errorf("hash after the server: %+v", o)
			}
		})
	}
}

// A server with content tags uses what hash has handed in: it does not hash the file itself.
func TestServerUsesHandedInDigests(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "f"), strings.Repeat("f", 300))
	time.Sleep(50 * time.Millisecond)
	p := start(t, nil, "--etag=content", "--hash-limit=1B", "--hash-rate=1B", dir)
	// The background hasher has hashed f and rests for minutes; what comes now waits for it.
	waitFor(t, func() bool { res, _ := send(t, "HEAD", p.url+"/f", nil); return res.Header.Get("Etag") != "" })
	writeFile(t, filepath.Join(dir, "f"), "other bytes")
	writeFile(t, filepath.Join(dir, "g"), "9876543210")
	for _, name := range []string{"/f", "/g"} {
		if res, _ := send(t, "HEAD", p.url+name, nil); res.Header.Get("Etag") != "" {
			t.Fatalf("%s has an ETag before it is hashed", name)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if o := p.run("hash", dir); o.code != 0 || !strings.HasPrefix(o.out, "2 files hashed") {
		t.Fatalf("hash: %+v", o)
	}
	for _, name := range []string{"/f", "/g"} {
		if res, _ := send(t, "HEAD", p.url+name, nil); res.Header.Get("Etag") == "" {
			t.Errorf("%s has no ETag after hash", name)
		}
	}
}

// Digests of files that are gone are dropped also where a server has them.
func TestDigestsArePrunedBesideAServer(t *testing.T) {
	dir := t.TempDir()
	p := start(t, nil, dir)
	must(t, os.Mkdir(filepath.Join(dir, "many"), 0o755))
	for i := range 1000 {
		writeFile(t, filepath.Join(dir, "many", fmt.Sprint(i)), "x")
	}
	writeFile(t, filepath.Join(dir, "stays"), "x")
	time.Sleep(50 * time.Millisecond)
	if o := p.run("hash", dir); o.code != 0 || !strings.HasPrefix(o.out, "1001 files hashed") {
		t.Fatalf("hash: %+v", o)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "many")))
	time.Sleep(50 * time.Millisecond)
	if o := p.run("hash", dir); o.code != 0 || o.out != "0 files hashed (0 bytes), 1 known before\n1000 digests dropped, of files that are gone\n" {
		t.Errorf("hash after they are gone: %+v", o)
	}
	if o := p.run("hash", dir); o.out != "0 files hashed (0 bytes), 1 known before\n" {
		t.Errorf("hash again: %+v", o)
	}
}

// A file of shares keeps the state of each in a directory of its own, which --state finds as well.
func TestHashFindsTheStateOfAShare(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	share := filepath.Join(dir, "share")
	must(t, os.Mkdir(share, 0o755))
	writeFile(t, filepath.Join(share, "f"), "x")
	file := writeFile(t, filepath.Join(dir, "toml"), "state = '"+state+"'\n[[share]]\nprefix = '/s'\ndir = '"+share+"'\n")
	p := start(t, nil, "--config="+file)
	for i, want := range []string{"1 file hashed", "0 files hashed (0 bytes), 1 known before"} {
		if o := p.run("hash", "--state="+state, share); o.code != 0 || !strings.HasPrefix(o.out, want) {
			t.Errorf("hash: %+v, want %q", o, want)
		}
		if i == 0 {
			p.stop(syscall.SIGTERM)
		}
	}
}

// A server that ends meanwhile is no reason to go on as if it knew nothing.
func TestHashFailsWhenTheServerEnds(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 { // it does not come to the end of them
		writeFile(t, filepath.Join(dir, fmt.Sprint(i)), "1234567890")
	}
	time.Sleep(50 * time.Millisecond)
	p := start(t, nil, dir)
	ended := make(chan outcome)
	go func() { ended <- p.run("hash", "--rate=10B", dir) }() // a second for each
	waitFor(t, func() bool {
		out := p.run("scrub", "--json", dir).out
		return strings.HasPrefix(out, `{"files":`) && !strings.HasPrefix(out, `{"files":0,`)
	})
	p.stop(syscall.SIGKILL)
	if o := <-ended; o.code != 1 || !strings.Contains(o.errs, "ifmatch: the server with state in ") {
		t.Errorf("hash when the server was killed: %+v", o)
	}
}

// Somebody else who has the state directory is not taken for a server.
func TestStateInUseByNoServer(t *testing.T) {
	dir, place := t.TempDir(), t.TempDir()
	store, err := state.Open(place, state.Options{})
	must(t, err)
	defer store.Close()
	code, _, errs := call(t.Context(), nil, "scrub", "--state="+place, dir)
	if code != 1 || !strings.Contains(errs, "another hash or scrub may be under way") {
		t.Errorf("%d, %q", code, errs)
	}
}
