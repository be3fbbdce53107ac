package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// The background hasher has a thread that everybody else goes before, at the processor and at the disk.
func TestBackgroundHasherIsIdle(t *testing.T) {
	p := start(t, nil, "--etag=content", t.TempDir())
	waitFor(t, func() bool { return hasIdleThread(t, p.cmd.Process.Pid) })
}

func hasIdleThread(t *testing.T, pid int) bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	must(t, err)
	for _, task := range tasks {
		tid, err := strconv.Atoi(filepath.Base(task))
		must(t, err)
		const whoProcess, idle = 1, 3 // IOPRIO_WHO_PROCESS, IOPRIO_CLASS_IDLE: ioprio_set(2)
		ioprio, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, whoProcess, uintptr(tid), 0)
		nice, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
		if err == nil && 20-nice == 19 && ioprio>>13 == idle { // the system call has 20 less the nice value
			return true
		}
	}
	return false
}

// hash fills the digests; scrub reads again what nobody has changed since.
func TestHashAndScrub(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"XDG_STATE_HOME": t.TempDir()}
	for _, n := range []string{"a", "b"} {
		must(t, os.WriteFile(filepath.Join(dir, n), []byte("content of "+n), 0o644))
	}
	// Nothing to compare with is no clean report: whose state it is was not said, and that of the server is elsewhere.
	own := filepath.Join(env["XDG_STATE_HOME"], "ifmatch", ownName(dir))
	code, out, errs := call(context.Background(), env, "scrub", dir)
	if _, err := os.Stat(own); code != 2 || out != "" || !strings.Contains(errs, own) || !strings.Contains(errs, "--state") || err == nil {
		t.Errorf("scrub of what nobody has hashed: %d, %q, %q, %v", code, out, errs, err)
	}
	code, out, errs = call(context.Background(), env, "hash", dir)
	if code != 0 || !strings.Contains(out, "2 files hashed") || !strings.Contains(errs, own) {
		t.Fatalf("hash: %d, %q, %q", code, out, errs)
	}
	code, out, errs = call(context.Background(), env, "hash", dir)
	if code != 0 || !strings.Contains(out, "0 files hashed (0 bytes), 2 known before") || errs != "" {
		t.Errorf("hash again: %d, %q, %q", code, out, errs)
	}
	code, out, errs = call(context.Background(), env, "scrub", dir)
	if code != 0 || !strings.Contains(out, "2 files read") || !strings.Contains(out, "0 rotten") {
		t.Errorf("scrub: %d, %q, %q", code, out, errs)
	}

	none := filepath.Join(t.TempDir(), "none")
	code, out, errs = call(context.Background(), env, "scrub", "--state", none, dir)
	if code != 2 || out != "" || !strings.Contains(errs, none) {
		t.Errorf("scrub with a state that is not there: %d, %q, %q", code, out, errs)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("it was made")
	}

	// A digest of a file that is gone is dropped.
	must(t, os.WriteFile(filepath.Join(dir, "c"), []byte("c"), 0o644))
	if code, _, errs := call(context.Background(), env, "hash", dir); code != 0 {
		t.Fatal(errs)
	}
	must(t, os.Remove(filepath.Join(dir, "c")))
	time.Sleep(50 * time.Millisecond) // it must be older than the pass
	code, out, _ = call(context.Background(), env, "hash", dir)
	if code != 0 || !strings.Contains(out, "2 known before\n1 digest dropped, of files that are gone") {
		t.Errorf("hash after a file is gone: %d, %q", code, out)
	}

	// A file that somebody wrote is not rotten, only unknown.
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("Content of a"), 0o644))
	code, out, _ = call(context.Background(), env, "scrub", "--json", dir)
	var report scrubReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 {
		t.Fatalf("scrub --json: %d, %q, %v", code, out, err)
	}
	if report.Files != 1 || report.Unknown != 1 || len(report.Rotten) != 0 {
		t.Errorf("report %+v, want one file read, one unknown", report)
	}
}

// A part of the tree with the state of the whole: what is known of the rest stays.
func TestHashOfAPartForgetsNothing(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("f"), 0o644))
	time.Sleep(50 * time.Millisecond) // it must be older than the pass
	for _, tt := range []struct{ command, dir, want string }{
		{"hash", dir, "1 file hashed"},
		{"hash", filepath.Join(dir, "sub"), "no digest was dropped"},
		{"scrub", dir, "1 file read (1 byte), 0 rotten, 0 unknown"},
	} {
		code, out, errs := call(context.Background(), nil, tt.command, "--state", state, tt.dir)
		if code != 0 || !strings.Contains(out, tt.want) {
			t.Errorf("%s %s: %d, %q, %q; want %q", tt.command, tt.dir, code, out, errs, tt.want)
		}
	}
}

func TestScrubExitsWithOneForRot(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "ifmatch")
	must(t, err)
	defer os.RemoveAll(dir)
	env := map[string]string{"XDG_STATE_HOME": t.TempDir()}
	path := filepath.Join(dir, "f\x1b[2J") // clients choose the names; a terminal obeys none, and JSON has the very name
	must(t, os.WriteFile(path, []byte("content of f"), 0o644))
	if code, _, errs := call(context.Background(), env, "hash", dir); code != 0 {
		t.Fatal(errs)
	}
	rot(t, path)
	code, out, _ := call(context.Background(), env, "scrub", dir)
	if code != 1 || !strings.Contains(out, "/f?[2J: rotten") {
		t.Errorf("exit code %d, %q, want 1 and the name", code, out)
	}
	code, out, _ = call(context.Background(), env, "scrub", "--json", dir)
	if code != 1 || !strings.Contains(out, `"name":"/f\u001b[2J"`) {
		t.Errorf("--json: exit code %d, %q", code, out)
	}
}

// rot changes bytes without moving a time, as a disk that turns a bit does: on tmpfs a store through a shared
// mapping is not told to the inode.
func rot(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	m[0] ^= 1
	must(t, unix.Munmap(m))
}

// The report of a scrub that was interrupted says so: it must not pass for a clean one.
func TestScrubThatIsInterrupted(t *testing.T) {
	tree := etagfs.New(fs.NewMemory(), etagfs.Options{Settings: etagfs.Settings{Content: true, NoNotify: true}})
	defer tree.Close()
	for _, interrupted := range []bool{false, true} {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if interrupted {
			stop()
		}
		var out strings.Builder
		err := scrub(ctx, tree, true, &out, io.Discard)
		if want := fmt.Sprintf(`"complete":%t`, !interrupted); (err != nil) != interrupted || !strings.Contains(out.String(), want) {
			t.Errorf("%v, %s; want %s", err, out.String(), want)
		}
	}
}

// A report that cannot be written is no clean one.
func TestScrubWhoseReportIsLost(t *testing.T) {
	tree := etagfs.New(fs.NewMemory(), etagfs.Options{Settings: etagfs.Settings{Content: true, NoNotify: true}})
	defer tree.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	defer full.Close()
	for _, asJSON := range []bool{false, true} {
		if err := scrub(t.Context(), tree, asJSON, full, io.Discard); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("json %v: %v", asJSON, err)
		}
	}
}
