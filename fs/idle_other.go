//go:build !linux

package fs

// Idle would make the calling goroutine yield to everybody else; this system has no call for one thread.
func Idle() {}
