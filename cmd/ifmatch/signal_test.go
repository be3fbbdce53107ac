//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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

// slowPut starts a PUT and sends the first half of its body, which the server has asked for (100
// Continue). The function it returns sends the rest and returns the answer.
func slowPut(t *testing.T, url, body string) (finish func() (*http.Response, error)) {
	t.Helper()
	r, w := io.Pipe()
	type answer struct {
		res *http.Response
		err error
	}
	done := make(chan answer, 1)
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	go func() {
		res, _, err := trySend(client, "PUT", url, r, "Expect", "100-continue")
		r.Close()
		done <- answer{res, err}
	}()
	io.WriteString(w, body[:len(body)/2])
	return func() (*http.Response, error) {
		io.WriteString(w, body[len(body)/2:])
		w.Close()
		a := <-done
		return a.res, a.err
	}
}

func TestTermLetsTransfersInFlightFinish(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			dir := t.TempDir()
			p := start(t, nil, dir)
			large := make([]byte, 32<<20)
			must(t, os.WriteFile(filepath.Join(dir, "large"), large, 0o644))
			download, err := http.Get(p.url + "/large")
			must(t, err)
			defer download.Body.Close()
			finish := slowPut(t, p.url+"/up", "hello world")

			p.cmd.Process.Signal(sig)
			p.logged("stopping")
			waitFor(t, func() bool { // the log says so just before
				c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
				if err == nil {
					c.Close()
				}
				return err != nil
			})
			res, err := finish()
			must(t, err)
			wantStatus(t, res, 201)
			if n, err := io.Copy(io.Discard, download.Body); err != nil || n != int64(len(large)) {
				t.Errorf("download: %d bytes, %v, want %d", n, err, len(large))
			}
			if code := p.wait(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "up")); err != nil || string(got) != "hello world" {
				t.Errorf("the file holds %q, %v", got, err)
			}
		})
	}
}

func TestShutdownIsBounded(t *testing.T) {
	dir := t.TempDir()
	p := start(t, nil, "--shutdown-timeout=200ms", dir)
	finish := slowPut(t, p.url+"/up", "hello world")
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	p.logged("cut off")
	if res, err := finish(); err == nil && res.StatusCode < 400 {
		t.Errorf("the upload that was cut off was answered %s", res.Status)
	}
	if _, err := os.Lstat(filepath.Join(dir, "up")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half an upload is there: %v", err)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := start(t, nil, "--shutdown-timeout=0", t.TempDir())
	slowPut(t, p.url+"/up", "hello world")
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.logged("stopping")
	if code := p.stop(syscall.SIGTERM); code == 0 {
		t.Error("exit code 0, but the transfer was cut off")
	}
}

// The end of who reads the log is not that of the server.
func TestNobodyReadsTheLog(t *testing.T) {
	log, stderr, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(program(t), "serve", "--listen=127.0.0.1:0", "--state="+t.TempDir(), t.TempDir())
	cmd.Stderr = stderr
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() })
	stderr.Close()
	var url string
	for lines := bufio.NewScanner(log); url == "" && lines.Scan(); {
		fmt.Sscanf(lines.Text(), "time=%s level=INFO msg=serving url=%s", new(string), &url)
	}
	log.Close()
	for range 3 {
		res, _, err := trySend(http.DefaultClient, "PUT", url+"a", strings.NewReader("unheard"))
		must(t, err)
		if res.StatusCode >= 300 {
			t.Error(res.Status)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestUnixSocket(t *testing.T) {
	dir := t.TempDir()
	sock := filepath.Join(t.TempDir(), "s")
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", sock) },
	}}
	talk := func() {
		t.Helper()
		res, _, err := trySend(client, "PUT", "http://ifmatch/a", strings.NewReader("over a socket"), "If-None-Match", "*")
		must(t, err)
		wantStatus(t, res, 201)
		_, text, err := trySend(client, "GET", "http://ifmatch/a", nil)
		if err != nil || text != "over a socket" {
			t.Fatalf("GET: %q, %v", text, err)
		}
		os.Remove(filepath.Join(dir, "a"))
		client.CloseIdleConnections()
	}

	killed := start(t, nil, "--listen=unix:"+sock, dir)
	talk()
	if code, _, stderr := call(t.Context(), map[string]string{"HOME": dir}, "serve", "--memory", "--listen=unix:"+sock); code != 1 || !strings.Contains(stderr, "in use") {
		t.Errorf("a second server on the socket: exit code %d, %q", code, stderr)
	}
	killed.stop(syscall.SIGKILL)
	if _, err := os.Lstat(sock); err != nil {
		t.Fatalf("the socket of a killed server: %v", err)
	}

	next := start(t, nil, "--listen=unix:"+sock, dir) // takes the stale socket over
	talk()
	if code := next.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if _, err := os.Lstat(sock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}
