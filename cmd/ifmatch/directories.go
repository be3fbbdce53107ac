package main

import (
	"context"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// kept is the state of a directory. It outlives a reload, whatever that changes in how the directory is served, and with it
// the locks.
type kept struct {
	store *state.Store
	locks *lock.Table
	place string // --state
	trees int    // that have it; guarded by directories.mu
	end   func()
}

// opened is a directory that is being served in one way, with its state.
type opened struct {
	*kept
	base    fs.FS
	tree    *etagfs.FS
	dir     string
	was     iofs.FileInfo // of dir; nil when it is in memory
	how     []string      // the settings that it was opened with
	relaxed bool          // --durability none
	users   int           // generations that have used it; guarded by directories.mu
	close   func()
}

// directories are those that are open, each once, and while a reload has changed how one is served, in the ways before
// as well, for as long as requests last that began with those. Safe for concurrent use.
type directories struct {
	log    *slog.Logger
	getenv func(string) string
	shares func(dir string) []string // the prefixes that it is served at

	// listening is closed when the server listens. What looks at every file begins then, so that a start
	// takes no longer with many files.
	listening chan struct{}

	latches etagfs.Latches // one of two directories may be inside the other, or be open twice

	mu     sync.Mutex
	open   map[string]*opened // guarded by mu
	former []*opened          // guarded by mu
	ended  totals             // guarded by mu; of those that were closed
}

// opening are the settings that a directory is opened with.
func opening(s *settings) []string {
	return []string{"etag=" + s.etag.value, "hash-limit=" + s.hashLimit.String(), "durability=" + s.durability.value, "quota=" + s.quota.String(),
		"owner=" + s.owner.text, "group=" + s.group.text, "umask=" + s.umask.text,
		fmt.Sprint("read-only=", s.readOnly), fmt.Sprint("no-notify=", s.noNotify)}
}

// differing are the settings of b that are not those of a.
func differing(a, b []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(b), func(s string) bool { return slices.Contains(a, s) }), " ")
}

// get finds dir open for g, as s says, or opens it.
// Errors: those of openTree and openState; one that says that only a restart can do it.
func (d *directories) get(dir string, s *settings, g *generation) (*opened, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.open[dir]
	if o == nil || !g.ended() && !slices.Equal(opening(s), o.how) {
		next, err := d.openDirectory(dir, s, o)
		if err != nil {
			return nil, err
		}
		d.open[dir] = next
		switch {
		case o == nil:
		case o.users == 0:
			d.shut(o)
		default:
			d.former = append(d.former, o)
		}
		o = next
	}
	if !g.uses[o] {
		g.uses[o] = true
		o.users++
	}
	return o, nil
}

// release gives back what g has used, and closes what no other generation uses, and none that serves tells of will.
func (d *directories) release(g *generation, serves func(dir string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for o := range g.uses {
		o.users--
	}
	clear(g.uses)
	d.former = slices.DeleteFunc(d.former, func(o *opened) bool {
		next := d.open[o.dir]
		switch {
		case o.users == 0:
			d.shut(o)
			return true
		case next.users == 0 && !g.ended(): // g has never served
			d.shut(next)
			d.open[o.dir] = o
			if err := o.store.Relax(o.relaxed); err != nil {
				d.log.Error("state", "dir", o.dir, "err", err)
			}
			return true
		}
		return false
	})
	for dir, o := range d.open {
		if o.users == 0 && !serves(dir) {
			d.shut(o)
			delete(d.open, dir)
		}
	}
}

// closeAll closes everything.
func (d *directories) closeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.former {
		d.shut(o)
	}
	for _, o := range d.open {
		d.shut(o)
	}
	d.former, d.open = nil, map[string]*opened{}
}

// shut closes a directory, and its state when nobody else has it.
func (d *directories) shut(o *opened) {
	o.close()
	d.ended.tree = d.ended.tree.Plus(o.tree.Stats().Ended())
	if o.trees--; o.trees == 0 {
		d.ended.commits = d.ended.commits.Plus(o.store.Commits())
		o.end()
	}
}

// openDirectory opens dir as s says; before is how it is open already, or nil.
func (d *directories) openDirectory(dir string, s *settings, before *opened) (*opened, error) {
	if before != nil && before.place != s.state {
		return nil, fmt.Errorf("%s: it takes a restart to move its state from %q to %q", dir, before.place, s.state)
	}
	base, err := openTree(dir, s)
	if err != nil {
		return nil, err
	}
	features := base.Features()
	features.Beside = features.Beside && before == nil
	logFeatures(d.log, features)
	if !s.memory && !s.readOnly && !writable(dir) {
		d.log.Warn("the server may not write the directory: what would change it is answered 403", "dir", dir, "uid", os.Geteuid())
	}
	o := &opened{base: base, dir: dir, how: opening(s), relaxed: s.durability.value == "none"}
	if before == nil {
		o.kept, err = d.openKept(base, dir, s)
	} else {
		o.kept, err = before.kept, before.store.Relax(o.relaxed)
	}
	if err != nil {
		base.Close()
		return nil, err
	}
	o.trees++
	to := treeOptions(s, o.store, d.log)
	if !s.memory {
		to.Latches, to.Within = &d.latches, filepath.ToSlash(real(dir))
		o.was, _ = os.Stat(dir)
	}
	o.tree = etagfs.New(base, to)
	background, stop := context.WithCancel(context.Background())
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		if before == nil && closedBefore(background, d.listening) {
			sweep(base, d.log)
		}
	}()
	var keepers sync.WaitGroup
	keepers.Go(func() {
		if closedBefore(background, d.listening) {
			o.tree.KeepCounted(background)
		}
	})
	if s.etag.value == "content" {
		keepers.Go(func() {
			if closedBefore(background, d.listening) {
				keepHashing(background, o.tree, int64(s.hashRate), d.log)
			}
		})
	}
	o.close = func() {
		stop()
		keepers.Wait()
		o.tree.Close()
		closeAfter(base, swept)
	}
	return o, nil
}

// openKept opens the state of a directory, and tells the commands of this machine where it is.
func (d *directories) openKept(base fs.FS, dir string, s *settings) (*kept, error) {
	store, locks, err := openState(base, dir, s, d.log, d.getenv)
	if err != nil {
		return nil, err
	}
	k := &kept{store: store, locks: locks, place: s.state}
	stop := d.openAdmin(dir, k, s)
	k.end = func() {
		stop()
		store.Close()
	}
	return k, nil
}

// closedBefore tells whether begun was closed before ctx ended.
func closedBefore(ctx context.Context, begun <-chan struct{}) bool {
	select {
	case <-begun:
		return true
	case <-ctx.Done():
		return false
	}
}
