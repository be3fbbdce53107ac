package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// ToCopy is all of it where it cannot be asked what somebody on this machine has read: what sendfile sends stays pages of the file
// there until he reads. Who is in another network namespace looks like one that is far away. So does whoever is behind a proxy on this
// machine that passes pages on as they are (splice(2)), as systemd-socket-proxyd does.
func (c *idleTCPConn) ToCopy(n, usual int64) int64 {
	local, remote := c.ends()
	if remote.IP.IsLoopback() || remote.IP.Equal(local.IP) {
		if _, here := unread(local, remote); !here {
			return n
		}
	}
	return usual
}

func (c *idleTCPConn) ends() (local, remote *net.TCPAddr) {
	return c.TCPConn.LocalAddr().(*net.TCPAddr), c.TCPConn.RemoteAddr().(*net.TCPAddr)
}

// Drain waits until the other side has acknowledged all that was written and, on this machine, has read it but for copied bytes;
// false: nothing has moved for the idle time.
func (c *idleTCPConn) Drain(copied int64) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	local, remote := c.ends()
	began := time.Now()
	acked, left, since := uint64(0), int64(0), began
	for {
		var now *unix.TCPInfo
		var failed error
		err := raw.Control(func(fd uintptr) { now, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		if err != nil || failed != nil || now.State == unix.BPF_TCP_CLOSE {
			return true
		}
		leftNow, _ := unread(local, remote)
		if now.Unacked == 0 && now.Notsent_bytes == 0 && leftNow <= copied {
			return true
		}
		if now.Bytes_acked != acked || leftNow != left {
			acked, left, since = now.Bytes_acked, leftNow, time.Now()
		} else if idle := c.w.ticks.idle; idle > 0 && time.Since(since) > idle {
			return false
		}
		time.Sleep(min(max(time.Since(began)/4, 50*time.Microsecond), 100*time.Millisecond)) // some fifty looks in ten seconds
	}
}
