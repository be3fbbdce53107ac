package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ffmpeg sends the last segment of a stream and the list of all of them at once, and leaves without reading an answer:
// what came whole is stored.
func TestWhoLeavesAfterSendingAllIsServed(t *testing.T) {
	dir := t.TempDir()
	p := start(t, nil, dir)
	for i, content := range []string{"Content-Length: 4\r\n\r\nlist", "Transfer-Encoding: chunked\r\n\r\n4\r\nlist\r\n0\r\n\r\n", "Content-Length: 0\r\n\r\n"} {
		for n := range 20 {
			name := fmt.Sprintf("/list%d.%d", i, n)
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			must(t, err)
			io.WriteString(c, "PUT /segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\ns"+
				"PUT "+name+" HTTP/1.1\r\nHost: localhost\r\n"+content)
			c.Close()
			waitFor(t, func() bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil })
		}
	}
}
