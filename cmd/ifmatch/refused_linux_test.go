package main

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the system does not let the user of the server do is 403, and nothing has changed.
func TestSystemRefuses(t *testing.T) {
	top, state := t.TempDir(), t.TempDir()
	dir := filepath.Join(top, "served")
	err := errors.Join(os.Chmod(filepath.Dir(top), 0o711), os.Chmod(state, 0o777), os.Mkdir(dir, 0o755),
		os.Mkdir(filepath.Join(dir, "shut"), 0o755), os.WriteFile(filepath.Join(dir, "shut", "f"), []byte("old"), 0o644),
		os.WriteFile(filepath.Join(dir, "unread"), []byte("old"), 0o000),
		os.Chmod(filepath.Join(dir, "shut"), 0o555), os.Chmod(dir, 0o555))
	must(t, err)
	t.Cleanup(func() { // so that they can be removed without root
		os.Chmod(dir, 0o755)
		os.Chmod(filepath.Join(dir, "shut"), 0o755)
	})
	program(t)
	var as []string
	if os.Getuid() == 0 {
		must(t, os.Chmod(built.dir, 0o755))
		as = []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}
	}
	p := start(t, as, "--state="+filepath.Join(state, "own"), dir)
	p.logged("no permission to create something in the directory itself")
	wantRefused(t, p, dir, 403, [][]string{
		{"PUT", "/shut/f", "new"},
		{"PUT", "/shut/f", "new", "If-Match", "*"},
		{"PUT", "/shut/new", "new", "If-None-Match", "*"},
		{"DELETE", "/shut/f", ""},
		{"DELETE", "/shut", ""},
		{"MKCOL", "/shut/new", ""},
		{"GET", "/unread", ""},
	})
}

// A full disk is 507, with the old bytes in place and nothing left over.
func TestFullDisk(t *testing.T) {
	dir := mountSmall(t, 0)
	p := start(t, nil, dir)
	large := strings.Repeat("x", 2<<20)
	wantRefused(t, p, dir, 507, [][]string{
		{"PUT", "/f", large},
		{"PUT", "/f", large, "If-Match", "*"},
		{"PUT", "/new", large, "If-None-Match", "*"},
	})
	p.logged(`"level":"WARN","msg":"request"`)
	res, _ := send(t, "PUT", p.url+"/f", strings.NewReader("it fits"))
	wantStatus(t, res, 204)
	if got := expects(t, p.url, "/f", 1<<30); got != 507 {
		t.Errorf("Expect: 100-continue with 1 GiB: %d; it fills the disk and is refused then", got)
	}
}

// A file system that cannot be written to is said at start, is read, and answers 403.
func TestReadOnlyFileSystem(t *testing.T) {
	dir := mountSmall(t, unix.MS_RDONLY)
	p := start(t, nil, dir)
	p.logged("be written")
	wantRefused(t, p, dir, 403, [][]string{
		{"PUT", "/f", "new"},
		{"PUT", "/new", "new", "If-None-Match", "*"},
		{"DELETE", "/f", ""},
		{"MKCOL", "/new", ""},
	})
	if _, text := send(t, "GET", p.url+"/f", nil); text != "old" {
		t.Errorf("it holds %q", text)
	}
}

// One that was not so at start has become it by a fault: whoever reads warnings alone learns of that, too.
func TestFileSystemThatBecomesReadOnly(t *testing.T) {
	dir := mountSmall(t, 0)
	p := start(t, nil, dir)
	must(t, unix.Mount("small", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=1m"))
	wantRefused(t, p, dir, 403, [][]string{{"PUT", "/f", "new"}})
	p.logged(`"level":"WARN","msg":"request"`)
}

// mountSmall mounts a file system of one megabyte that holds one file.
func mountSmall(t *testing.T, flags uintptr) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root may mount: run the tests as root, as CI does")
	}
	dir := t.TempDir()
	must(t, unix.Mount("small", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	writeFile(t, filepath.Join(dir, "f"), "old")
	if flags != 0 {
		must(t, unix.Mount("small", dir, "tmpfs", unix.MS_REMOUNT|flags, "size=1m"))
	}
	return dir
}

// wantRefused sends requests (method, path, content, fields) that must be answered so and change nothing.
func wantRefused(t *testing.T, p *process, dir string, status int, requests [][]string) {
	t.Helper()
	before := filesBelow(t, dir)
	for _, r := range requests {
		bodies := []io.Reader{strings.NewReader(r[2])}
		if r[2] != "" {
			bodies = append(bodies, io.MultiReader(strings.NewReader(r[2]))) // in chunks
		}
		for _, body := range bodies {
			if res, text := send(t, r[0], p.url+r[1], body, r[3:]...); res.StatusCode != status || text == "" {
				t.Errorf("%s %s %v: %s, %q, want %d", r[0], r[1], r[3:], res.Status, text, status)
			}
		}
	}
	if after := filesBelow(t, dir); after != before {
		t.Errorf("the files are\n%s, and were\n%s", after, before)
	}
}

// filesBelow tells of everything below dir, also what listings hide.
func filesBelow(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			fmt.Fprintln(&all, path)
			return err
		}
		text, err := os.ReadFile(path)
		if os.IsPermission(err) {
			err = nil // it could not be changed either
		}
		fmt.Fprintf(&all, "%s %q\n", path, text)
		return err
	})
	must(t, err)
	return all.String()
}
