//go:build unix

package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// alone keeps others who ask for dir as well out until done. What cannot be locked, as on some file systems of a network, is not.
func alone(dir string) (done func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for unix.Flock(int(f.Fd()), unix.LOCK_EX) == unix.EINTR {
	}
	return func() { f.Close() }
}

// keepOwner gives tmp the owner that file has, so that the server can still read it.
func keepOwner(tmp *os.File, file string) error {
	fi, err := os.Stat(file)
	if err != nil {
		return nil // there is no old one: it is ours
	}
	st := fi.Sys().(*syscall.Stat_t)
	if st.Uid != uint32(os.Geteuid()) || st.Gid != uint32(os.Getegid()) {
		return tmp.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}
