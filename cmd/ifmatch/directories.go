package main

import (
	"context"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// directories are those that are open, each once. Safe for concurrent use.
type directories struct {
	log    *slog.Logger
	getenv func(string) string
	shares func(dir string) []string // the prefixes that it is served at

	// listening is closed when the server listens. What looks at every file begins then, so that a start
	// takes no longer with many files.
	listening chan struct{}

	latches etagfs.Latches // one of two directories may be inside the other

	opening singleflight.Group // of what is not open yet, by directory

	changing sync.Mutex // held by use; those that its setup has stay open meanwhile

	mu      sync.Mutex
	open    map[string]*opened       // guarded by mu
	closing map[string]chan struct{} // guarded by mu; of those that are being closed, each closed when it is done
	said    *setup                   // guarded by mu; how they are open; nil: as who opened them said
	ended   totals                   // guarded by mu; of those that were closed, or are
}

// opened is a directory that is being served, with its state. It outlives a reload, and with it its locks.
type opened struct {
	base  fs.FS
	store *state.Store
	locks *lock.Table
	dir   string
	was   iofs.FileInfo // of dir; nil when it is in memory
	log   *slog.Logger

	// How it is open; guarded by directories.mu, and changed by who has directories.changing as well.
	settings *settings
	tree     *etagfs.FS // as settings have it

	listening   <-chan struct{}
	background  context.Context // of what goes on beside the requests
	stop        context.CancelFunc
	keepers     sync.WaitGroup     // who has to end before it is closed
	swept       chan struct{}      // guarded by directories.mu; closed when nothing is left of a crash
	stopHashing context.CancelFunc // guarded by directories.mu; of the background hasher; nil: there is none
	stopAdmin   func()
}

// opening are the settings that all who are served a directory have in common.
func opening(s *settings) []string {
	return []string{"etag=" + s.etag.value, "hash-limit=" + s.hashLimit.String(), "durability=" + s.durability.value, "quota=" + s.quota.String(),
		"owner=" + s.owner.text, "group=" + s.group.text, "umask=" + s.umask.text,
		fmt.Sprint("read-only=", s.readOnly), fmt.Sprint("no-notify=", s.noNotify), "state=" + s.state}
}

// differing are the settings of b that are not those of a.
func differing(a, b []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(b), func(s string) bool { return slices.Contains(a, s) }), " ")
}

// get opens dir, or finds it open, and returns its tree as s has it. Who needs another directory does not wait for its disk.
// Errors: those of openTree and openState.
func (d *directories) get(dir string, s *settings) (*opened, *etagfs.FS, error) {
	for {
		o, tree, said := d.find(dir, s)
		if o != nil {
			return o, tree, nil
		}
		if _, err, _ := d.opening.Do(dir, func() (any, error) { return nil, d.openAs(said, dir, s) }); err != nil {
			return nil, nil, err
		}
	}
}

// find returns dir if it is open, and its tree as s has it, and the setup that says how directories are open.
func (d *directories) find(dir string, s *settings) (o *opened, tree *etagfs.FS, said *setup) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o = d.open[dir]; o != nil {
		tree = o.tree.With(treeSettings(s))
	}
	return o, tree, d.said
}

// openAs opens dir as said has it, or as s where that does not name it, unless it was opened or a reload said otherwise
// meanwhile: then whoever needs it looks again.
func (d *directories) openAs(said *setup, dir string, s *settings) error {
	d.mu.Lock()
	closing := d.closing[dir]
	d.mu.Unlock()
	if closing != nil {
		<-closing
	}
	if o, _, now := d.find(dir, s); o != nil || now != said {
		return nil
	}
	if said != nil {
		if sh := said.shareOf(dir); sh != nil {
			s = sh.settingsOf(dir)
		}
	}
	o, err := d.openDirectory(dir, s)
	if err != nil {
		return err
	}
	o.stopAdmin = d.openAdmin(dir, o, s)
	d.mu.Lock()
	same := d.said == said
	if same {
		d.open[dir] = o
	}
	d.mu.Unlock()
	if !same {
		o.close()
	}
	return nil
}

// use makes all directories that are open, or will be, what set says of them. When it cannot, all stays as it was.
// While a disk is waited for, who needs another one does not wait.
// Errors: those of opened.prepare.
func (d *directories) use(set *setup) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	ready := map[*opened]prepared{}
	for {
		missing := d.usePrepared(set, ready)
		if len(missing) == 0 {
			return nil
		}
		for _, o := range missing {
			p, err := o.prepare(set.shareOf(o.dir).settingsOf(o.dir))
			if err != nil {
				for _, p := range ready {
					p.leave()
				}
				return err
			}
			ready[o] = p
		}
	}
}

// usePrepared uses what is ready, unless a directory of set is open that is not among it; then it returns those.
func (d *directories) usePrepared(set *setup, ready map[*opened]prepared) (missing []*opened) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir, o := range d.open {
		if _, ok := ready[o]; !ok && set.serves(dir) {
			missing = append(missing, o)
		}
	}
	if len(missing) > 0 {
		return missing
	}
	for _, p := range ready {
		p.use()
	}
	d.said = set
	return nil
}

// keep begins to close all but those that want has. Nobody waits for that who does not need one of them, for it may be on a
// disk that does not answer.
func (d *directories) keep(want func(dir string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir, o := range d.open {
		if want(dir) {
			continue
		}
		done := make(chan struct{})
		d.closing[dir] = done
		delete(d.open, dir)
		d.ended = d.ended.plus(o.totals().ended())
		go func() {
			o.close()
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.closing, dir)
			close(done)
		}()
	}
}

// closed waits until none is being closed, and tells whether that was so before ctx ended.
func (d *directories) closed(ctx context.Context) bool {
	d.mu.Lock()
	all := slices.Collect(maps.Values(d.closing))
	d.mu.Unlock()
	for _, done := range all {
		select {
		case <-done:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (d *directories) openDirectory(dir string, s *settings) (*opened, error) {
	log := d.log.With("dir", dir)
	base, err := openTree(dir, s, log)
	if err != nil {
		return nil, err
	}
	store, locks, err := openState(base, dir, s, log, d.getenv)
	if err != nil {
		base.Close()
		return nil, err
	}
	to := etagfs.Options{Settings: treeSettings(s), Digests: etagfs.KeepDigests(store), Log: log}
	if !s.memory {
		to.Latches, to.Within = &d.latches, filepath.ToSlash(real(dir))
	}
	o := &opened{base: base, store: store, locks: locks, tree: etagfs.New(base, to), dir: dir, log: log, settings: s, listening: d.listening}
	if !s.memory {
		o.was, _ = os.Stat(dir)
	}
	o.background, o.stop = context.WithCancel(context.Background())
	o.found()
	tree := o.tree
	o.keepers.Go(func() {
		if o.listened(o.background) {
			tree.KeepCounted(o.background)
		}
	})
	o.hash()
	return o, nil
}

// listened waits until the server listens, and tells whether it did before ctx ended.
func (o *opened) listened(ctx context.Context) bool {
	select {
	case <-o.listening:
		return true
	case <-ctx.Done():
		return false
	}
}

// found says what was found when the directory was tried, and begins to remove what a crash left in it.
func (o *opened) found() {
	logFeatures(o.log, o.base.Features())
	if !o.settings.memory && !o.settings.readOnly && !writable(o.dir) {
		o.log.Warn("the server has no permission to write the directory: requests that would change it are answered 403", "uid", os.Geteuid())
	}
	base, before, swept := o.base, o.swept, make(chan struct{})
	o.swept = swept
	go func() {
		defer close(swept)
		if before != nil { // of when it could not be written
			<-before
		}
		if o.listened(o.background) {
			sweep(base, o.log)
		}
	}()
}

// hash has a background hasher at work while tags are made of contents, as the settings say.
func (o *opened) hash() {
	if o.stopHashing != nil {
		o.stopHashing()
		o.stopHashing = nil
	}
	if o.settings.etag.value != "content" {
		return
	}
	ctx, stop := context.WithCancel(o.background)
	o.stopHashing = stop
	tree, rate := o.tree, int64(o.settings.hashRate)
	o.keepers.Go(func() {
		if o.listened(ctx) {
			keepHashing(ctx, tree, rate, o.log)
		}
	})
}

// prepared is another way to serve a directory that is open: use begins with it, and leave takes back what was done for it.
// Neither can fail.
type prepared struct{ use, leave func() }

// prepare makes sure that the directory can be served as s says. directories.changing is held: nobody else changes how it is open.
// Errors: those of fs.FS.Ready and state.Store.Relax; that it takes a restart.
func (o *opened) prepare(s *settings) (p prepared, err error) {
	if s.state != o.settings.state {
		return p, fmt.Errorf("%s: it takes a restart to keep locks and properties elsewhere (state)", o.dir)
	}
	as := *s
	as.readOnly = s.readOnly && o.settings.readOnly // what can be written can be served read-only
	if slices.Equal(opening(&as), opening(o.settings)) && as.hashRate == o.settings.hashRate {
		return prepared{func() {}, func() {}}, nil
	}
	usable, err := o.base.Ready(rootOptions(&as))
	if err != nil {
		return p, err
	}
	was := *o.settings
	if !relaxed(&as) && relaxed(&was) {
		// What is moved or copied durably from now on may have been saved before.
		err := o.base.SyncAll()
		if err == nil {
			err = o.store.Relax(false)
		}
		if err != nil {
			return p, fmt.Errorf("%s: turning durability to full: %w", o.dir, err)
		}
	}
	p.leave = func() { o.relax(&was) }
	p.use = func() {
		usable()
		o.relax(&as)
		o.settings = &as
		o.tree = o.tree.With(treeSettings(&as))
		o.tree.Use(treeSettings(&as))
		if was.readOnly && !as.readOnly {
			o.found()
		}
		if was.etag.value != as.etag.value || was.hashRate != as.hashRate {
			o.hash()
		}
	}
	return p, nil
}

// relax lets the state be acknowledged before it is durable, if that is what s says.
func (o *opened) relax(s *settings) {
	if !relaxed(s) {
		return
	}
	if err := o.store.Relax(true); err != nil {
		o.log.Warn("locks and properties stay as durable as they were", "err", err)
	}
}

func (o *opened) close() {
	o.stopAdmin()
	o.stop()
	o.keepers.Wait()
	o.tree.Close()
	o.store.Close()
	closeAfter(o.base, o.swept)
}
