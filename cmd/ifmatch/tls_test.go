//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TLS: HTTP/2, a certificate that is renewed, and a user by certificate.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	ca, pair := selfSigned(t, "anna", cert, key)
	other := t.TempDir()
	p := start(t, nil, "--tls-cert="+cert, "--tls-key="+key, "--tls-client-ca="+cert, other)
	serial := func(certs ...tls.Certificate) (*http.Response, *big.Int) {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca, Certificates: certs}, ForceAttemptHTTP2: true}
		defer tr.CloseIdleConnections()
		res, _, err := trySend(&http.Client{Transport: tr}, "GET", p.url+"/", nil)
		must(t, err)
		return res, res.TLS.PeerCertificates[0].SerialNumber
	}
	res, first := serial()
	if res.StatusCode != 401 || res.ProtoMajor != 2 {
		t.Errorf("without a certificate: %s %s", res.Proto, res.Status)
	}
	if res, _ = serial(pair); res.StatusCode != 200 {
		t.Errorf("with a certificate: %s", res.Status)
	}
	renewed, _ := selfSigned(t, "anna", cert, key)
	ca = renewed
	time.Sleep(1100 * time.Millisecond)
	if _, second := serial(); second.Cmp(first) == 0 {
		t.Error("the old certificate is served on")
	}
}

// tlsClient keeps one connection, or sessions if it is told to let connections go.
func tlsClient(t testing.TB, config *tls.Config) *http.Client {
	tr := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// SIGHUP applies other names of certificate files, and other authorities: also to connections that are
// open and to sessions that are resumed. Files that are broken change nothing.
func TestReloadTLS(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	ca1, anna := selfSigned(t, "anna", file("crt1"), file("key1"))
	ca2, ben := selfSigned(t, "ben", file("crt2"), file("key2"))
	writeFile(t, file("broken"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	write := func(cert, key, ca string) {
		writeFile(t, file("toml"), "tls-cert = \""+file(cert)+"\"\ntls-key = \""+file(key)+"\"\ntls-client-ca = \""+file(ca)+"\"\n[[share]]\nprefix = \"/\"\ndir = \""+t.TempDir()+"\"\n")
	}
	write("crt1", "key1", "crt1")
	p := start(t, nil, "--config="+file("toml"))
	both := x509.NewCertPool()
	for _, pair := range []tls.Certificate{anna, ben} {
		both.AddCert(pair.Leaf)
	}
	is := func(c *http.Client, status int, issuer string) {
		t.Helper()
		res, _, err := trySend(c, "GET", p.url+"/", nil)
		if err != nil || res.StatusCode != status || res.TLS.PeerCertificates[0].Subject.CommonName != issuer {
			t.Fatalf("%v %v, want %d and the certificate of %s", res, err, status, issuer)
		}
	}
	kept := tlsClient(t, &tls.Config{RootCAs: ca1, Certificates: []tls.Certificate{anna}})
	resumed := tlsClient(t, &tls.Config{RootCAs: both, Certificates: []tls.Certificate{anna}, ClientSessionCache: tls.NewLRUClientSessionCache(8)})
	is(kept, 200, "anna")
	is(resumed, 200, "anna")
	reload := func(says string) {
		t.Helper()
		p.cmd.Process.Signal(syscall.SIGHUP)
		p.logged(says)
	}
	for _, names := range [][3]string{{"crt2", "key1", "crt1"}, {"crt1", "key1", "broken"}, {"broken", "key1", "crt1"}, {"none", "key1", "crt1"}} {
		write(names[0], names[1], names[2])
		p.mu.Lock()
		p.log = nil
		p.mu.Unlock()
		reload("the old configuration stays")
		is(tlsClient(t, &tls.Config{RootCAs: ca1, Certificates: []tls.Certificate{anna}}), 200, "anna")
	}
	write("crt2", "key2", "crt2")
	reload(`"msg":"reloaded"`)
	is(tlsClient(t, &tls.Config{RootCAs: ca2, Certificates: []tls.Certificate{ben}}), 200, "ben")
	is(kept, 401, "anna") // its connection stays, and its name does not
	resumed.CloseIdleConnections()
	is(resumed, 401, "ben")
	writeFile(t, file("toml"), "[[share]]\nprefix = \"/\"\ndir = \""+t.TempDir()+"\"\n")
	reload("it takes a restart to turn TLS on or off")
}

// A file that changes into something broken is said once, and changes nothing.
func TestBrokenCertificateFile(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "crt"), filepath.Join(dir, "key")
	selfSigned(t, "old", cert, key)
	var log strings.Builder
	c, err := newCerts(cert, key, newLogger(&log, "text", "info"))
	must(t, err)
	now := time.Now()
	look := func(want string) {
		t.Helper()
		now = now.Add(2 * time.Second)
		if got := c.current(now).Leaf.Subject.CommonName; got != want {
			t.Errorf("the certificate of %s is served, want %s", got, want)
		}
	}
	writeFile(t, cert, "half")
	for range 4 {
		look("old")
	}
	if n := strings.Count(log.String(), "the old one stays in use"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
	selfSigned(t, "new", cert, key)
	look("new")
}

// Nothing else tells the operator that nobody renews the certificate.
func TestCertificateThatIsNotRenewed(t *testing.T) {
	made := time.Now()
	text, err := selfSign([]string{"files.example"}, made)
	must(t, err)
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "pem"), string(text))
	c, err := newCerts(file, file, newLogger(io.Discard, "text", "info"))
	must(t, err)
	for age, want := range map[time.Duration]string{
		-2 * time.Hour: "begins on", 0: "", selfSignedFor / 2: "",
		selfSignedFor * 11 / 12: "should have been renewed", selfSignedFor + time.Hour: "ended on",
	} {
		if got := c.trouble(made.Add(age)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%v old: %q, want %q", age, got, want)
		}
	}
	text, err = selfSign([]string{"127.0.0.1"}, made.Add(-selfSignedFor))
	must(t, err)
	writeFile(t, file, string(text))
	config := writeFile(t, filepath.Join(dir, "toml"), "tls-cert = \""+file+"\"\ntls-key = \""+file+"\"\n[[share]]\nprefix = \"/\"\ndir = \""+t.TempDir()+"\"\n")
	if code, _, stderr := call(t.Context(), nil, "check-config", config); code != 0 || !strings.Contains(stderr, file+": the certificate ended on") {
		t.Errorf("check-config: exit code %d, %s", code, stderr)
	}
	start(t, nil, "--config="+config).logged("the certificate ended on")
}

func TestSelfSigned(t *testing.T) {
	state, dir := t.TempDir(), t.TempDir()
	args := []string{"--tls-self-signed", "--hosts=files.example", "--state=" + state, dir}
	p := start(t, nil, args...)
	file := filepath.Join(state, "tls", "self-signed.pem")
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("%s: %v %v", file, fi, err)
	}
	text, _ := os.ReadFile(file)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	seen := func(p *process) string {
		t.Helper()
		res, _, err := trySend(tlsClient(t, &tls.Config{RootCAs: pool}), "GET", p.url+"/", nil)
		if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 {
			t.Fatalf("%v %v", res, err)
		}
		leaf := res.TLS.PeerCertificates[0]
		for _, name := range []string{"127.0.0.1", "localhost", "files.example"} {
			if err := leaf.VerifyHostname(name); err != nil {
				t.Error(err)
			}
		}
		if days := leaf.NotAfter.Sub(leaf.NotBefore).Hours() / 24; days > 397 || days < 390 {
			t.Errorf("it is good for %v days", days)
		}
		p.logged(`"sha256":"` + fingerprint(leaf) + `"`)
		return fingerprint(leaf)
	}
	first := seen(p)
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(first) {
		t.Errorf("the fingerprint is %s", first)
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if second := seen(start(t, nil, args...)); second != first {
		t.Errorf("after a restart it is %s, before it was %s", second, first)
	}
}

func TestSelfSignedIsRenewed(t *testing.T) {
	log := newLogger(os.Stderr, "text", "error")
	for _, tt := range []struct {
		what    string
		age     time.Duration
		names   []string
		renewed bool
	}{
		{"new", 0, []string{"a.example", "192.0.2.1", "extra"}, false},
		{"old enough", selfSignedFor - selfSignedMargin + time.Hour, []string{"a.example", "192.0.2.1"}, true},
		{"not yet", selfSignedFor - selfSignedMargin - 3*time.Hour, []string{"a.example", "192.0.2.1"}, false},
		{"ended", selfSignedFor + time.Hour, []string{"a.example", "192.0.2.1"}, true},
		{"without a name that it has to have", 0, []string{"a.example"}, true},
	} {
		dir := t.TempDir()
		old, err := selfSign(tt.names, time.Now().Add(-tt.age))
		must(t, err)
		writeFile(t, filepath.Join(dir, "self-signed.pem"), string(old))
		s, err := openSelfSigned(dir, []string{"a.example", "192.0.2.1"}, []string{"other"}, log)
		must(t, err)
		now, _ := os.ReadFile(s.file)
		if (string(now) != string(old)) != tt.renewed || !s.good(s.current(time.Now()).Leaf, time.Now()) {
			t.Errorf("%s: renewed is not %v, or it is no good", tt.what, tt.renewed)
		}
	}
}

// selfSigned writes a new certificate for 127.0.0.1 and for a client.
func selfSigned(t testing.TB, name, certFile, keyFile string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	writeFile(t, certFile, string(certPEM))
	writeFile(t, keyFile, string(keyPEM))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	must(t, err)
	return pool, pair
}
