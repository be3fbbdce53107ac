package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const testIdle = 2 * time.Second

// moving tries something that moves slowly, never with a pause that is near to testIdle, unless the machine makes one: then a
// failure tells nothing, and it is tried again. Each piece that moved is told.
func moving(t *testing.T, try func(moved func()) error) {
	t.Helper()
	for n := 1; ; n++ {
		var longest time.Duration
		last := time.Now()
		err := try(func() { longest, last = max(longest, time.Since(last)), time.Now() })
		if err == nil {
			return
		}
		if longest = max(longest, time.Since(last)); longest < testIdle/2 || n == 20 {
			t.Fatal(err)
		}
		t.Logf("the machine paused for %v: %v", longest, err)
	}
}

// listenAndServe serves h with the deadlines of the program, idle ones being testIdle.
func listenAndServe(t *testing.T, network string, h http.HandlerFunc) (dial func() net.Conn) {
	t.Helper()
	return listenAndServeTLS(t, network, nil, h)
}

func listenAndServeTLS(t *testing.T, network string, secure *tls.Config, h http.HandlerFunc) (dial func() net.Conn) {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, addr)
	must(t, err)
	s := defaultSettings()
	s.idleTimeout, s.headerTimeout, s.shutdownTimeout = duration(testIdle), duration(testIdle), duration(time.Second)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serveHTTP(ctx, []net.Listener{ln}, h, s, secure, nil, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func() net.Conn {
		c, err := net.Dial(network, ln.Addr().String())
		must(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// closed fails the test unless the server closes c.
func closed(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

func TestBodyThatStallsIsEnded(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	dial := listenAndServe(t, "tcp", func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		failed <- err
	})
	c := dial()
	io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
	select {
	case err := <-failed:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a deadline", err)
		}
	case <-time.After(patience):
		t.Fatal("a body that stalls is read for ever")
	}
	closed(t, c)
}

// A body that the handler does not read, and the client does not send.
func TestUnreadBodyThatStallsIsEnded(t *testing.T) {
	t.Parallel()
	dial := listenAndServe(t, "tcp", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(412) })
	c := dial()
	io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
	closed(t, c)
}

// Some clients read nothing before they have sent all: they see a refusal, too, and no broken connection.
func TestUnreadBodyIsTakenFromClientsThatReadLast(t *testing.T) {
	t.Parallel()
	dial := listenAndServe(t, "tcp", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/asked" { // such as one for which the disk has no room, as it finds out later
			io.ReadFull(r.Body, make([]byte, 9))
		}
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(412)
		io.WriteString(w, "stale")
	})
	const pieces = 32 // more than fits into the sockets
	piece := make([]byte, 1<<20)
	length := fmt.Sprintf("Content-Length: %d", pieces*len(piece))
	for _, tt := range []struct{ name, path, field, before, after string }{
		{"of a known length", "/a", length, "", ""},
		{"in chunks", "/a", "Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n", len(piece)), "\r\n"},
		{"that was asked for", "/asked", "Expect: 100-continue\r\n" + length, "", ""},
		{"that was not waited for", "/a", "Expect: 100-continue\r\n" + length, "", ""}, // RFC 9110 §10.1.1
	} {
		moving(t, func(moved func()) error {
			c := dial()
			answers := bufio.NewReader(c)
			io.WriteString(c, "PUT "+tt.path+" HTTP/1.1\r\nHost: a\r\n"+tt.field+"\r\n\r\n")
			if tt.path == "/asked" {
				if res, err := http.ReadResponse(answers, nil); err != nil || res.StatusCode != http.StatusContinue {
					return fmt.Errorf("%s: %v, %w", tt.name, res, err)
				}
			}
			for range pieces {
				if _, err := fmt.Fprintf(c, "%s%s%s", tt.before, piece, tt.after); err != nil {
					return fmt.Errorf("%s: %w", tt.name, err)
				}
				moved()
			}
			if tt.before != "" {
				io.WriteString(c, "0\r\n\r\n")
			}
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				return fmt.Errorf("%s: %w", tt.name, err)
			}
			if text, err := io.ReadAll(res.Body); res.StatusCode != 412 || string(text) != "stale" || err != nil {
				t.Errorf("%s: %s %q %v", tt.name, res.Status, text, err)
			}
			return nil
		})
	}
}

func TestHeaderThatStallsIsEnded(t *testing.T) {
	t.Parallel()
	dial := listenAndServe(t, "tcp", func(w http.ResponseWriter, r *http.Request) {})
	c := dial()
	io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: a\r\n")
	closed(t, c)
}

// A body that moves may take many times the idle time, and so may the handler after its end.
func TestSlowBodyIsRead(t *testing.T) {
	t.Parallel()
	dial := listenAndServe(t, "tcp", func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		time.Sleep(2 * testIdle) // a slow disk
		fmt.Fprintf(w, "%s %v %v", got, err, r.Context().Err())
	})
	moving(t, func(moved func()) error {
		c := dial()
		io.WriteString(c, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
		for range 10 {
			time.Sleep(testIdle / 5)
			if _, err := io.WriteString(c, "x"); err != nil {
				return err
			}
			moved()
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		if got, _ := io.ReadAll(res.Body); string(got) != "xxxxxxxxxx <nil> <nil>" {
			return fmt.Errorf("got %q", got)
		}
		return nil
	})
}

// download serves 32 MiB, from a file (by sendfile, where there is one) or from memory.
func download(t *testing.T, network string, fromFile bool) (dial func() net.Conn, want []byte, ended chan error) {
	want = bytes.Repeat([]byte("0123456789abcdef"), 2<<20)
	name := filepath.Join(t.TempDir(), "large")
	must(t, os.WriteFile(name, want, 0o644))
	ended = make(chan error, 1)
	dial = listenAndServe(t, network, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(want)))
		var err error
		if fromFile {
			f, _ := os.Open(name)
			defer f.Close()
			_, err = io.CopyN(w, f, int64(len(want)))
		} else {
			_, err = w.Write(want)
		}
		ended <- err
	})
	return dial, want, ended
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, network string
		fromFile      bool
	}{
		{"sendfile", "tcp", true},
		{"memory", "tcp", false},
		{"socket", "unix", true},
	} {
		t.Run("stalled "+tt.name, func(t *testing.T) {
			t.Parallel()
			dial, _, ended := download(t, tt.network, tt.fromFile)
			c := dial()
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			select {
			case err := <-ended:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("got %v, want a deadline", err)
				}
			case <-time.After(patience):
				t.Fatal("a client that reads nothing is served for ever")
			}
		})
		t.Run("slow "+tt.name, func(t *testing.T) {
			t.Parallel()
			dial, want, ended := download(t, tt.network, tt.fromFile)
			moving(t, func(moved func()) error {
				c := dial()
				if tcp, ok := c.(*net.TCPConn); ok {
					tcp.SetReadBuffer(64 << 10) // so that the server has to wait
				}
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				began := time.Now()
				got := bytes.NewBuffer(make([]byte, 0, len(want)+4096))
				for {
					_, err := io.CopyN(got, c, 1<<20)
					if err == io.EOF {
						break
					}
					if err != nil {
						return errors.Join(err, <-ended)
					}
					moved()
					time.Sleep(testIdle / 10)
				}
				took := time.Since(began)
				if err := <-ended; err != nil {
					return err
				}
				if _, body, _ := strings.Cut(got.String(), "\r\n\r\n"); body != string(want) {
					return fmt.Errorf("got %d bytes that are not the %d wanted", len(body), len(want))
				}
				if took < 3*testIdle {
					t.Errorf("it took only %v: the test shows nothing", took)
				}
				return nil
			})
		})
	}
}

var _ io.ReaderFrom = (*idleTCPConn)(nil) // what net/http asks for before it uses sendfile

func BenchmarkIdleWriterRoll(b *testing.B) {
	c, d := net.Pipe()
	defer c.Close()
	defer d.Close()
	ticks := newTicks(time.Minute)
	defer close(ticks.stop)
	w := idleWriter{Conn: c, ticks: ticks}
	for b.Loop() {
		w.roll()
	}
}

// net/http takes the deadline away after the handshake of TLS and after each request; an answer that nobody reads has one all the
// same, though it is the first after that.
func TestAnswerThatIsNotReadIsEnded(t *testing.T) {
	t.Parallel()
	text, err := selfSign([]string{"localhost"}, time.Now())
	must(t, err)
	cert, err := tls.X509KeyPair(text, text)
	must(t, err)
	for _, network := range []string{"tcp", "unix"} {
		for _, secure := range []*tls.Config{nil, {Certificates: []tls.Certificate{cert}}} {
			failed := make(chan error, 1)
			dial := listenAndServeTLS(t, network, secure, func(w http.ResponseWriter, r *http.Request) {
				for piece := make([]byte, 1<<20); r.Method != "HEAD"; {
					if _, err := w.Write(piece); err != nil {
						failed <- err
						return
					}
				}
			})
			conn := dial()
			if secure != nil {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			} else {
				io.WriteString(conn, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
				_, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "HEAD"})
				must(t, err)
			}
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			select {
			case err := <-failed:
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s, TLS %t: %v", network, secure != nil, err)
				}
			case <-time.After(patience):
				t.Fatalf("%s, TLS %t: it stands still for ever", network, secure != nil)
			}
		}
	}
}
