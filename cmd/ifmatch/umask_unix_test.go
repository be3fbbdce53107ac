//go:build unix

package main

import "syscall"

// The modes that tests look at are those of the usual umask, whatever the shell has.
func init() { syscall.Umask(0o022) }
