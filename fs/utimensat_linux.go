//go:build !386 && !arm && !mips && !mipsle && !ppc

package fs

import "golang.org/x/sys/unix"

const sysUtimensat = unix.SYS_UTIMENSAT
