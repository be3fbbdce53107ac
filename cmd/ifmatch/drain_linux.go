package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// Drain waits until the other side has acknowledged all that was written; false: it has acknowledged nothing for the idle time.
func (c *idleTCPConn) Drain() bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	began := time.Now()
	acked, since := uint64(0), began
	for {
		var now *unix.TCPInfo
		var failed error
		err := raw.Control(func(fd uintptr) { now, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		if err != nil || failed != nil || now.State == unix.BPF_TCP_CLOSE || now.Unacked == 0 && now.Notsent_bytes == 0 {
			return true
		}
		if now.Bytes_acked != acked {
			acked, since = now.Bytes_acked, time.Now()
		} else if idle := c.w.ticks.idle; idle > 0 && time.Since(since) > idle {
			return false
		}
		time.Sleep(min(max(time.Since(began)/4, 50*time.Microsecond), 100*time.Millisecond)) // some fifty looks in ten seconds
	}
}
