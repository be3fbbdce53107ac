package main

import (
	"io"
	"net"
	"testing"
	"time"
)

// What a client on this machine has not read is known to the byte, by whatever address it came.
func TestUnread(t *testing.T) {
	for listen, dial := range map[string]string{"127.0.0.1:0": "127.0.0.1", "[::]:0": "127.0.0.1", "[::1]:0": "::1"} {
		ln, err := net.Listen("tcp", listen)
		must(t, err)
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		client, err := net.Dial("tcp", net.JoinHostPort(dial, port))
		must(t, err)
		defer client.Close()
		conn, err := ln.Accept()
		must(t, err)
		defer conn.Close()
		local, remote := conn.LocalAddr().(*net.TCPAddr), conn.RemoteAddr().(*net.TCPAddr)
		is := func(when string, want int64, here bool) {
			t.Helper()
			for try := 0; ; try++ {
				got, ok := unread(local, remote)
				if got == want && ok == here {
					return
				}
				if try == 1000 { // loopback has its own pace
					t.Fatalf("%s, %s: %d unread, here %v; want %d, %v", listen, when, got, ok, want, here)
				}
				time.Sleep(time.Millisecond)
			}
		}
		is("at first", 0, true)
		conn.Write(make([]byte, 30_000))
		is("written", 30_000, true)
		if _, err := io.ReadFull(client, make([]byte, 29_999)); err != nil {
			t.Fatal(err)
		}
		is("read", 1, true)
		client.Close()
		is("closed", 0, false)
		if n, here := unread(remote, local); here && n != 0 {
			t.Errorf("%s: our own end has %d unread", listen, n)
		}
		if _, here := unread(local, ln.Addr().(*net.TCPAddr)); here {
			t.Errorf("%s: who listens is taken for who is connected", listen)
		}
	}
}
