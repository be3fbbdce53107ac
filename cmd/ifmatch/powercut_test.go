//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/fs/fstest/loop"
)

const durabilityCalls = "sync_file_range,fsync,fdatasync,syncfs,linkat,renameat,renameat2,unlinkat,mkdirat,sendto," +
	"write,pwrite64,writev,pwritev,splice,copy_file_range,sendfile,ftruncate,fallocate"

// bytesGoTo are the system calls that change the bytes of a file, each with the place of its descriptor among the arguments.
var bytesGoTo = map[string]int{"write": 0, "pwrite64": 0, "writev": 0, "pwritev": 0, "sendfile": 0, "ftruncate": 0, "fallocate": 0,
	"splice": 2, "copy_file_range": 2}

// Before a write is acknowledged its bytes are on the disk, and so is its name, which is not there before them: a power cut
// after the answer takes nothing back. The proof is what the running server asked of the kernel, also of an ext4 whose journal
// lets one commit do for two.
func TestAcknowledgedWritesAreOnTheDisk(t *testing.T) {
	for ordered, options := range map[bool][]string{true: nil, false: {"-O", "^has_journal"}} {
		t.Run(fmt.Sprintf("ordered=%v", ordered), func(t *testing.T) {
			dir := t.TempDir()
			loop.Ext4(t, dir, 32<<20, options...)
			acknowledgedWritesAreOnTheDisk(t, dir, ordered)
		})
	}
}

func acknowledgedWritesAreOnTheDisk(t *testing.T, dir string, ordered bool) {
	sub := filepath.Join(dir, "sub")
	must(t, os.Mkdir(sub, 0o777))
	p := startTraced(t, durabilityCalls, "--durability=full", dir)
	do := func(method, path, body string, code int, header ...string) string {
		res, _ := send(t, method, p.url+path, strings.NewReader(body), header...)
		wantStatus(t, res, code)
		return res.Header.Get("ETag")
	}
	tag := do("PUT", "/sub/file", "created", 201, "If-None-Match", "*")
	do("PUT", "/sub/file", "saved", 204, "If-Match", tag)
	do("PUT", "/sub/file", "replaced without a condition", 204)
	do("MKCOL", "/sub/col", "", 201)
	do("DELETE", "/sub/file", "", 204)
	do("DELETE", "/sub/col", "", 204)
	calls := p.end()

	at := 0 // where the trace of a request begins
	for _, want := range []struct {
		what    string
		file    bool   // bytes have to be on the disk before the step
		step    string // system calls that can be the step
		in      string // what the step names
		answers string
	}{
		{"PUT that creates", true, "linkat", `"file"`, "201"},
		{"PUT with If-Match", true, "renameat2", `"file"`, "204"},
		{"PUT that replaces", true, "renameat,renameat2", `"file"`, "204"},
		{"MKCOL", false, "mkdirat,renameat2", `"col"`, "201"},
		{"DELETE of a file", false, "unlinkat,renameat,renameat2", `"file"`, "204"},
		{"DELETE of a collection", false, "unlinkat,renameat,renameat2", `"col"`, "204"},
	} {
		end, err := onDisk(calls, at, want.file, ordered, want.step, want.in, sub, want.answers)
		if err != nil {
			t.Errorf("%s: %v; the trace of it:\n%s", want.what, err, traceText(calls[at:]))
			return
		}
		at = end + 1
	}
}

// So is the modification time that a PROPPATCH has set.
func TestAcknowledgedTimesAreOnTheDisk(t *testing.T) {
	dir := t.TempDir()
	p := startTraced(t, "utimensat,fsync,syncfs,write,writev,sendto", "--durability=full", dir)
	names := []string{"/file", "/col"}
	do := func(method, path, body string, code int) {
		res, _ := send(t, method, p.url+path, strings.NewReader(body))
		wantStatus(t, res, code)
	}
	do("PUT", names[0], "text", 201)
	do("MKCOL", names[1], "", 201)
	for _, name := range names {
		do("PROPPATCH", name, `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:lastmodified>1000000000</D:lastmodified></D:prop></D:set></D:propertyupdate>`, 207)
	}
	calls := p.end()
	at := 0
	for _, name := range names {
		set := find(calls, at, func(c syscallLine) bool { return c.is("utimensat", "tv_sec=1000000000") })
		if set < 0 {
			t.Fatalf("no time was set:\n%s", traceText(calls))
		}
		answer := find(calls, set, func(c syscallLine) bool { return c.is("write,writev,sendto", "HTTP/1.1 207") })
		synced := find(calls, set, func(c syscallLine) bool {
			return c.is("fsync", "<"+dir+name+">") && c.began > calls[set].ended && c.ended < calls[answer].began
		})
		if answer < 0 || synced < 0 {
			t.Errorf("the time of %s was not fsynced before the answer:\n%s", name, traceText(calls[at:]))
		}
		at = set + 1
	}
}

// What is acknowledged before it is durable may be lost in a power cut, but not what was there before: where two files
// change places, the bytes of the new one are on their way to the disk first, as rename(2) sees to by itself.
func TestUnsyncedSaveKeepsOneVersionWhole(t *testing.T) {
	dir := t.TempDir()
	p := startTraced(t, "sync_file_range,renameat2", "--durability=none", dir)
	do := func(method, path, body string, code int, header ...string) string {
		res, _ := send(t, method, p.url+path, strings.NewReader(body), header...)
		wantStatus(t, res, code)
		return res.Header.Get("ETag")
	}
	tag := do("PUT", "/file", "created", 201)
	tag = do("PUT", "/file", "saved", 204, "If-Match", tag)
	do("PUT", "/other", "moved over it", 201)
	do("MOVE", "/other", "", 204, "Destination", p.url+"/file", "If", "</file> (["+tag+"])")
	calls := p.end()
	for at, n := 0, 0; n < 2; n++ {
		step := find(calls, at, func(c syscallLine) bool { return c.is("renameat2", `"file", RENAME_EXCHANGE`) })
		if step < 0 {
			t.Fatalf("%d exchanges, want 2:\n%s", n, traceText(calls))
		}
		if find(calls[:step], at, func(c syscallLine) bool {
			return c.is("sync_file_range", "SYNC_FILE_RANGE_WRITE") && c.ended < calls[step].began
		}) < 0 {
			t.Errorf("exchange %d without its bytes on their way:\n%s", n, traceText(calls))
		}
		at = step + 1
	}
}

// A body goes to the disk in small writes, however large the pieces are that are hashed: see fs, Write.
func TestBytesAreWrittenInSmallPieces(t *testing.T) {
	dir := t.TempDir()
	p := startTraced(t, "write", "--etag=content", dir)
	const size = 6 << 20
	res, _ := send(t, "PUT", p.url+"/file", bytes.NewReader(make([]byte, size)))
	wantStatus(t, res, 201)
	written := int64(0)
	for _, c := range p.end() {
		if !c.is("write", "<"+dir+"/") {
			continue
		}
		n := atoi(c.result)
		if n > 256<<10 {
			t.Errorf("a write of %d bytes at once", n)
		}
		written += n
	}
	if written != size {
		t.Errorf("%d bytes were written, want %d", written, size)
	}
}

// onDisk checks one request whose trace begins at index at, and returns where it ends: the bytes are fsynced (ordered: written) before
// the step, the collection is fsynced after it, and then comes the answer.
func onDisk(calls []syscallLine, at int, file, ordered bool, step, in, dir, status string) (end int, err error) {
	answer := find(calls, at, func(c syscallLine) bool {
		return c.is("write,writev,sendto", "HTTP/1.1 "+status)
	})
	if answer < 0 {
		return 0, fmt.Errorf("no answer %s", status)
	}
	did := find(calls, at, func(c syscallLine) bool { return c.is(step, in) })
	if did < 0 || calls[did].ended > calls[answer].began {
		return 0, fmt.Errorf("no %s before the answer", step)
	}
	if file {
		last, path := lastBytes(calls[:answer], at, dir)
		secures := "fsync,fdatasync"
		if last < 0 {
			return 0, errors.New("no bytes before the answer")
		}
		if ordered {
			secures, path = "sync_file_range", path+", 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE|SYNC_FILE_RANGE_WRITE|SYNC_FILE_RANGE_WAIT_AFTER"
		}
		secured := find(calls, at, func(c syscallLine) bool {
			return c.is(secures, path) && c.began > calls[last].ended && c.ended < calls[did].began && c.result == "0"
		})
		if secured < 0 {
			return 0, fmt.Errorf("no %s of the bytes between the last of them and %s", secures, step)
		}
	}
	name := find(calls, at, func(c syscallLine) bool {
		return c.is("fsync", "<"+dir+">") && c.began > calls[did].ended && c.ended < calls[answer].began
	})
	if name < 0 {
		return 0, fmt.Errorf("the collection was not fsynced between %s and the answer", step)
	}
	return answer, nil
}

// lastBytes finds the last call from index at on that changed bytes of a file in dir, and which file, as strace names it.
func lastBytes(calls []syscallLine, at int, dir string) (last int, path string) {
	last = -1
	for i := at; i < len(calls); i++ {
		place, writes := bytesGoTo[calls[i].name]
		if args := strings.Split(calls[i].args, ", "); writes && place < len(args) && strings.Contains(args[place], "<"+dir+"/") {
			_, path, _ = strings.Cut(args[place], "<")
			last = i
		}
	}
	return last, "<" + path
}

func traceText(calls []syscallLine) string {
	var b strings.Builder
	for _, c := range calls[:min(len(calls), 60)] {
		fmt.Fprintf(&b, "%s(%s) = %s\n", c.name, c.args, c.result)
	}
	return b.String()
}
