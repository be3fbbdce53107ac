package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// idleDrain is how long Drain waits for who takes nothing.
const idleDrain = 10 * time.Second

// Drain waits until the other side has acknowledged all that was written, or has acknowledged nothing for idleDrain.
func (c *idleTCPConn) Drain() {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	began := time.Now()
	acked, since := uint64(0), began
	for {
		var now *unix.TCPInfo
		var failed error
		err := raw.Control(func(fd uintptr) { now, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		if err != nil || failed != nil || now.State == unix.BPF_TCP_CLOSE || now.Unacked == 0 && now.Notsent_bytes == 0 {
			return
		}
		if now.Bytes_acked != acked {
			acked, since = now.Bytes_acked, time.Now()
		} else if time.Since(since) > idleDrain {
			return
		}
		time.Sleep(min(max(time.Since(began)/4, 50*time.Microsecond), 100*time.Millisecond)) // some fifty looks in ten seconds
	}
}
