package fs

import (
	"os"
	"syscall"
)

// unmountsUntold: a watch ends with its file system, and fsnotify does not say so.
const unmountsUntold = true

// watchKey tells apart what is watched: inotify has one watch for a directory, whatever its names, and fsnotify (v1.10.1, register)
// reports by the first of them.
func watchKey(_ string, is os.FileInfo) any {
	st := is.Sys().(*syscall.Stat_t)
	return inode{uint64(st.Dev), st.Ino}
}
