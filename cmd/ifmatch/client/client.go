// Package client edits resources of any HTTP server that has ETags, without losing what others wrote.
//
// It promises that it never overwrites or deletes a state that its user has not seen: a create says If-None-Match: *,
// an overwrite or delete says If-Match with the entity-tag of the state it builds on, and where no such tag is known
// it refuses, unless it is told to force. The promise is as good as the server: one that ignores preconditions loses
// edits all the same (the doctor command finds out).
//
// Client has the requests; Get, Put and Edit are the ways in, and Memory keeps the tags between them.
package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Options say how to reach servers. The zero value works without credentials and progress, for what needs no Memory.
type Options struct {
	User, Password string                                    // for every server; empty for those of Login
	Login          func(host string) (user, password string) // for example from a netrc file; may be nil
	CACert         string                                    // file of further certificates to trust
	Agent          string                                    // User-Agent
	Progress       func(what string, sizeBytes int64) io.WriteCloser
	Memory         Memory
}

// Client sends requests. It is safe for concurrent use.
type Client struct {
	Options
	http       *http.Client
	tls        *tls.Config
	settleTime time.Duration // how long a server may mark the tag of a changed file weak
}

// New makes a client. Errors: a CACert that cannot be read or holds no certificate.
func New(o Options) (*Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// A body that was unpacked on the way is not the representation that the tag names.
	t.DisableCompression = true
	t.ResponseHeaderTimeout = 5 * time.Minute // an fsync of a large upload may take its time
	t.ExpectContinueTimeout = 2 * time.Second
	t.MaxIdleConnsPerHost = 32
	trusted := &tls.Config{}
	if o.CACert != "" {
		pool, err := trust(o.CACert)
		if err != nil {
			return nil, err
		}
		trusted.RootCAs = pool
	}
	t.TLSClientConfig = trusted.Clone()
	return &Client{
		Options:    o,
		http:       &http.Client{Transport: t, CheckRedirect: readsOnly},
		tls:        trusted,
		settleTime: 4 * time.Second,
	}, nil
}

func trust(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return pool, nil
}

// readsOnly follows redirects of GET and HEAD. A write goes to the URL that was named or nowhere: following some
// redirects would even turn it into a GET that looks like success.
func readsOnly(r *http.Request, via []*http.Request) error {
	if m := via[0].Method; m != http.MethodGet && m != http.MethodHead {
		return http.ErrUseLastResponse
	}
	if len(via) >= 10 {
		return fmt.Errorf("%s: more than 10 redirects", via[0].URL.Redacted())
	}
	return nil
}

// ParseURL accepts what the commands accept: an absolute http or https URL with a host, without fragment.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil && strings.Contains(s, "://"):
		return nil, fmt.Errorf("%q is not a URL: %w", s, errors.Unwrap(err))
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL that begins with http:// or https://", s)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is not a URL that begins with http:// or https:// and names a host", u.Redacted())
	case u.Fragment != "":
		return nil, fmt.Errorf("%q has a fragment; a # in a name is written %%23", u.Redacted())
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// Condition is what must hold for a request to be carried out. RFC 9110 §13.1.1, §13.1.2.
type Condition struct{ IfMatch, IfNoneMatch string }

func (c Condition) set(h http.Header) {
	if c.IfMatch != "" {
		h.Set("If-Match", c.IfMatch)
	}
	if c.IfNoneMatch != "" {
		h.Set("If-None-Match", c.IfNoneMatch)
	}
}

// Request builds a request with credentials. The body may be nil.
func (c *Client) Request(ctx context.Context, method string, u *url.URL, body io.Reader) (*http.Request, error) {
	bare := *u
	bare.User = nil
	r, err := http.NewRequestWithContext(ctx, method, bare.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", c.Agent)
	if method != http.MethodGet {
		r.Header.Set("Accept", "text/plain, */*;q=0.5") // for the sentence in an error answer
	}
	user, password := c.User, c.Password
	if user == "" && u.User != nil {
		user = u.User.Username()
		password, _ = u.User.Password()
	}
	if user == "" && c.Login != nil {
		user, password = c.Login(u.Hostname())
	}
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	return r, nil
}

// Send sends a request and returns whatever is answered; redirects of reads are followed.
func (c *Client) Send(r *http.Request) (*http.Response, error) { return c.http.Do(r) }

// Dial opens a bare connection to the host of u, over TLS for https.
func (c *Client) Dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	addr := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "https" {
		d := tls.Dialer{Config: c.tls}
		return d.DialContext(ctx, "tcp", addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// do sends a request. Answers that are neither 2xx nor 304 become a *StatusError.
func (c *Client) do(r *http.Request) (*http.Response, error) {
	res, err := c.http.Do(r)
	if ue, ok := errors.AsType[*url.Error](err); ok { // says Propfind, which nobody sent
		err = fmt.Errorf("%s %s: %w", r.Method, r.URL.Redacted(), ue.Err)
	}
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 == 2 || res.StatusCode == http.StatusNotModified {
		return res, nil
	}
	defer res.Body.Close()
	return nil, statusError(r, res)
}

// drain reads what is left of a short answer, so that its connection can be used again.
func drain(res *http.Response) {
	io.CopyN(io.Discard, res.Body, 64<<10)
	res.Body.Close()
}
