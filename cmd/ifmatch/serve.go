package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

func newServe(getenv func(string) string) *cobra.Command {
	s := defaultSettings()
	cmd := &cobra.Command{
		Use:   "serve [flags] DIR",
		Short: "Serve a directory",
		Long: `Serve DIR over HTTP and WebDAV until SIGTERM or SIGINT.

With --config FILE it serves the shares that FILE names. SIGHUP makes it read FILE again.

Every flag can also be given as an environment variable: --max-upload 10GiB is
IFMATCH_MAX_UPLOAD=10GiB. A flag beats its variable.

At start DIR is tried, and a line in the log says what its file system can and cannot do.
Exit codes: 0 after a signal, 1 when something failed, 2 when the command line or the
configuration is wrong.`,
		Example: `  ifmatch serve ~/notes
  ifmatch serve --config /etc/ifmatch/ifmatch.toml
  ifmatch serve --listen :8080 --users users --require-if-match on --max-upload 10GiB /srv/share
  ifmatch serve --listen unix:/run/ifmatch/socket --log-format json /srv/share
  ifmatch serve --memory`,
		PreRunE: func(cmd *cobra.Command, args []string) error {
			if s.memory || s.config != "" {
				if len(args) > 0 { // a variable may have said so, unseen
					return usagef("serve: takes no argument with --config (IFMATCH_CONFIG) or --memory (IFMATCH_MEMORY), not %q", args[0])
				}
				return nil
			}
			return oneArg("the directory to serve")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			src := newSource(cmd.Flags(), append(args, "")[0])
			set, err := src.parse() // the file says how to log, too
			if err != nil {
				return err
			}
			signal.Ignore(syscall.SIGPIPE) // that nobody reads the log any more is no reason to end
			log := newLogger(cmd.ErrOrStderr(), set.logFormat.value, set.logLevel.value)
			for _, name := range unknownVariables(cmd.Root(), os.Environ()) {
				log.Warn("no flag has this environment variable; is it mistyped?", "variable", name)
			}
			return serve(cmd.Context(), src, log, getenv)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(s.flags())
	return cmd
}

// heapFloor is what the garbage collector takes for live beside what is. A server at rest has a heap so small that a
// thousand requests fill it again, and each collection then costs as much as dozens of them. Nobody writes to these
// bytes, so they take no memory; what is let grow instead is the garbage, by as many bytes at most.
const heapFloor = 8 << 20

// serve serves what src says until ctx is cancelled. Everything that can be wrong with the settings is found before a
// request is taken.
func serve(ctx context.Context, src source, log *slog.Logger, getenv func(string) string) error {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	set, err := src.load()
	if err != nil {
		return err
	}
	if err := set.asRoot(os.Geteuid(), log, getenv); err != nil {
		return err
	}
	set.logRemarks(log)
	site := newSite(log, getenv)
	defer site.close()
	if err := site.use(set); err != nil {
		return err
	}
	site.began = set.settings
	lns, err := openListeners(set.settings)
	if err != nil {
		return err
	}
	secure := &security{log: log, getenv: getenv, lns: slices.Clone(lns)}
	defer secure.close()
	var first *secured
	if err = set.guarded(onlyLocal(lns...)); err == nil {
		first, err = secure.prepare(set)
	}
	var m *metrics
	if err == nil {
		m, err = openMetrics(set.settings, site)
	}
	if err != nil {
		for _, ln := range lns {
			ln.Close()
		}
		return err
	}
	secure.use(first)
	stop := reloadOnHangup(ctx, src, site, secure, log)
	defer stop()
	if m != nil {
		log.Info("metrics", "url", url(m.ln, "http"))
	}
	announce(lns, set, log)
	if set.proxyProtocol {
		for i, ln := range lns {
			lns[i] = newProxyListener(ln, time.Duration(set.headerTimeout), site.trusts)
		}
	}
	close(site.dirs.listening)
	return serveHTTP(ctx, lns, site, set.settings, secure.server(), m, log)
}

func treeSettings(s *settings) etagfs.Settings {
	hashLimit := int64(s.hashLimit)
	if hashLimit == 0 {
		hashLimit = -1 // a size of 0 is no limit, and to etagfs the one that it chooses
	}
	return etagfs.Settings{
		Relaxed:        relaxed(s),
		Content:        s.etag.value == "content",
		HashLimitBytes: hashLimit,
		NoNotify:       s.noNotify,
		QuotaBytes:     int64(s.quota),
	}
}

func relaxed(s *settings) bool { return s.durability.value == "none" }

func handlerOptions(s *settings, log *slog.Logger) handler.Options {
	return handler.Options{
		ReadOnly:       s.readOnly,
		RequireIfMatch: map[string]handler.Policy{"off": handler.PolicyOff, "warn": handler.PolicyWarn, "on": handler.PolicyOn}[s.requireIfMatch.value],
		MaxUploadBytes: int64(s.maxUpload),
		MaxInfinite:    int(s.maxInfinite),
		ProxyTags:      s.proxyTags,
		TrustPages:     s.trustPages,
		Log:            log,
	}
}

// openTree opens what is served, or says in one sentence why it cannot.
func openTree(dir string, s *settings, log *slog.Logger) (fs.FS, error) {
	if s.memory {
		return fs.NewMemory(), nil
	}
	if err := directoryAt(dir); err != nil {
		return nil, err
	}
	o := rootOptions(s)
	o.Left = func(path string, err error) {
		log.Warn("what was deleted could not be removed and takes up space: remove it, or the next start will try again", "path", path, "err", err)
	}
	base, err := fs.OpenRoot(dir, o)
	if errors.Is(err, iofs.ErrPermission) {
		return nil, fmt.Errorf("%s: no permission to open it", dir)
	}
	return base, err
}

// directoryAt says in one sentence why dir is no directory that could be served.
func directoryAt(dir string) error {
	switch fi, err := os.Stat(dir); {
	case errors.Is(err, iofs.ErrNotExist):
		return usagef("%s: there is no such directory", dir)
	case errors.Is(err, iofs.ErrPermission):
		return fmt.Errorf("%s: no permission to open it", dir)
	case errors.Is(err, syscall.ENOTDIR), err == nil && !fi.IsDir():
		return usagef("%s: is not a directory", dir)
	case err != nil:
		return fmt.Errorf("%s: %w", dir, errors.Unwrap(err))
	}
	return nil
}

// announce says what is served where, and warns when strangers could reach it.
func announce(lns []net.Listener, set *setup, log *slog.Logger) {
	if set.doc == nil {
		log.Info("serving", "url", urls(lns, set.scheme()), "dir", set.shares[0].dir, "etag", set.etag.value, "durability", set.durability.value,
			"require_if_match", set.requireIfMatch.value, "read_only", set.readOnly)
	} else {
		for _, sh := range set.shares {
			log.Info("share", "prefix", sh.prefix, "dir", sh.dir, "etag", sh.etag.value, "durability", sh.durability.value,
				"require_if_match", sh.requireIfMatch.value, "read_only", sh.readOnly)
		}
		log.Info("serving", "url", urls(lns, set.scheme()), "config", set.config, "shares", len(set.shares))
	}
	switch local := onlyLocal(lns...); {
	case local:
	case !set.canLogIn():
		log.Warn("everybody who can reach this address can read and change the files: there is no password")
	case set.settings.users != "" && !set.tls():
		log.Warn("passwords travel in the clear: turn TLS on, or put a proxy with TLS in front")
	}
}

// sweep removes what a crash left behind; requests are answered meanwhile.
func sweep(base fs.FS, log *slog.Logger) {
	n, err := base.Sweep()
	if err != nil {
		log.Warn("sweep after start", "removed", n, "err", err)
	} else if n > 0 {
		log.Info("swept what a crash left behind", "removed", n)
	}
}

// closeAfter closes base, if it is still being swept then when that has ended: nobody waits for the sweep of a large tree.
func closeAfter(base fs.FS, swept <-chan struct{}) {
	select {
	case <-swept:
		base.Close()
	default:
		go func() {
			<-swept
			base.Close()
		}()
	}
}
