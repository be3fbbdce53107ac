package main

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// address is where to listen: host:port, or unix:/path of a socket.
type address struct{ network, addr string }

func (a *address) Type() string    { return "ADDRESS" }
func (a *address) accepts() string { return "HOST:PORT, :PORT (every interface), unix:/PATH" }

func (a *address) String() string {
	if a.network == "unix" {
		return "unix:" + a.addr
	}
	return a.addr
}

func (a *address) Set(s string) error {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return errNotAccepted
		}
		*a = address{"unix", path}
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return errNotAccepted
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return errNotAccepted
	}
	*a = address{"tcp", s}
	return nil
}

// loopback tells whether only this machine can reach the address.
func (a *address) loopback() bool {
	if a.network == "unix" {
		return true
	}
	host, _, _ := net.SplitHostPort(a.addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// localAddress is an address that only this machine can reach; "" for none.
type localAddress struct{ address }

func (a *localAddress) accepts() string {
	return "what only this machine can reach: 127.0.0.1:PORT, [::1]:PORT, localhost:PORT, unix:/PATH"
}

func (a *localAddress) Set(s string) error {
	var given address
	if s != "" && (given.Set(s) != nil || !given.loopback()) {
		return errNotAccepted
	}
	a.address = given
	return nil
}

// listen opens the listener, or says in one sentence why it cannot.
func (a *address) listen() (net.Listener, error) {
	if a.network == "unix" {
		clearStale(a.addr)
	}
	ln, err := net.Listen(a.network, a.addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE) && a.network == "unix" && !isSocket(a.addr):
		return nil, fmt.Errorf("listen %s: there is a file that is not a socket; it was left alone", a)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen %s: the address is in use by another program", a)
	case errors.Is(err, iofs.ErrPermission):
		return nil, fmt.Errorf("listen %s: no permission", a)
	case a.network == "unix" && errors.Is(err, iofs.ErrNotExist):
		return nil, fmt.Errorf("listen %s: there is no such directory", a)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen %s: this machine does not have the address", a)
	case a.network == "unix" && errors.Is(err, syscall.EINVAL):
		return nil, fmt.Errorf("listen %s: the path is too long for a socket; systems take about a hundred bytes", a)
	}
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		err = oe.Err
	}
	return nil, fmt.Errorf("listen %s: %w", a, err)
}

// clearStale removes the socket of a server that was killed: one that refuses connections. Anything
// else at the path stays, and net.Listen says that it is in use.
func clearStale(path string) {
	if !isSocket(path) {
		return
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		os.Remove(path)
	}
}

func isSocket(path string) bool {
	fi, err := os.Lstat(path)
	return err == nil && fi.Mode().Type() == iofs.ModeSocket
}

// urls is what a person can type to reach the listeners.
func urls(lns []net.Listener, scheme string) string {
	var all []string
	for _, ln := range lns {
		all = append(all, url(ln, scheme))
	}
	return strings.Join(all, " ")
}

// url is what a person can type to reach the listener.
func url(ln net.Listener, scheme string) string {
	if ln.Addr().Network() == "unix" {
		return "unix:" + ln.Addr().String()
	}
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host, _ = os.Hostname()
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}
