//go:build unix

package main

import "syscall"

// writable tells whether we may make files in dir.
func writable(dir string) bool {
	const write = 2 // W_OK of access(2)
	return syscall.Access(dir, write) == nil
}
