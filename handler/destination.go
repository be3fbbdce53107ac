package handler

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// destination is the target that the Destination header field names (an absolute URL, or a path on this
// server), and the Handler whose tree it is in. RFC 4918 §10.3.
//
// Behind a proxy that ends TLS, clients send the public name while Host is an internal one. So the
// path counts, and the host may be the Host, one of Options.Hosts, or what a trusted proxy says that
// the client asked for.
// Errors: 400 without one, or with one that is no URL or too long; 403 for a tree that is read-only; 502 for another server.
func (h *Handler) destination(r *http.Request) (there *Handler, t target, err error) {
	lines := r.Header["Destination"]
	if len(lines) != 1 {
		return nil, t, &statusError{status: http.StatusBadRequest, say: "COPY and MOVE need one Destination field that says where to."}
	}
	u, err := url.Parse(strings.TrimSpace(lines[0]))
	if err != nil || u.Fragment != "" || u.Path == "" && u.Host == "" {
		return nil, t, &statusError{status: http.StatusBadRequest, // without the cause, which may hold a password
			say: "Destination must be an absolute URL, or a path that begins with a slash, percent-encoded."}
	}
	if u.Host != "" && !h.isHost(r, u) || u.Host == "" && u.Scheme != "" {
		return nil, t, &statusError{status: http.StatusBadGateway,
			say: "Destination is on another server; this one copies and moves only what it serves itself."}
	}
	there, t, err = h.find(r, u)
	switch {
	case err == errNoResource:
		return nil, t, &statusError{status: http.StatusBadGateway, say: "Destination is outside what this server serves."}
	case err == errLongName: // 414 is about the URL of the request
		return nil, t, &statusError{status: http.StatusBadRequest, say: "Destination: " + errLongName.say}
	case err != nil:
		return nil, t, err
	case reserved(t.name):
		return nil, t, errReserved(true)
	case there.opts.ReadOnly:
		return nil, t, errReadOnly
	}
	t.name = there.form(r.Context(), t.name, true)
	return there, t, nil
}

// find is parse in this tree, or else in the one of this server that u leads to.
func (h *Handler) find(r *http.Request, u *url.URL) (there *Handler, t target, err error) {
	t, err = h.parse(u)
	if err != errNoResource || h.opts.Elsewhere == nil {
		return h, t, err
	}
	if there = h.opts.Elsewhere(r, u.Path); there == nil {
		return nil, t, err
	}
	t, err = there.parse(u)
	return there, t, err
}

// isHost tells whether u is a URL of this server.
func (h *Handler) isHost(r *http.Request, u *url.URL) bool {
	if u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := bareHost(u.Host)
	is := func(name string) bool { return bareHost(name) == host }
	return is(r.Host) || slices.ContainsFunc(h.opts.Hosts, is) ||
		h.opts.TrustForwarded != nil && h.opts.TrustForwarded(r) && slices.ContainsFunc(forwardedHosts(r.Header), is)
}

// bareHost is a host for comparing: in lower case, without an empty port or the one that http and https imply. The
// scheme is not compared, since a proxy may have ended TLS.
func bareHost(host string) string {
	host = strings.ToLower(strings.TrimSpace(host))
	for _, port := range []string{":", ":80", ":443"} {
		if s, ok := strings.CutSuffix(host, port); ok {
			return s
		}
	}
	return host
}

// forwardedHosts are the hosts that proxies say they were asked for: host= of Forwarded (RFC 7239
// §5.3), and X-Forwarded-Host.
func forwardedHosts(header http.Header) (hosts []string) {
	for pair := range strings.FieldsFuncSeq(joined(header["Forwarded"]), func(c rune) bool { return c == ',' || c == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "host") {
			hosts = append(hosts, strings.Trim(value, `"`))
		}
	}
	if lines := header["X-Forwarded-Host"]; len(lines) > 0 {
		hosts = append(hosts, strings.Split(joined(lines), ",")...)
	}
	return hosts
}
