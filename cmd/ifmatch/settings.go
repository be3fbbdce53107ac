package main

import (
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/crypto/acme"
)

// settings is what a server is told: the value of each flag of serve.
type settings struct {
	listen          address
	metrics         localAddress
	etag            choice
	hashLimit       size
	hashRate        size
	noNotify        bool
	proxyTags       bool
	trustPages      bool
	durability      choice
	state           string
	requireIfMatch  choice
	readOnly        bool
	maxUpload       size
	owner           account
	group           account
	umask           umask
	quota           size
	maxInfinite     count
	logFormat       choice
	logLevel        choice
	memory          bool
	shutdownTimeout duration
	idleTimeout     duration
	headerTimeout   duration
	config          string
	users           string
	noAuth          bool
	allowRoot       bool
	tlsCert         string
	tlsKey          string
	tlsClientCA     string
	tlsSelfSigned   bool
	acme            dnsNames
	acmeEmail       string
	acmeDirectory   httpsURL
	hosts           hostNames
	trustedProxies  networks
	userHeader      string
	proxyProtocol   bool
}

func defaultSettings() *settings {
	return &settings{
		listen:          address{"tcp", "127.0.0.1:8080"},
		etag:            choice{"stat", []string{"stat", "content"}},
		hashLimit:       256 << 20,
		hashRate:        100 << 20,
		group:           account{group: true},
		maxInfinite:     250_000,
		durability:      choice{"full", []string{"full", "none"}},
		requireIfMatch:  choice{"off", []string{"off", "warn", "on"}},
		logFormat:       choice{"text", []string{"text", "json"}},
		logLevel:        choice{"info", []string{"info", "warn", "error"}},
		shutdownTimeout: duration(30 * time.Second),
		idleTimeout:     duration(2 * time.Minute),
		headerTimeout:   duration(20 * time.Second),
		acmeDirectory:   acme.LetsEncryptURL,
	}
}

// flags makes each setting a flag.
func (s *settings) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.SortFlags = false
	f.Var(&s.listen, "listen", "where to listen: host:port, :port for every interface, or unix:/path")
	f.Var(&s.metrics, "metrics", "where to serve /metrics (Prometheus), /healthz and /readyz, to this machine only: 127.0.0.1:port or unix:/path")
	f.Var(&s.etag, "etag", "what an ETag is made of; stat: device, inode, size and times of the file; content: SHA-256 of its bytes")
	f.Var(&s.hashLimit, "hash-limit", "with --etag content: a HEAD of a larger file that has not been hashed yet is answered without ETag, until the background hasher has read it; a GET, and a request that depends on the ETag, wait for the hash; 0 for no limit")
	f.Var(&s.hashRate, "hash-rate", "with --etag content: bytes a second that the background hasher reads; 0 for no limit")
	f.BoolVar(&s.noNotify, "no-notify", false, "do not ask the system to report changes by other programs; the answers are the same")
	f.BoolVar(&s.proxyTags, "proxy-tags", false, "accept our own ETag in If-Match as compressing proxies rewrite it: W/\"t\", \"t-gzip\", \"t;br\"")
	f.BoolVar(&s.trustPages, "trust-pages", false, "let HTML and SVG files run as pages of this server: whoever may write one can act with the rights of everybody who opens it")
	f.Var(&s.durability, "durability", "full: an acknowledged write survives a power cut; none: the system writes it to the disk when it likes")
	f.StringVar(&s.state, "state", "", "directory for locks and properties (default: one for each DIR in $STATE_DIRECTORY, or in ifmatch in $XDG_STATE_HOME or ~/.local/state)")
	f.Var(&s.requireIfMatch, "require-if-match", "an overwrite or DELETE without a condition is allowed (off), allowed with a warning in the log (warn), or answered 428 (on)")
	f.BoolVar(&s.readOnly, "read-only", false, "refuse every change")
	f.Var(&s.maxInfinite, "max-infinite", "the most members that a PROPFIND with Depth infinity may list; a longer listing is refused")
	f.Var(&s.maxUpload, "max-upload", "largest file that can be uploaded, such as 10GiB; 0 for no limit")
	f.Var(&s.owner, "owner", "user who owns new files and collections, by name or number; needs privileges (Linux)")
	f.Var(&s.group, "group", "group of new files and collections, by name or number; one that the server is not in needs privileges (Linux)")
	f.Var(&s.umask, "umask", "permissions that new files and collections do not get, such as 0027; without one, that of the process (Linux)")
	f.Var(&s.quota, "quota", "how much the files of DIR, of each share and of each home may hold together, such as 100GiB; 0 for no limit")
	f.BoolVar(&s.memory, "memory", false, "serve an empty tree in memory, for trying things out; takes no DIR")
	f.Var(&s.logFormat, "log-format", "text or json, on standard error")
	f.Var(&s.logLevel, "log-level", "info: a line for each request; warn: only what needs attention; error: only what failed in the server")
	f.Var(&s.shutdownTimeout, "shutdown-timeout", "how long requests in flight may take to finish after SIGTERM or SIGINT; a second signal ends them at once; 0 for no bound")
	f.Var(&s.idleTimeout, "idle-timeout", "close a connection on which nothing has moved for this long; a transfer that moves is never cut off; 0 for never")
	f.Var(&s.headerTimeout, "header-timeout", "how long a client may take to send the header of a request; 0 for no bound")
	f.StringVar(&s.config, "config", "", "file of settings, users and shares in TOML, instead of DIR; flags and environment beat it")
	f.StringVar(&s.users, "users", "", "file of users and password hashes, as ifmatch passwd writes it; without one nobody has to log in")
	f.BoolVar(&s.allowRoot, "allow-root", false, "let root run it with a configuration file, as a service or for other machines; without it root may only try things out on loopback")
	f.BoolVar(&s.noAuth, "no-auth", false, "let other machines connect although nobody has to log in")
	f.StringVar(&s.tlsCert, "tls-cert", "", "serve HTTPS with the certificate and its chain in this file (PEM), which is read again when it changes")
	f.StringVar(&s.tlsKey, "tls-key", "", "file with the private key (PEM)")
	f.StringVar(&s.tlsClientCA, "tls-client-ca", "", "file of authorities (PEM) whose client certificates log in: the common name is the user")
	f.BoolVar(&s.tlsSelfSigned, "tls-self-signed", false, "serve HTTPS with a certificate that the server makes and keeps; the log shows its fingerprint, for people to compare")
	f.Var(&s.acme, "acme", "serve HTTPS with certificates for these names, obtained by ACME; port 443 of each has to lead here; you agree to the authority's terms")
	f.StringVar(&s.acmeEmail, "acme-email", "", "address at which the authority can reach you")
	f.Var(&s.acmeDirectory, "acme-directory", "URL of the authority")
	f.Var(&s.hosts, "hosts", "names of this server: accepted in Destination besides the one in Host, put into a self-signed certificate, and allowed to browsers where nobody has to log in")
	f.Var(&s.trustedProxies, "trusted-proxies", "addresses of proxies whose Forwarded and X-Forwarded-* are believed")
	f.StringVar(&s.userHeader, "user-header", "", "header field in which a trusted proxy says who has logged in")
	f.BoolVar(&s.proxyProtocol, "proxy-protocol", false, "connections from trusted proxies begin with the PROXY protocol, which says who the client is")
	return f
}
