package main

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// openListeners returns the sockets that the service manager holds for us (sd_listen_fds(3)), or
// else the one that --listen names. Sockets that were handed over outlive this process, so whoever
// connects while it is being restarted waits and is not refused.
func openListeners(s *settings) ([]net.Listener, error) {
	given, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("sockets of the service manager: %w", err)
	}
	for i, ln := range given {
		if ln == nil {
			return nil, fmt.Errorf("sockets of the service manager: number %d does not listen for connections", i+1)
		}
	}
	if len(given) > 0 {
		return given, nil
	}
	ln, err := s.listen.listen()
	if err != nil {
		return nil, err
	}
	return []net.Listener{ln}, nil
}

// onlyLocal tells whether only this machine can reach all of lns.
func onlyLocal(lns ...net.Listener) bool {
	for _, ln := range lns {
		if tcp, ok := ln.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			return false
		}
	}
	return true
}
