package fs

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Idle gives the calling goroutine a thread of its own that reads the disk and uses the processor only
// when nobody else wants them (ioprio_set(2), class idle; nice 19). The thread ends with the goroutine.
func Idle() {
	runtime.LockOSThread()
	const (
		whoProcess = 1       // IOPRIO_WHO_PROCESS
		classIdle  = 3 << 13 // IOPRIO_CLASS_IDLE
	)
	tid := unix.Gettid()
	unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, uintptr(tid), classIdle)
	unix.Setpriority(unix.PRIO_PROCESS, tid, 19)
}
