//go:build unix

package main

import "golang.org/x/sys/unix"

// writable tells whether we may make files in dir.
func writable(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }
