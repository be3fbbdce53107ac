package main

import (
	"net"
	neturl "net/url"
	"regexp"
	"strings"
)

// dnsNames are names that an authority can give a certificate for, without wildcards, in lower case.
type dnsNames []string

var dnsName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

func (n *dnsNames) String() string { return strings.Join(*n, ",") }
func (n *dnsNames) Type() string   { return "NAMES" }
func (n *dnsNames) accepts() string {
	return "names such as files.example.org, without wildcards, separated by commas"
}

func (n *dnsNames) Set(s string) error {
	names := words(strings.ToLower(s))
	for _, name := range names {
		if !dnsName.MatchString(name) || net.ParseIP(name) != nil {
			return errNotAccepted
		}
	}
	*n = names
	return nil
}

// httpsURL is the URL of a service that has to prove who it is.
type httpsURL string

func (u *httpsURL) String() string  { return string(*u) }
func (u *httpsURL) Type() string    { return "URL" }
func (u *httpsURL) accepts() string { return "a URL that begins with https://" }

func (u *httpsURL) Set(s string) error {
	parsed, err := neturl.Parse(s)
	if err != nil || parsed.Scheme != "https" || parsed.Host == "" {
		return errNotAccepted
	}
	*u = httpsURL(s)
	return nil
}
