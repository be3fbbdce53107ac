//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// A header that is too large is answered, and what else its connection carries goes on.
func TestLargeHeaderIsAnswered(t *testing.T) {
	url, ca := serveTLS(t)
	for _, proto := range []int{1, 2} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca}, ForceAttemptHTTP2: proto == 2}
		t.Cleanup(tr.CloseIdleConnections)
		c := &http.Client{Transport: tr}
		content, more := io.Pipe()
		upload := make(chan *http.Response, 1)
		go func() {
			res, _, err := trySend(c, "PUT", url+"/upload", content)
			if err != nil {
				t.Error(err)
			}
			upload <- res
		}()
		io.WriteString(more, "half of it")
		for _, sizeBytes := range []int{30_000, 34_000, 64 << 10, 70_000} {
			want := http.StatusRequestHeaderFieldsTooLarge
			if sizeBytes < maxHeader {
				want = http.StatusPreconditionFailed
			}
			header := strings.Repeat("(<urn:x>)", sizeBytes/len("(<urn:x>)"))
			res, _, err := trySend(c, "PUT", url+"/a", strings.NewReader("x"), "If", header)
			if err != nil || res.ProtoMajor != proto || res.StatusCode != want {
				t.Fatalf("HTTP/%d, an If header of %d bytes: got %v, %v, want %d", proto, len(header), res, err, want)
			}
		}
		io.WriteString(more, ", and the other half")
		more.Close()
		if res := <-upload; res != nil {
			wantStatus(t, res, 201, 204)
		}
	}
}

// maxHeader is what the handler takes.
const maxHeader = 32 << 10

// serveTLS starts a server of an empty tree over TLS.
func serveTLS(t *testing.T) (url string, ca *x509.CertPool) {
	t.Helper()
	h, err := handler.New(etagfs.New(fs.NewMemory(), etagfs.Options{}), handler.Options{})
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	dir := t.TempDir()
	ca, pair := selfSigned(t, "here", filepath.Join(dir, "crt"), filepath.Join(dir, "key"))
	srv := newServer(h, &settings{}, slog.New(slog.DiscardHandler))
	srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	t.Cleanup(func() { srv.Close() })
	go srv.ServeTLS(ln, "", "")
	return "https://" + ln.Addr().String(), ca
}
