//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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

// authority is Pebble, the ACME server that Let's Encrypt has for tests, with a DNS in which every name is
// 127.0.0.1. It proves names on one port.
type authority struct {
	directory string
	port      string // where it looks for the servers of names
	client    *http.Client
	roots     string   // URL of its root certificate
	trust     []string // wraps a program that trusts the certificate of the authority itself
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	pool, _ := selfSigned(t, "pebble", cert, key)
	listen, manage, dns := freeAddress(t), freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	config := fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q, "httpPort": 1, "tlsPort": %s}}`,
		listen, manage, cert, key, port)
	beside(t, "pebble-challtestsrv", "-dns01", dns, "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:0", "-defaultIPv6", "")
	beside(t, "pebble", "-strict", "-dnsserver", dns, "-config", writeFile(t, filepath.Join(dir, "config"), config))
	a := &authority{directory: "https://" + listen + "/dir", port: port, roots: "https://" + manage + "/roots/0",
		client: tlsClient(t, &tls.Config{RootCAs: pool}), trust: []string{"env", "SSL_CERT_FILE=" + cert}}
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if res, err := a.client.Get(a.directory); err == nil {
			res.Body.Close()
			return a
		}
	}
	t.Fatal("pebble does not answer")
	return nil
}

// beside starts a program that is ended with the test.
func beside(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	out, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
		if text, _ := os.ReadFile(out.Name()); t.Failed() {
			t.Logf("%s says:\n%s", name, text)
		}
	})
}

// A certificate is obtained from a real ACME server by TLS-ALPN-01, kept over a restart, and obtained
// for a name that a reload adds; no other name gets one.
func TestACME(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	dir, state := t.TempDir(), t.TempDir()
	file := filepath.Join(t.TempDir(), "toml")
	write := func(names string) {
		writeFile(t, file, fmt.Sprintf("acme = [%s]\nacme-email = \"anna@example.org\"\nacme-directory = %q\nstate = %q\n[[share]]\nprefix = \"/\"\ndir = %q\n",
			names, a.directory, state, dir))
	}
	write(`"Files.Example.org"`)
	args := []string{"--config=" + file, "--listen=127.0.0.1:" + a.port}
	p := start(t, a.trust, args...)
	first, err := a.visit(t, p, "files.example.org")
	must(t, err)
	p.logged(`"msg":"certificate","name":"files.example.org"`)
	if _, err := a.visit(t, p, "stranger.example.org"); err == nil {
		t.Error("a name that is not ours got a certificate")
	}
	if c, err := a.visit(t, p, ""); err != nil || !c.Equal(first) {
		t.Errorf("without a name: %v", err)
	}
	write(`"files.example.org", "more.example.org"`)
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.logged(`"msg":"certificate","name":"more.example.org"`)
	if _, err := a.visit(t, p, "more.example.org"); err != nil {
		t.Error(err)
	}
	write(`"files.example.org"`)
	p.cmd.Process.Signal(syscall.SIGHUP)
	p.loggedAgain(`"msg":"reloaded"`, 1)
	if _, err := a.visit(t, p, "more.example.org"); err == nil {
		t.Error("a name that was taken away has a certificate")
	}
	if c, err := a.visit(t, p, "files.example.org"); err != nil || !c.Equal(first) {
		t.Errorf("the name that stays: %v", err)
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p = start(t, a.trust, args...)
	if c, err := a.visit(t, p, "files.example.org"); err != nil || !c.Equal(first) {
		t.Errorf("after a restart: %v", err)
	}
	filepath.Walk(filepath.Join(state, "tls"), func(path string, fi os.FileInfo, err error) error {
		if err != nil || fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", path, fi.Mode(), err)
		}
		return err
	})
}

// visit asks the server by a name, and trusts the authority alone.
func (a *authority) visit(t *testing.T, p *process, name string) (*x509.Certificate, error) {
	t.Helper()
	res, err := a.client.Get(a.roots)
	must(t, err)
	defer res.Body.Close()
	root, _ := io.ReadAll(res.Body)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	config := &tls.Config{RootCAs: pool, ServerName: name}
	if name == "" {
		config.InsecureSkipVerify = true
	}
	res, _, err = trySend(tlsClient(t, config), "GET", p.url+"/", nil)
	if err != nil {
		return nil, err
	}
	if res.ProtoMajor != 2 || res.StatusCode != 200 {
		t.Errorf("%s: %s %s", name, res.Proto, res.Status)
	}
	return res.TLS.PeerCertificates[0], nil
}

// What the authority refuses is not asked for again at once, and the log says why.
func TestACMEFails(t *testing.T) {
	var asked int
	srv := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(map[string]string{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "not today"})
	})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go srv.Serve(ln)
	defer srv.Close()
	var log strings.Builder
	s := defaultSettings()
	s.acmeDirectory = httpsURL("http://" + ln.Addr().String() + "/")
	a, err := newACME(t.TempDir(), s, newLogger(&log, "text", "info"))
	must(t, err)
	a.use([]string{"files.example.org"})
	now := time.Now()
	for range 3 {
		if _, err := a.obtain("files.example.org", now); err == nil || !strings.Contains(err.Error(), "not today") {
			t.Errorf("the error is %v", err)
		}
	}
	if before := asked; asked == 0 || strings.Count(log.String(), "no certificate by ACME") != 1 {
		t.Errorf("asked %d times, the log says\n%s", before, log.String())
	}
	renewing := a.current().Client
	a.use([]string{"files.example.org", "more.example.org"})
	if a.current().Client != renewing {
		t.Error("a name more, and all begins anew")
	}
	a.use(nil)
	before := asked
	if _, err := renewing.Discover(t.Context()); err == nil || asked != before {
		t.Errorf("a name that was taken away is renewed: %v", err)
	}
	if c, err := a.certificate(&tls.ClientHelloInfo{ServerName: "192.0.2.1"}); err == nil {
		t.Errorf("without names there is a certificate: %v", c)
	}
	if c, err := a.certificate(&tls.ClientHelloInfo{ServerName: "localhost"}); err != nil || c == nil {
		t.Errorf("the watchdog gets no certificate: %v", err)
	}
	for _, bad := range []string{"--acme=*.example.org", "--acme=192.0.2.1", "--acme=localhost", "--acme=a.example --tls-self-signed", "--acme=a.example --acme-directory=nonsense"} {
		args := append([]string{"serve"}, strings.Fields(bad)...)
		if code, _, stderr := call(t.Context(), nil, append(args, t.TempDir())...); code != 2 || !strings.Contains(stderr, "acme") {
			t.Errorf("%s: exit code %d, %s", bad, code, stderr)
		}
	}
}

// The timer of a renewal stands still while the machine sleeps: what is late begins anew, once, and then the log says so.
func TestACMEIsLate(t *testing.T) {
	dir, name := t.TempDir(), "files.example.org"
	text, err := selfSign([]string{name}, time.Now())
	must(t, err)
	blocks := strings.SplitAfter(string(text), "-----END CERTIFICATE-----\n") // the cache has the key first
	writeFile(t, filepath.Join(dir, name), blocks[1]+blocks[0])
	var log strings.Builder
	a, err := newACME(dir, defaultSettings(), newLogger(&log, "text", "info"))
	must(t, err)
	a.use([]string{name})
	told, late := map[string]bool{}, map[string]bool{}
	first := a.current()
	for i, want := range []struct {
		days int
		anew bool
		says string
	}{{1, false, "msg=certificate"}, {200, false, ""}, {380, true, ""}, {381, false, "should have been renewed"}, {1, false, ""}, {390, true, ""}} {
		log.Reset()
		a.look(t.Context(), time.Now().AddDate(0, 0, want.days), told, late)
		if anew := a.current() != first; anew != want.anew || (want.says == "") != (log.Len() == 0) || !strings.Contains(log.String(), want.says) {
			t.Errorf("look %d, after %d days: anew %v, %q", i, want.days, anew, log.String())
		}
		first = a.current()
	}
}
