//go:build unix

package client

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"sync"
)

// umask returns the mode bits that new files do not get. It is found by making one: asking the kernel means changing
// it for a moment, also for every other thread.
var umask = sync.OnceValue(func() iofs.FileMode {
	dir, err := os.MkdirTemp("", "ifmatch-*")
	if err != nil {
		return 0o077
	}
	defer os.RemoveAll(dir)
	f, err := os.OpenFile(filepath.Join(dir, "f"), os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0o077
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return 0o077
	}
	return 0o666 &^ fi.Mode().Perm()
})
