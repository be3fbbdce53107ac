package main

import (
	"context"
	"errors"
	"fmt"

	"ifmatch/cmd/ifmatch/admin"
	"ifmatch/etagfs"
)

// openAdmin opens the admin socket of a directory, until stop. Where there can be none the directory is served without.
func (d *directories) openAdmin(dir string, o *opened, s *settings) (stop func()) {
	if s.memory {
		return func() {} // there is no state directory
	}
	place, err := stateDir(dir, s.state, d.getenv)
	if err != nil {
		return func() {} // it was opened a moment ago
	}
	stop, err = admin.Serve(place, admin.Directory{
		Dir:     real(dir),
		Shares:  func() []string { return d.shares(dir) },
		Locks:   o.locks,
		Digests: etagfs.KeepDigests(o.store),
		Log:     d.log,
	})
	if err != nil {
		d.log.Warn("no admin socket: ifmatch locks, hash and scrub cannot reach this server", "err", err)
		return func() {}
	}
	return stop
}

// sharesOf are the prefixes that dir is served at now.
func (s *site) sharesOf(dir string) (prefixes []string) {
	if g := s.now.Load(); g != nil {
		for _, sh := range g.shares {
			if sh.serves(dir) {
				prefixes = append(prefixes, sh.prefix)
			}
		}
	}
	return prefixes
}

// findServers finds those that keep their state where state (--state) says, or where serve would.
func findServers(ctx context.Context, state string, getenv func(string) string) ([]*admin.Client, error) {
	if state == "" {
		var err error
		if state, err = stateHome(getenv, byFlag); err != nil {
			return nil, err
		}
	}
	all, err := admin.Find(ctx, state)
	if errors.Is(err, admin.ErrNoServer) {
		return nil, fmt.Errorf("no server runs that keeps its state in %s; name the directory of its state with --state, such as /var/lib/ifmatch", state)
	}
	return all, err
}
