package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// reloadOnHangup reads everything again on SIGHUP. Connections stay, requests in flight end with what
// they began with, event streams end, and locks stay with their directories. A mistake keeps the old configuration.
func reloadOnHangup(ctx context.Context, src source, s *site, secure *security, log *slog.Logger) (stop func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				s.reload(src, secure, log)
			}
		}
	}()
	return func() {
		signal.Ignore(syscall.SIGHUP) // and not its default action, which would end us before all is closed
		cancel()
		select {
		case <-done:
		case <-time.After(askedWithin): // it waits for a disk
		}
	}
}

// forRestart are the settings that a reload leaves as they were.
func forRestart(s *settings) []string {
	return []string{"listen=" + s.listen.String(), "metrics=" + s.metrics.String(), "log-format=" + s.logFormat.value, "log-level=" + s.logLevel.value,
		"shutdown-timeout=" + s.shutdownTimeout.String(), "idle-timeout=" + s.idleTimeout.String(), "header-timeout=" + s.headerTimeout.String(),
		fmt.Sprint("proxy-protocol=", s.proxyProtocol)}
}

func (s *site) reload(src source, secure *security, log *slog.Logger) {
	m := manager{log}
	m.reloading()
	set, err := src.load()
	var next *secured
	if err == nil {
		err = set.guarded(onlyLocal(secure.lns...))
	}
	if err == nil {
		next, err = secure.prepare(set)
	}
	if err == nil {
		err = s.use(set)
	}
	if err != nil {
		log.Error("not reloaded: the old configuration stays", "err", err)
		what, _, _ := strings.Cut(err.Error(), "\n")
		m.ready("not reloaded, the old configuration stays: " + what)
		return
	}
	secure.use(next)
	set.logRemarks(log)
	log.Info("reloaded", "shares", len(set.shares), "users", set.users.Len())
	if later := differing(forRestart(s.began), forRestart(set.settings)); later != "" {
		log.Warn("it takes a restart to apply these as well", "settings", later)
	}
	m.ready("serving " + urls(secure.lns, set.scheme()))
	asking, cancel := context.WithTimeout(context.Background(), askedWithin)
	defer cancel()
	if err := s.ready(asking); err != nil { // such as a disk that was taken away and mounted again
		log.Warn("a share is not as it was opened", "err", err)
	}
}
