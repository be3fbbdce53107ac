package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	iofs "io/fs"
	"os"
	"sync"
	"time"
)

// certs is the certificate of the server, read again when its files change: whoever renews it need not
// tell us. Safe for concurrent use.
type certs struct {
	cert, key string
	clients   *x509.CertPool // nil: no client certificates

	mu     sync.Mutex
	now    *tls.Certificate // guarded by mu, as all below
	stamp  [2]fileStamp
	looked time.Time
}

type fileStamp struct {
	size  int64
	mtime time.Time
}

// newCerts reads the files that s names.
func newCerts(s *settings) (*certs, error) {
	c := &certs{cert: s.tlsCert, key: s.tlsKey}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	c.now, c.stamp = &pair, c.stamps()
	if s.tlsClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(s.tlsClientCA)
	if err != nil {
		return nil, err
	}
	c.clients = x509.NewCertPool()
	if !c.clients.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in PEM is in it", s.tlsClientCA)
	}
	return c, nil
}

// config is TLS 1.2 and newer with the ciphers that package tls chooses, and HTTP/2.
func (c *certs) config() *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current(time.Now()), nil }}
	if c.clients != nil {
		t.ClientCAs, t.ClientAuth = c.clients, tls.VerifyClientCertIfGiven
	}
	return t
}

// current looks at the files once a second at most. Half a pair (one file is new, the other is not yet)
// does not load, and then the old one is served on.
func (c *certs) current(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < time.Second {
		return c.now
	}
	c.looked = now
	if stamp := c.stamps(); stamp != c.stamp {
		if pair, err := tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.now, c.stamp = &pair, stamp
		}
	}
	return c.now
}

func (c *certs) stamps() (s [2]fileStamp) {
	for i, file := range []string{c.cert, c.key} {
		if fi, err := os.Stat(file); err == nil {
			s[i] = stampOf(fi)
		}
	}
	return s
}

func stampOf(fi iofs.FileInfo) fileStamp { return fileStamp{fi.Size(), fi.ModTime()} }
