package main

import (
	"net"
	"net/http"
	"net/netip"
	neturl "net/url"
	"slices"
	"strings"
)

// misled tells whether a request may come from a page of another site. Where nobody has to log in since only this
// machine can connect, a browser on it can: a site whose name leads here by the time that its page asks again (DNS
// rebinding) is to the browser this server, and may read and write it all. Host has that name then. Names without a
// dot are nobody's out there. Each browser sends Accept-Language, which no page can take away; programs that do not are
// no browsers, and may call the server what they like.
func (g *generation) misled(r *http.Request) bool {
	_, tcp := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr) // no browser asks by a Unix socket
	if !tcp || r.TLS != nil || r.Header["Accept-Language"] == nil || g.canLogIn() || g.noAuth || g.trusted(r) {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower((&neturl.URL{Host: r.Host}).Hostname()), ".")
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") {
		return false
	}
	return !slices.ContainsFunc(g.hosts, func(name string) bool { return strings.EqualFold(name, host) || strings.EqualFold(name, r.Host) })
}
