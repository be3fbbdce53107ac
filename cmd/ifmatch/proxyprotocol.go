package main

import (
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyListener reads who the client is from the PROXY protocol, versions 1 and 2, in front of all that a
// trusted proxy sends. Such a connection has to begin with it, as the specification asks: whoever is behind a
// proxy that forgets it could write it themselves. For all others it is no HTTP.
type proxyListener struct {
	*proxyproto.Listener
	trusts func(remote string) bool
}

func newProxyListener(ln net.Listener, header time.Duration, trusts func(remote string) bool) *proxyListener {
	policy := func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
		if trusts(o.Upstream.String()) {
			return proxyproto.REQUIRE, nil
		}
		return proxyproto.SKIP, nil
	}
	return &proxyListener{&proxyproto.Listener{Listener: ln, ConnPolicy: policy, ReadHeaderTimeout: header}, trusts}
}

func (l *proxyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if pc, ok := c.(*proxyproto.Conn); ok {
		return proxiedConn{pc}, err
	}
	return c, err
}

// greet is for a connection of our own, which is nobody's.
func (l *proxyListener) greet(c net.Conn) error {
	if !l.trusts(c.LocalAddr().String()) {
		return nil
	}
	_, err := c.Write([]byte("PROXY UNKNOWN\r\n"))
	return err
}

// proxiedConn lets net/http end its side first, so that the client reads the last answer.
type proxiedConn struct{ *proxyproto.Conn }

func (c proxiedConn) CloseWrite() error { return closeWrite(c.Raw()) }
