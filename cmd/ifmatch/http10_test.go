package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A request of HTTP/1.0 that says it has chunks may have them or not (RFC 9112 §6.1): what follows it is never taken for
// another request, whoever it was that let it through.
func TestHTTP10EndsTheConnection(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "doc"), "kept")
	p := start(t, nil, dir)
	for _, first := range []string{
		"GET /doc HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET /none HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
	} {
		c, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(p.url, "http://"), "/"))
		must(t, err)
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, first+"DELETE /doc HTTP/1.1\r\nHost: x\r\n\r\n")
		r := bufio.NewReader(c)
		res, err := http.ReadResponse(r, nil)
		must(t, err)
		io.Copy(io.Discard, res.Body)
		if rest, _ := io.ReadAll(r); len(rest) > 0 || !res.Close {
			t.Errorf("after %q: %q", first, rest)
		}
		c.Close()
		if text, err := os.ReadFile(filepath.Join(dir, "doc")); string(text) != "kept" {
			t.Errorf("after %q: %q, %v", first, text, err)
		}
	}
}
