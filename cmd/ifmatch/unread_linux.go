package main

import (
	"encoding/binary"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// diag is the socket by which the kernel is asked about sockets. Safe for concurrent use.
var diag struct {
	mu     sync.Mutex
	fd     int    // guarded by mu; 0: not open yet
	serial uint32 // guarded by mu
}

// unread asks how many bytes the socket at remote has received from local and not given to its program (sock_diag(7)). here is false
// where there is no such socket in this network namespace, or nobody may ask.
func unread(local, remote *net.TCPAddr) (bytes int64, here bool) {
	diag.mu.Lock()
	defer diag.mu.Unlock()
	if diag.fd == 0 {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return 0, false
		}
		diag.fd = fd
	}
	diag.serial++
	var answer [512]byte
	if unix.Sendto(diag.fd, askUnread(diag.serial, local, remote), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return 0, false
	}
	for {
		n, _, err := unix.Recvfrom(diag.fd, answer[:], 0) // the answer has come with the question
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < unix.NLMSG_HDRLEN {
			return 0, false
		}
		if binary.NativeEndian.Uint32(answer[8:]) == diag.serial {
			return readUnread(answer[:n])
		}
	}
}

const (
	sockIDBytes = 48 // of a struct inet_diag_sockid
	allStates   = 1<<32 - 1
)

// askUnread is a struct inet_diag_req_v2 of linux/inet_diag.h for the one socket whose own address is remote.
func askUnread(serial uint32, local, remote *net.TCPAddr) []byte {
	const size = unix.NLMSG_HDRLEN + 8 + sockIDBytes
	ask := make([]byte, 0, size)
	ask = binary.NativeEndian.AppendUint32(ask, size)
	ask = binary.NativeEndian.AppendUint16(ask, unix.SOCK_DIAG_BY_FAMILY)
	ask = binary.NativeEndian.AppendUint16(ask, unix.NLM_F_REQUEST)
	ask = binary.NativeEndian.AppendUint32(ask, serial)
	ask = binary.NativeEndian.AppendUint32(ask, 0)
	family, from, to := byte(unix.AF_INET), remote.IP.To4(), local.IP.To4()
	if from == nil || to == nil {
		family, from, to = unix.AF_INET6, remote.IP.To16(), local.IP.To16()
	}
	ask = append(ask, family, unix.IPPROTO_TCP, 0, 0)
	ask = binary.NativeEndian.AppendUint32(ask, allStates)
	ask = binary.BigEndian.AppendUint16(ask, uint16(remote.Port))
	ask = binary.BigEndian.AppendUint16(ask, uint16(local.Port))
	var room [16]byte
	ask = append(append(ask, from...), room[len(from):]...)
	ask = append(append(ask, to...), room[len(to):]...)
	ask = binary.NativeEndian.AppendUint32(ask, 0)        // of any interface
	return binary.NativeEndian.AppendUint64(ask, 1<<64-1) // whatever its cookie is
}

// readUnread reads a struct inet_diag_msg; an error is another message.
func readUnread(answer []byte) (bytes int64, here bool) {
	const at = unix.NLMSG_HDRLEN + 4 + sockIDBytes + 4
	if len(answer) < at+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.SOCK_DIAG_BY_FAMILY || answer[unix.NLMSG_HDRLEN+1] == unix.BPF_TCP_LISTEN {
		return 0, false
	}
	return int64(binary.NativeEndian.Uint32(answer[at:])), true
}
