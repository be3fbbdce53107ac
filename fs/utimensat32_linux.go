//go:build linux && (386 || arm || mips || mipsle || ppc)

package fs

import "golang.org/x/sys/unix"

// sysUtimensat is there since Linux 5.1, and openat2, without which nobody comes here, since 5.6.
const sysUtimensat = unix.SYS_UTIMENSAT_TIME64
