package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// askedWithin bounds how long /healthz and /readyz wait for an answer of the server and of a disk.
const askedWithin = 5 * time.Second

// serve answers on the listener of --metrics, where nothing of the shares is, until stop is called. alive tells
// whether requests are served; from the end of ctx on the server is stopping.
func (m *metrics) serve(ctx context.Context, alive func(context.Context) error, log *slog.Logger) (stop func()) {
	errorLog := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: errorLog, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: 4, DisableCompression: true})) // whoever reads is on this machine
	mux.HandleFunc("GET /healthz", tells(func(asking context.Context) error {
		if ctx.Err() != nil {
			return nil // it ends by itself: nobody has to end it
		}
		return alive(asking)
	}))
	mux.HandleFunc("GET /readyz", tells(func(asking context.Context) error {
		if ctx.Err() != nil {
			return errors.New("the server is stopping")
		}
		return m.site.ready(asking)
	}))
	srv := &http.Server{Handler: mux, ErrorLog: errorLog, MaxHeaderBytes: 16 << 10,
		ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(m.ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "err", err)
		}
	}()
	return func() {
		srv.Close()
		<-done
	}
}

// tells answers 200, or 503 with one sentence that says why.
func tells(ask func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), askedWithin)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := ask(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
		io.WriteString(w, "ok\n")
	}
}

// ready tells whether each share can be served; the error names the first that cannot. A disk that hangs holds one
// goroutine, however often it is asked for.
func (s *site) ready(ctx context.Context) error {
	for _, sh := range s.now.Load().shares {
		asked := s.asking.DoChan(sh.prefix, func() (any, error) { return nil, s.shareReady(sh.prefix) })
		select {
		case a := <-asked:
			if a.Err != nil {
				return fmt.Errorf("share %s: %w", sh.prefix, a.Err)
			}
		case <-ctx.Done():
			return fmt.Errorf("share %s: the disk does not answer", sh.prefix)
		}
	}
	return nil
}

// shareReady asks the directories that a share has open, and that of the homes.
func (s *site) shareReady(prefix string) error {
	g := s.enter()
	defer g.mu.RUnlock()
	for _, sh := range g.shares {
		if sh.prefix != prefix {
			continue
		}
		if homes, _, ok := strings.Cut(sh.dir, "{user}"); ok {
			if _, err := os.Stat(filepath.Dir(homes + "x")); err != nil {
				return err
			}
		}
		if sh.named != "" && real(sh.named) != sh.dir {
			return fmt.Errorf("%s leads to another directory than the one that is served; reload to serve it", sh.named)
		}
		for _, o := range g.dirs.served(sh) {
			if err := o.ready(); err != nil {
				return err
			}
		}
	}
	return nil
}

// served are the directories of a share that are open.
func (d *directories) served(sh *share) (all []*opened) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir, o := range d.open {
		if sh.serves(dir) {
			all = append(all, o)
		}
	}
	return all
}

func (o *opened) ready() error {
	if o.was != nil { // it is on a disk
		switch now, err := os.Stat(o.dir); {
		case err != nil:
			return err
		case !os.SameFile(o.was, now):
			return fmt.Errorf("%s is another directory than the one that was opened; restart to serve it", o.dir)
		}
	}
	if _, err := o.base.Lookup("/"); err != nil {
		return err
	}
	if err := o.store.Ready(); err != nil {
		return fmt.Errorf("the state of %s: %w", o.dir, err)
	}
	return nil
}
