package admin

import (
	"net"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel (SO_PEERCRED, unix(7)); who cannot be told may nothing.
func peerOf(c net.Conn) (p peer) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return p
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return p
	}
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			p = peerWith(int(cred.Uid))
		}
	})
	return p
}

// peerWith judges a user by number.
func peerWith(uid int) peer {
	p := peer{name: strconv.Itoa(uid), may: uid == 0 || uid == os.Geteuid()}
	if u, err := user.LookupId(p.name); err == nil {
		p.name = u.Username
	}
	return p
}
