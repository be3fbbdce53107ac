package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel sends pages of a large file itself: what waits for a slow client when the file is changed in place goes out
// changed. So the end, and with it the whole, waits for the client; what is smaller is a copy by then, and whole.
func TestDownloadWhoseEndWaitsForTheClient(t *testing.T) {
	dir := t.TempDir()
	p := start(t, nil, dir)
	for _, c := range []struct {
		size, read, buffer int    // so much more than what was read waits in sockets
		want               string // "": either
	}{
		{20 << 20, 10 << 20, 64 << 10, "cut"},
		{40 << 20, 16 << 20, 64 << 20, "cut"}, // all the rest is in the client's own socket
		{20 << 20, 20<<20 - 300_000, 0, ""},   // in the client's own socket, which on one machine holds pages of the file, too
		{5 << 20, 5<<20 - 300_000, 0, ""},
		{5 << 20, 1000, 8 << 20, ""},
		{1 << 20, 1000, 64 << 10, "whole"},
	} {
		file := filepath.Join(dir, "f")
		old := bytes.Repeat([]byte("o"), c.size)
		writeFile(t, file, string(old))
		body, got := p.partly(c.size, c.read, c.buffer)
		time.Sleep(500 * time.Millisecond) // the server has written what it can
		beside, err := os.OpenFile(file, os.O_WRONLY, 0)
		must(t, err)
		_, err = beside.Write(bytes.Repeat([]byte("n"), c.size))
		beside.Close()
		must(t, err)
		_, err = got.ReadFrom(body)
		switch bad := bytes.Count(got.Bytes(), []byte("n")); {
		case err == nil && bad > 0:
			t.Errorf("%d bytes, %d read: whole, and %d of them changed", c.size, c.read, bad)
		case c.want == "whole" && (err != nil || !bytes.Equal(got.Bytes(), old)):
			t.Errorf("%d bytes, %d read: %d came, %d of them changed, %v", c.size, c.read, got.Len(), bad, err)
		case c.want == "cut" && err == nil:
			t.Errorf("%d bytes, %d read: whole, though most of it waited", c.size, c.read)
		}
	}
}

// A proxy on this machine can pass pages of the file on as they are (splice(2), here by io.Copy), and has read all when its client has
// not: what is copied at the end is more than sockets hold by default.
func TestDownloadThroughAProxyThatSplices(t *testing.T) {
	dir := t.TempDir()
	p := start(t, nil, dir)
	server := strings.TrimPrefix(p.url, "http://")
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer proxy.Close()
	go func() {
		for {
			down, err := proxy.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", server)
			if err != nil {
				down.Close()
				continue
			}
			go io.Copy(up, down)
			go func() {
				io.Copy(down, up)
				down.Close()
			}()
		}
	}()
	const size, unread = 20 << 20, 4 << 20
	file := filepath.Join(dir, "f")
	writeFile(t, file, strings.Repeat("o", size))
	p.url = "http://" + proxy.Addr().String()
	body, got := p.partly(size, size-unread, 64<<20)
	time.Sleep(500 * time.Millisecond)
	beside, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = beside.WriteAt(bytes.Repeat([]byte("n"), unread), size-unread)
	beside.Close()
	must(t, err)
	_, err = got.ReadFrom(body)
	if bad := bytes.Count(got.Bytes(), []byte("n")); err == nil && bad > 0 {
		t.Errorf("whole, and %d bytes of it changed", bad)
	}
}

// The end waits as long as a connection may stand still, and then it is cut off; for ever where that is allowed.
func TestDownloadThatNobodyTakes(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	for idle, whole := range map[string]bool{"5s": false, "0": true} {
		t.Run(idle, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := start(t, nil, "--idle-timeout="+idle, dir)
			writeFile(t, filepath.Join(dir, "f"), strings.Repeat("o", size))
			body, got := p.partly(size, size-300_000, 64<<10)
			time.Sleep(8 * time.Second)
			if _, err := got.ReadFrom(body); (err == nil) != whole || (got.Len() == size) != whole {
				t.Errorf("%d bytes came, %v", got.Len(), err)
			}
		})
	}
}

// partly begins to download /f, which has so many bytes, and reads some of them. A buffer is that of the client's socket.
func (p *process) partly(size, read, buffer int) (body io.Reader, got *bytes.Buffer) {
	p.t.Helper()
	dial := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			if buffer > 0 && unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
			}
		})
	}}
	conn, err := dial.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET /f HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	got = bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := io.CopyN(got, res.Body, int64(read)); err != nil {
		p.t.Fatal(err)
	}
	return res.Body, got
}
