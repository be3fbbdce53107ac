package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ifmatch/cmd/ifmatch/client"
)

// A self-signed certificate keeps others from listening; it proves who the server is only to those who have
// compared its fingerprint. So it is kept for as long as it can be: over restarts, and whatever addresses
// come and go.

const (
	selfSignedFor    = 397 * 24 * time.Hour // browsers refuse 398 days and more
	selfSignedMargin = 30 * 24 * time.Hour  // how long before its end it is renewed
)

// ownCert is such a certificate in a file, key and all.
type ownCert struct {
	*certs
	file   string
	needed []string // names and addresses that it has to have
	extra  []string // those that a new one has as well
}

// openSelfSigned finds the certificate in dir, or makes it.
func openSelfSigned(dir string, needed, extra []string, log *slog.Logger) (*ownCert, error) {
	s := &ownCert{file: filepath.Join(dir, "self-signed.pem"), needed: needed, extra: extra}
	if _, err := s.renew(time.Now()); err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	var err error
	s.certs, err = newCerts(s.file, s.file, log)
	return s, err
}

// renew makes a new certificate if the one in the file will not do.
func (s *ownCert) renew(now time.Time) (renewed bool, err error) {
	pair, err := tls.LoadX509KeyPair(s.file, s.file)
	if err == nil && s.good(pair.Leaf, now) {
		return false, nil
	}
	text, err := selfSign(slices.Concat(s.needed, s.extra), now)
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return false, err
	}
	return true, client.ReplaceFile(s.file, 0o600, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

func (s *ownCert) good(leaf *x509.Certificate, now time.Time) bool {
	lacks := func(name string) bool { return leaf.VerifyHostname(name) != nil }
	return !now.Before(leaf.NotBefore) && now.Before(leaf.NotAfter.Add(-selfSignedMargin)) && !slices.ContainsFunc(s.needed, lacks)
}

// run says which certificate it is, and renews it in time, until ctx ends.
func (s *ownCert) run(ctx context.Context) {
	s.tell(s.current(time.Now()).Leaf)
	each(ctx, 12*time.Hour, func() {
		now := time.Now()
		switch renewed, err := s.renew(now); {
		case err != nil:
			s.log.Error("the self-signed certificate could not be renewed", "err", err)
		case renewed:
			s.tell(s.current(now.Add(time.Second)).Leaf)
		}
	})
}

func (s *ownCert) tell(leaf *x509.Certificate) {
	s.log.Info("self-signed certificate: compare its fingerprint before you trust it", "sha256", fingerprint(leaf),
		"names", certNames(leaf), "until", leaf.NotAfter.Format(time.DateOnly))
}

func certNames(leaf *x509.Certificate) string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return strings.Join(names, " ")
}

// fingerprint is what browsers show of a certificate.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}

// selfSign makes a certificate for names and addresses, followed by its key, in PEM.
func selfSign(names []string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "ifmatch"},
		NotBefore: now.Add(-time.Hour), // clocks of clients that are slow
		NotAfter:  now.Add(selfSignedFor - time.Hour - time.Second),
		KeyUsage:  x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...), nil
}

// listenNames are what clients may call this server by: what it was told (needed), and what it can find out.
func listenNames(lns []net.Listener, hosts []string) (needed, extra []string) {
	add := func(to *[]string, name string) {
		name, _, _ = strings.Cut(name, "%") // the zone of an address means nothing to others
		if name != "" && !slices.Contains(needed, name) && !slices.Contains(extra, name) {
			*to = append(*to, name)
		}
	}
	for _, host := range hosts {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		add(&needed, strings.Trim(host, "[]"))
	}
	everywhere := false
	for _, ln := range lns {
		tcp, ok := ln.Addr().(*net.TCPAddr)
		if ok && tcp.IP.IsUnspecified() {
			everywhere = true
		} else if ok {
			add(&needed, tcp.IP.String())
		}
	}
	add(&extra, "localhost")
	if name, err := os.Hostname(); err == nil {
		add(&extra, name)
	}
	if addrs, err := net.InterfaceAddrs(); everywhere && err == nil {
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
				add(&extra, n.IP.String())
			}
		}
	}
	return needed, extra
}
