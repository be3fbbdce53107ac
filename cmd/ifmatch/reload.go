package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
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
		signal.Stop(hangups)
		cancel()
		<-done
	}
}

func (s *site) reload(src source, secure *security, log *slog.Logger) {
	m := manager{log}
	m.reloading()
	defer m.tell("READY=1")
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
		return
	}
	secure.use(next)
	set.logRemarks(log)
	log.Info("reloaded", "shares", len(set.shares), "users", set.users.Len())
}
