package fs

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A client can move one tree below another until it is deeper than a process may have files open.
func TestRemoveTreeDeeperThanDescriptors(t *testing.T) {
	dir := t.TempDir()
	top, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(top)
	at := top
	for n := range 3000 {
		name := "d" + strconv.Itoa(n%removeDepth)
		if n == 0 {
			name = "gone"
		}
		for _, base := range []string{name, "beside"} {
			if err := unix.Mkdirat(at, base, 0o777); err != nil && err != unix.EEXIST {
				t.Fatal(n, err)
			}
		}
		next, err := unix.Openat(at, name, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(n, err)
		}
		if fd, err := unix.Openat(next, "f", unix.O_CREAT|unix.O_CLOEXEC, 0o666); err == nil {
			unix.Close(fd)
		}
		if at != top {
			unix.Close(at)
		}
		at = next
	}
	unix.Close(at)

	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	few := before
	few.Cur = 512
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	err = removeTree(top, "gone")
	unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// The name beside a long one is one that has a URL, too: it is UTF-8.
func TestSpareNameIsUTF8(t *testing.T) {
	for n := range maxBase {
		base := strings.Repeat("x", n) + strings.Repeat("€", (maxBase-n)/3)
		if got := spare(base, 7); !utf8.ValidString(got) || len(got) > maxBase || !strings.HasSuffix(got, ".kept-7") {
			t.Errorf("%q", got)
		}
	}
}
