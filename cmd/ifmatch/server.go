package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"ifmatch/handler"
)

// serveHTTP answers requests on lns with h until ctx is cancelled, then stops accepting and lets
// the requests in flight finish, for at most s.shutdownTimeout. secure is nil without TLS,
// and m without metrics. It tells the service manager.
func serveHTTP(ctx context.Context, lns []net.Listener, h http.Handler, s *settings, secure *tls.Config, m *metrics, log *slog.Logger) error {
	dog := newWatchdog(manager{log})
	dog.marks = dog.marks || m != nil
	h = dog.mark(m.count(h))
	probed := lns[0]
	ticks := newTicks(time.Duration(s.idleTimeout))
	defer close(ticks.stop)
	h = idleBodies(ctx, h, ticks)
	lns = slices.Clone(lns)
	for i, ln := range lns {
		lns[i] = idleListener{ln, ticks}
	}
	srv := newServer(h, s, log)
	srv.BaseContext = func(net.Listener) context.Context {
		return handler.WithStopping(context.Background(), ctx.Done()) // not ctx: requests in flight finish
	}
	fresh := meet(srv)
	serve := srv.Serve
	if secure != nil {
		srv.TLSConfig = secure
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }
	}
	ended := make(chan error, len(lns))
	for _, ln := range lns {
		go func() { ended <- serve(ln) }()
	}
	dog.ready("serving " + urls(lns, s.scheme()))
	go dog.watch(ctx, probed, s.scheme())
	if m != nil {
		client := dog.client(probed)
		stop := m.serve(ctx, func(ctx context.Context) error { return dog.probe(ctx, client, s.scheme()) }, log)
		defer stop()
	}
	select {
	case err := <-ended:
		return err // the listener broke
	case <-ctx.Done():
	}
	dog.stopping()
	log.Info("stopping: no new connections, requests in flight finish", "bound", s.shutdownTimeout.String())
	finishing, cancel := bounded(time.Duration(s.shutdownTimeout))
	defer cancel()
	fresh.drain(srv, lns)
	if err := srv.Shutdown(finishing); errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests in flight were cut off", "bound", s.shutdownTimeout.String())
		srv.Close()
	}
	log.Info("stopped")
	return nil
}

func newServer(h http.Handler, s *settings, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		ReadHeaderTimeout:            time.Duration(s.headerTimeout),
		IdleTimeout:                  time.Duration(s.idleTimeout),
		DisableGeneralOptionsHandler: true,     // OPTIONS * is ours, too
		MaxHeaderBytes:               72 << 10, // beyond it HTTP/2 ends the whole connection: the handler answers 431 well before
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// bounded is a context that ends after d, or never when d is 0.
func bounded(d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), d)
}
