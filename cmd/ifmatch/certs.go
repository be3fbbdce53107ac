package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certs is the certificate of the server, read again when its files change: whoever renews it need not
// tell us. Safe for concurrent use.
type certs struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	now    *tls.Certificate // guarded by mu, as all below
	stamp  [2]fileStamp
	looked time.Time
	broken [2]fileStamp // of files that did not load when they were looked at last
	told   bool         // the log knows that they are broken
}

type fileStamp struct {
	size  int64
	mtime time.Time
}

// newCerts reads a certificate and its key, which may be in one file.
func newCerts(cert, key string, log *slog.Logger) (*certs, error) {
	c := &certs{cert: cert, key: key, log: log}
	c.stamp = c.stamps() // before the files: what changes meanwhile is read again
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	c.now = &pair
	return c, nil
}

func (c *certs) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current(time.Now()), nil
}

// current looks at the files once a second at most. Half a pair (one file is new, the other is not yet)
// does not load, and then the old one is served on; the log is told when it stays so.
func (c *certs) current(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < time.Second {
		return c.now
	}
	c.looked = now
	stamp := c.stamps()
	if stamp == c.stamp {
		return c.now
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	switch {
	case err == nil:
		c.now, c.stamp, c.broken, c.told = &pair, stamp, [2]fileStamp{}, false
	case stamp != c.broken:
		c.broken, c.told = stamp, false
	case !c.told:
		c.log.Warn("the certificate has changed and cannot be read: the old one stays in use", "err", err)
		c.told = true
	}
	return c.now
}

func (c *certs) stamps() (s [2]fileStamp) {
	for i, file := range []string{c.cert, c.key} {
		if fi, err := os.Stat(file); err == nil {
			s[i] = fileStamp{fi.Size(), fi.ModTime()}
		}
	}
	return s
}

// authorities are those whose client certificates say who one is.
type authorities []*x509.Certificate

// readAuthorities reads certificates in PEM; all of them have to be good.
func readAuthorities(file string) (authorities, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all authorities
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, cert)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: it holds no certificate in PEM", file)
	}
	return all, nil
}

func (a authorities) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range a {
		pool.AddCert(cert)
	}
	return pool
}

// user is the common name of a client certificate whose verified chains end at one of a. A connection, or
// a session that it resumes, may be older than a reload that took its authority away.
func (a authorities) user(state *tls.ConnectionState) string {
	if state == nil {
		return ""
	}
	for _, chain := range state.VerifiedChains {
		for _, ca := range a {
			if chain[len(chain)-1].Equal(ca) {
				return chain[0].Subject.CommonName
			}
		}
	}
	return ""
}

// run tells when the certificate was not renewed in time: that is for whoever owns the files.
func (c *certs) run(ctx context.Context) {
	each(ctx, 12*time.Hour, func() {
		if say := c.trouble(time.Now()); say != "" {
			c.log.Error(say, "file", c.cert)
		}
	})
}

// trouble says what is wrong with the time for which the certificate is good; "" for nothing.
func (c *certs) trouble(now time.Time) string {
	leaf := c.current(now).Leaf
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		return "the certificate ended on " + leaf.NotAfter.Format(time.DateOnly) + ", and clients refuse it"
	case now.Before(leaf.NotBefore):
		return "the certificate begins on " + leaf.NotBefore.Format(time.DateOnly) + ", and clients refuse it until then"
	case left < leaf.NotAfter.Sub(leaf.NotBefore)/10:
		return "the certificate ends on " + leaf.NotAfter.Format(time.DateOnly) + ", and should have been renewed by now"
	}
	return ""
}
