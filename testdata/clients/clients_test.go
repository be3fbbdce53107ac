// Package clients judges a running ifmatch by Go's WebDAV client libraries. Its scripts start the server
// and say where it is: URL, and DIR for the directory that it serves.
package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// judged returns the URL of the server and the directory behind it.
func judged(t *testing.T) (url, dir string) {
	t.Helper()
	url, dir = os.Getenv("URL"), os.Getenv("DIR")
	if url == "" || dir == "" {
		t.Fatal("URL and DIR name no server: start these tests by run.sh")
	}
	return url, dir
}

// must stops the test at the first error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onDisk checks the bytes of a file in the served directory.
func onDisk(t *testing.T, dir, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	must(t, err)
	if string(got) != want {
		t.Errorf("%s holds %.60q, want %.60q", name, got, want)
	}
}

// gone checks that nothing has that name in the served directory.
func gone(t *testing.T, dir, name string) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); !os.IsNotExist(err) {
		t.Errorf("%s is there, want nothing (%v)", name, err)
	}
}

// pattern is n bytes of which no two neighbouring kilobytes are alike.
func pattern(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		b.WriteString("line ")
		b.WriteByte(byte('a' + i%26))
		b.WriteByte(byte('a' + i/26%26))
		b.WriteByte('\n')
	}
	return b.Bytes()[:n]
}
