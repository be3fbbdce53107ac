package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A trusted proxy says who the client is, in both versions of the protocol and below TLS; whoever else
// says it is not understood, and a trusted one that does not say it is not served.
func TestProxyProtocol(t *testing.T) {
	const v1 = "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n"
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + "\xc6\x33\x64\x08" + "\xc0\x00\x02\x01" + "\x12\x67\x01\xbb"
	for _, secure := range []bool{false, true} {
		args := []string{"--proxy-protocol", "--trusted-proxies=127.0.0.1", t.TempDir()}
		if secure {
			args = append(args, "--tls-self-signed")
		}
		p := start(t, nil, args...)
		for _, tt := range []struct {
			from, greeting, client string // client: "" for no answer
			status                 int
		}{
			{"127.0.0.1", v1, "198.51.100.7", 200},
			{"127.0.0.1", v2, "198.51.100.8", 200},
			{"127.0.0.1", "PROXY UNKNOWN\r\n", "127.0.0.1", 200},
			{"127.0.0.1", "", "", 0},
			{"127.0.0.2", "", "127.0.0.2", 200},
			{"127.0.0.2", strings.Replace(v1, "100.7", "100.9", 1), "", 400},
		} {
			if secure && tt.status != 200 {
				tt.status = 0 // no TLS, no answer
			}
			status, err := greeted(p.url, tt.from, tt.greeting)
			if status != tt.status {
				t.Errorf("secure %v, %+v: %d, %v", secure, tt, status, err)
			}
			if tt.client != "" {
				p.logged(`"status":200,`)
				p.logged(`"remote":"` + tt.client)
			}
		}
		if strings.Contains(strings.Join(p.lines(), "\n"), `"remote":"198.51.100.9`) {
			t.Error("a stranger was believed")
		}
	}
}

// greeted sends one request after a greeting, and returns the status; 0 is none.
func greeted(url, from, greeting string) (int, error) {
	scheme, address, _ := strings.Cut(url, "://")
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, greeting); err != nil {
		return 0, err
	}
	if scheme == "https" {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	res.Body.Close()
	return res.StatusCode, nil
}

// The watchdog is on this machine, and so may be the proxy.
func TestWatchdogGreets(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		pl := newProxyListener(listenTCP(t), patience, func(string) bool { return trusted })
		srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		go srv.Serve(pl)
		defer srv.Close()
		dog := &watchdog{every: patience}
		if err := dog.probe(t.Context(), dog.client(pl), "http"); err != nil {
			t.Errorf("trusted %v: %v", trusted, err)
		}
	}
}
