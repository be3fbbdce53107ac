package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// managed is what a service manager has of a service: its socket and what it says about itself.
type managed struct {
	t      *testing.T
	cmd    *exec.Cmd
	socket *net.TCPListener
	notify *net.UnixConn
	log    *strings.Builder
}

// manage starts the program as systemd would: the socket is number 3, and the watchdog wants a word
// within the time.
func manage(t *testing.T, socket *net.TCPListener, within time.Duration, dir, state string) *managed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { notify.Close() })
	file, err := socket.File()
	must(t, err)
	defer file.Close()
	m := &managed{t: t, socket: socket, notify: notify, log: new(strings.Builder)}
	m.cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"`, "sh", program(t), "serve", dir)
	m.cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "NOTIFY_SOCKET="+path, "STATE_DIRECTORY="+state)
	if within > 0 {
		m.cmd.Env = append(m.cmd.Env, fmt.Sprint("WATCHDOG_USEC=", within.Microseconds()))
	}
	m.cmd.ExtraFiles = []*os.File{file}
	m.cmd.Stderr = m.log
	must(t, m.cmd.Start())
	t.Cleanup(func() { m.cmd.Process.Kill() })
	return m
}

// told waits until the program says what.
func (m *managed) told(what string) {
	m.t.Helper()
	m.notify.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4096)
	for {
		n, err := m.notify.Read(buf)
		if err != nil {
			m.t.Fatalf("the service manager was not told %s: %v", what, err)
		}
		if strings.Contains("\n"+string(buf[:n])+"\n", "\n"+what+"\n") {
			return
		}
	}
}

func (m *managed) url() string { return "http://" + m.socket.Addr().String() }

func (m *managed) stop() {
	m.t.Helper()
	m.cmd.Process.Signal(syscall.SIGTERM)
	m.told("STOPPING=1")
	if err := m.cmd.Wait(); err != nil {
		m.t.Fatalf("%v\n%s", err, m.log)
	}
}

func listenTCP(t *testing.T) *net.TCPListener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.(*net.TCPListener)
}

// Who asks while the service is down waits for the next one; locks are still there.
func TestSocketOutlivesTheProcess(t *testing.T) {
	dir, state, socket := t.TempDir(), t.TempDir(), listenTCP(t)
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o666))
	first := manage(t, socket, 0, dir, state)
	first.told("READY=1")
	res, _ := send(t, "LOCK", first.url()+"/a", strings.NewReader(lockinfo))
	wantStatus(t, res, 200)
	token := res.Header.Get("Lock-Token")
	first.stop()

	answer := make(chan error, 1)
	go func() {
		res, _, err := trySend(&http.Client{Transport: &http.Transport{}}, "PUT", first.url()+"/a", strings.NewReader("without the token"))
		if err == nil && res.StatusCode != http.StatusLocked {
			err = errors.New("the locked file was overwritten: " + res.Status)
		}
		answer <- err
	}()
	time.Sleep(100 * time.Millisecond)
	next := manage(t, socket, 0, dir, state)
	next.told("READY=1")
	if err := <-answer; err != nil {
		t.Errorf("a request while the service was down: %v", err)
	}
	res, _ = send(t, "PUT", next.url()+"/a", strings.NewReader("with the token"), "If", "("+token+")")
	wantStatus(t, res, 204)
	next.stop()
}

// The watchdog hears of us while requests are served, and no longer than that.
func TestWatchdogIsToldWhileRequestsAreServed(t *testing.T) {
	m := manage(t, listenTCP(t), 600*time.Millisecond, t.TempDir(), t.TempDir())
	m.told("READY=1")
	for range 3 {
		m.told("WATCHDOG=1")
	}
	// Whoever takes the connections away keeps them from being served.
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			c, err := m.socket.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	silent := false
	for until := time.Now().Add(patience); time.Now().Before(until); {
		m.notify.SetReadDeadline(time.Now().Add(350 * time.Millisecond))
		if _, err := m.notify.Read(make([]byte, 4096)); err != nil {
			silent = true
			break
		}
	}
	if !silent {
		t.Error("the watchdog is told that requests are served while none is")
	}
	m.socket.Close()
	<-stopped
	m.stop()
	if strings.Contains(m.log.String(), "method=OPTIONS") {
		t.Errorf("the watchdog's own requests fill the log:\n%s", m.log)
	}
}
