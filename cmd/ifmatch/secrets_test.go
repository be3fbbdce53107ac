//go:build unix

package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// No password and no lock token gets into the log, whatever a client does with them: right, wrong, malformed, in
// places where they should not be.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	const right, wrong = "c0rrect-horse", "wr0ng-battery"
	const tokenOfNobody = "urn:uuid:0badc0de-0000-4000-8000-000000000000"
	dir, state := t.TempDir(), t.TempDir()
	user := userLine(t, "anna", right)
	users := writeFile(t, filepath.Join(state, "users"), user)
	p := start(t, nil, "--users="+users, "--trusted-proxies=127.0.0.0/8", "--require-if-match=warn", dir)
	host := strings.TrimPrefix(p.url, "http://")
	basic := func(password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("anna:"+password))
	}
	as := func(header ...string) []string { return append([]string{"Authorization", basic(right)}, header...) }

	res, _ := send(t, "LOCK", p.url+"/a.txt", strings.NewReader(lockinfo), as()...)
	wantStatus(t, res, 201)
	token := strings.Trim(res.Header.Get("Lock-Token"), "<>")
	for _, tt := range []struct {
		method, path string
		header       []string
		status       int
	}{
		{"PUT", "/a.txt", as(), 423},
		{"PUT", "/a.txt", as("If", "(<"+token+">)"), 204},
		{"PUT", "/a.txt", as("If", "(<"+token+">"), 400},
		{"PUT", "/a.txt", as("If", "<"+token+">"), 400},
		{"PUT", "/a.txt", as("If", "("+token+")"), 400},
		{"PUT", "/a.txt", as("If", `(<`+token+`> ["stale"])`), 412},
		{"PUT", "/a.txt", as("If", "(<"+tokenOfNobody+">)"), 412},
		{"PUT", "/a.txt", as("If", "<http://anna:"+wrong+"@"+host+"/a.txt> (<"+tokenOfNobody+">)"), 412},
		{"LOCK", "/a.txt", as("If", "(<"+tokenOfNobody+">)"), 412},
		{"LOCK", "/a.txt", as("If", "(<"+token+">)"), 200},
		{"UNLOCK", "/a.txt", as("Lock-Token", token), 400},
		{"UNLOCK", "/b.txt", as("Lock-Token", "<"+token+">"), 409},
		{"UNLOCK", "/a.txt", as("Lock-Token", "<"+tokenOfNobody+">"), 409},
		{"PUT", "/b.txt", as(), 201},
		{"PUT", "/b.txt", as(), 204}, // the log says who overwrote whom
		{"COPY", "/b.txt", as("Destination", "http://anna:"+wrong+"@"+host+"/c.txt"), 201},
		{"COPY", "/b.txt", as("Destination", "http://anna:"+wrong+"@elsewhere.example/c.txt"), 502},
		{"COPY", "/b.txt", as("Destination", "http://anna:"+wrong+" x@"+host+"/%zz"), 400},
		{"COPY", "/b.txt", as("Destination", "http://anna:"+wrong+"/x@"+host+"/c"), 400},
		{"GET", "/b.txt?access_token=" + wrong, as(), 200},
		{"GET", "/b.txt", as("Referer", "http://anna:"+wrong+"@"+host+"/", "Cookie", "session="+wrong), 200},
		{"GET", "/b.txt", []string{"Authorization", basic(wrong)}, 401},
		{"GET", "/b.txt", []string{"Authorization", "Bearer " + wrong}, 401},
		{"GET", "/b.txt", []string{"Authorization", "Basic " + wrong}, 401},
		{"BREW", "/b.txt", as(), 501},
	} {
		res, text := send(t, tt.method, p.url+tt.path, strings.NewReader(""), tt.header...)
		if res.StatusCode != tt.status {
			t.Errorf("%s %s %q: %s, want %d\n%s", tt.method, tt.path, tt.header, res.Status, tt.status, text)
		}
	}
	// The target of a request may be a whole URL, and a request may be none.
	raw(t, host, "GET http://anna:"+wrong+"@"+host+"/b.txt HTTP/1.1\r\nHost: "+host+"\r\nAuthorization: "+basic(right)+"\r\n\r\n")
	raw(t, host, "GET /b.txt HTTP/1.1\r\nHost: "+host+"\r\nAuthorization : "+basic(right)+"\r\n\r\n")
	raw(t, host, basic(right)+"\r\n\r\n")
	// A users file in which somebody wrote a password keeps the old one.
	writeFile(t, users, right+"\n")
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.logged("the old configuration stays")
	writeFile(t, users, "anna:"+wrong+"\n")
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.logged("the password of anna")
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}

	log := strings.Join(p.lines(), "\n")
	if n := strings.Count(log, `"msg":"request"`); n < 26 {
		t.Errorf("the log has only %d requests:\n%s", n, log)
	}
	secrets := []string{right, wrong, basic(right)[len("Basic "):], basic(wrong)[len("Basic "):], strings.TrimSpace(strings.TrimPrefix(user, "anna:"))}
	for _, uri := range []string{token, tokenOfNobody} {
		secrets = append(secrets, strings.TrimPrefix(uri, "urn:uuid:"))
	}
	for _, secret := range secrets {
		for line := range strings.Lines(log) {
			if strings.Contains(line, secret) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
	}
}

// raw sends bytes as they are and waits for what comes back.
func raw(t *testing.T, host, request string) {
	t.Helper()
	c, err := net.Dial("tcp", host)
	must(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, request)
	c.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, c)
}
