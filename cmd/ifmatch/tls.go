package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/acme"
)

// security is TLS as the settings say it: with a certificate in files, by ACME, or self-signed. A reload
// exchanges it; connections that are open stay. Safe for concurrent use.
type security struct {
	log    *slog.Logger
	getenv func(string) string
	lns    []net.Listener
	acme   *acmeCerts // nil until it is asked for; from then on for as long as the process
	now    atomic.Pointer[secured]
}

// secured is security as one setup says it; the zero value is none.
type secured struct {
	config *tls.Config
	begin  func()
	end    context.CancelFunc
}

// certSource has the certificate for a handshake, and looks after it until ctx ends.
type certSource interface {
	certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	run(ctx context.Context)
}

// prepare makes what use begins with, so that use cannot fail.
// Errors: one that says that only a restart can do it; those of the certificate.
func (s *security) prepare(set *setup) (*secured, error) {
	if old := s.now.Load(); old != nil && (old.config != nil) != set.tls() {
		return nil, errors.New("it takes a restart to turn TLS on or off")
	}
	if !set.tls() {
		return &secured{}, nil
	}
	source, err := s.source(set)
	if err != nil {
		return nil, err
	}
	n := &secured{config: tlsConfig(source, set)}
	var ctx context.Context
	ctx, n.end = context.WithCancel(context.Background())
	n.begin = func() {
		if s.acme != nil {
			s.acme.use(set.acme) // none, where they come from elsewhere by now
		}
		go source.run(ctx)
	}
	return n, nil
}

// use exchanges what is in use for n.
func (s *security) use(n *secured) {
	if n.begin != nil {
		n.begin()
	}
	if old := s.now.Swap(n); old != nil && old.end != nil {
		old.end()
	}
}

// close ends what looks after the certificates.
func (s *security) close() { s.use(&secured{}) }

func (s *security) source(set *setup) (certSource, error) {
	if set.certs != nil {
		set.certs.log = s.log
		return set.certs, nil
	}
	dir, err := tlsState(set, s.getenv)
	if err != nil {
		return nil, err
	}
	if set.tlsSelfSigned {
		needed, extra := listenNames(s.lns, set.hosts)
		return openSelfSigned(dir, needed, extra, s.log)
	}
	if s.acme == nil {
		s.acme, err = newACME(filepath.Join(dir, "acme"), set.settings, s.log)
		return s.acme, err
	}
	if now := acmeSettings(set.settings); now != s.acme.settings {
		return nil, fmt.Errorf("it takes a restart to change %s to %s", s.acme.settings, now)
	}
	return s.acme, nil
}

// tlsConfig is TLS 1.2 and newer with the ciphers that package tls chooses, and HTTP/2.
func tlsConfig(source certSource, set *setup) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: source.certificate}
	if len(set.acme) > 0 {
		t.NextProtos = append(t.NextProtos, acme.ALPNProto)
	}
	if set.clientCAs != nil {
		t.ClientCAs, t.ClientAuth = set.clientCAs.pool(), tls.VerifyClientCertIfGiven
	}
	return t
}

// server is for http.Server: each handshake is done with what is in use then. It is nil without TLS.
func (s *security) server() *tls.Config {
	if s.now.Load().config == nil {
		return nil
	}
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.now.Load().config, nil }}
}

// tlsState is the directory for certificates that we keep ourselves. With a file of shares it is beside the
// directories of theirs.
// Errors: *usageError when clients could reach it.
func tlsState(set *setup, getenv func(string) string) (string, error) {
	place := set.state
	var err error
	switch {
	case place != "":
	case set.doc == nil && !set.memory:
		place, err = stateDir(set.shares[0].dir, "", getenv)
	default:
		place, err = stateHome(getenv, byFlag)
	}
	if err != nil {
		return "", err
	}
	for _, sh := range set.shares {
		if dir, _, _ := strings.Cut(sh.dir, "{user}"); dir != "" {
			if _, err := stateDir(dir, place, getenv); err != nil {
				return "", err
			}
		}
	}
	return filepath.Abs(filepath.Join(place, "tls"))
}

// tls tells whether HTTPS is served.
func (s *settings) tls() bool { return s.tlsCert != "" || s.tlsSelfSigned || len(s.acme) > 0 }

func (s *settings) scheme() string {
	if s.tls() {
		return "https"
	}
	return "http"
}

// readTLS reads the files of certificates.
// Errors: *usageError.
func (set *setup) readTLS() (err error) {
	if set.tlsCert != "" {
		if set.certs, err = newCerts(set.tlsCert, set.tlsKey, nil); err != nil {
			key := "tls-cert"
			if unread, ok := errors.AsType[*iofs.PathError](err); ok && unread.Path != set.tlsCert {
				key = "tls-key"
			}
			return set.wrong(key, "%v", err)
		}
	}
	if set.tlsClientCA != "" {
		if set.clientCAs, err = readAuthorities(set.tlsClientCA); err != nil {
			return set.wrong("tls-client-ca", "%v", err)
		}
	}
	return nil
}
