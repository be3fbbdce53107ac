package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ifmatch/fs"
)

// TestLogTellsWhatCouldNotBeRemoved: the space of a collection that was deleted stays taken, and nothing lists it.
func TestLogTellsWhatCouldNotBeRemoved(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	base, err := openTree(dir, defaultSettings(), slog.New(slog.NewTextHandler(&said, nil)))
	must(t, err)
	defer base.Close()
	if _, err := base.MakeCollection("/c"); err != nil {
		t.Fatal(err)
	}
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	none := before
	release, err := base.Retire("/c", false, func(*fs.Info) error {
		none.Cur = 0 // no descriptor for the removal
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &none)
	})
	unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	must(t, err)
	release()
	left, err := filepath.Glob(filepath.Join(dir, fs.ReservedPrefix+"*"))
	if err != nil || len(left) != 1 {
		t.Fatal(left, err)
	}
	if n := strings.Count(said.String(), "path="+left[0]+" "); n != 1 {
		t.Errorf("%s is named %d times: %s", left[0], n, &said)
	}
	if _, err := os.Stat(filepath.Join(dir, "c")); err == nil {
		t.Error("it has not left the tree")
	}
}
