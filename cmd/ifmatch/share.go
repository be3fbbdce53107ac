package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/lock"
)

// opened is a directory that is being served, with its state. It outlives a reload, and with it its locks.
type opened struct {
	base  fs.FS
	tree  *etagfs.FS
	store *state.Store
	locks *lock.Table
	dir   string
	was   iofs.FileInfo // of dir; nil when it is in memory
	how   []string      // the settings that it was opened with
	close func()

	readOnly bool // how it was opened
}

// directories are those that are open, each once. Safe for concurrent use.
type directories struct {
	log    *slog.Logger
	getenv func(string) string
	shares func(dir string) []string // the prefixes that it is served at

	// listening is closed when the server listens. What looks at every file begins then, so that a start
	// takes no longer with many files.
	listening chan struct{}

	latches etagfs.Latches // one of two directories may be inside the other

	mu    sync.Mutex
	open  map[string]*opened // guarded by mu
	ended totals             // guarded by mu; of those that were closed
}

// opening are the settings that only a restart can change for a directory that is open.
func opening(s *settings) []string {
	return []string{"etag=" + s.etag.value, "hash-limit=" + s.hashLimit.String(), "durability=" + s.durability.value, "quota=" + s.quota.String(),
		"owner=" + s.owner.text, "group=" + s.group.text, "umask=" + s.umask.text,
		fmt.Sprint("read-only=", s.readOnly), fmt.Sprint("no-notify=", s.noNotify), "state=" + s.state}
}

// differing are the settings of b that are not those of a.
func differing(a, b []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(b), func(s string) bool { return slices.Contains(a, s) }), " ")
}

// as are the settings that the directory would have to be open with to be served as s says. What can be written can be
// served read-only.
func (o *opened) as(s *settings) []string {
	like := *s
	like.readOnly = s.readOnly && o.readOnly
	return opening(&like)
}

// get opens dir, or finds it open.
// Errors: those of openTree and openState; one that says that only a restart can do it.
func (d *directories) get(dir string, s *settings) (*opened, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.open[dir]; o != nil {
		if how := o.as(s); !slices.Equal(how, o.how) {
			return nil, fmt.Errorf("%s: is served with %s; it takes a restart to make that %s", dir, differing(how, o.how), differing(o.how, how))
		}
		return o, nil
	}
	o, err := d.openDirectory(dir, s)
	if err == nil {
		d.openAdmin(dir, o, s)
		d.open[dir] = o
	}
	return o, err
}

// keep closes all but those that want has.
func (d *directories) keep(want func(dir string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir, o := range d.open {
		if !want(dir) {
			o.close()
			d.ended = d.ended.plus(o.totals().ended())
			delete(d.open, dir)
		}
	}
}

func (d *directories) openDirectory(dir string, s *settings) (*opened, error) {
	log, listening := d.log, d.listening
	base, err := openTree(dir, s)
	if err != nil {
		return nil, err
	}
	logFeatures(log, base.Features())
	if !s.memory && !s.readOnly && !writable(dir) {
		log.Warn("the server may not write the directory: what would change it is answered 403", "dir", dir, "uid", os.Geteuid())
	}
	store, locks, err := openState(base, dir, s, log, d.getenv)
	if err != nil {
		base.Close()
		return nil, err
	}
	to := treeOptions(s, store, log)
	if !s.memory {
		to.Latches, to.Within = &d.latches, filepath.ToSlash(real(dir))
	}
	o := &opened{base: base, store: store, locks: locks, tree: etagfs.New(base, to), dir: dir, how: opening(s), readOnly: s.readOnly}
	if !s.memory {
		o.was, _ = os.Stat(dir)
	}
	background, stop := context.WithCancel(context.Background())
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		if closedBefore(background, listening) {
			sweep(base, log)
		}
	}()
	var keepers sync.WaitGroup
	keepers.Go(func() {
		if closedBefore(background, listening) {
			o.tree.KeepCounted(background)
		}
	})
	if s.etag.value == "content" {
		keepers.Go(func() {
			if closedBefore(background, listening) {
				keepHashing(background, o.tree, int64(s.hashRate), log)
			}
		})
	}
	o.close = func() {
		stop()
		keepers.Wait()
		o.tree.Close()
		store.Close()
		closeAfter(base, swept)
	}
	return o, nil
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

// share answers for one [shareSetup].
type share struct {
	*shareSetup
	site *generation
	one  *handler.Handler // nil: each user has a home

	mu    sync.Mutex
	homes map[string]*handler.Handler // by user; guarded by mu
}

func newShare(sh *shareSetup, g *generation) (*share, error) {
	s := &share{shareSetup: sh, site: g, homes: map[string]*handler.Handler{}}
	if strings.Contains(sh.dir, "{user}") {
		return s, nil
	}
	var err error
	s.one, err = s.handler(sh.dir)
	return s, err
}

func (s *share) handler(dir string) (*handler.Handler, error) {
	o, err := s.site.dirs.get(dir, s.settingsOf(dir))
	if err != nil {
		return nil, err
	}
	ho := handlerOptions(s.settings, s.site.dirs.log)
	ho.State, ho.Locks, ho.Hosts = o.store, o.locks, s.hosts
	ho.TrustForwarded, ho.Address = s.site.trusted, s.site.address
	ho.Elsewhere, ho.Over = s.site.elsewhere, s.site.over
	if !s.who.Uniform() {
		ho.MayRead = func(r *http.Request, name string) bool {
			return s.who.May(handler.User(r.Context()), name) >= auth.Read
		}
	}
	if s.prefix != "/" {
		ho.Prefix = s.prefix
	}
	return handler.New(o.tree, ho)
}

// settingsOf are those of a directory of the share: no two homes have their state in one place.
func (s *share) settingsOf(dir string) *settings {
	if dir == s.dir || s.state == "" {
		return s.settings
	}
	own := *s.settings
	own.state = filepath.Join(filepath.Dir(s.state), ownName(dir)) // beside the one of shareState
	return &own
}

// of is the handler for user; a home is made when its user first comes.
func (s *share) of(user string) (*handler.Handler, error) {
	if s.one != nil {
		return s.one, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.homes[user]; h != nil {
		return h, nil
	}
	dir := s.dirOf(user)
	err := os.Mkdir(dir, 0o700)
	if err == nil && (s.owner.text != "" || s.group.text != "") {
		err = os.Chown(dir, s.owner.or(), s.group.or())
	}
	if err != nil && !errors.Is(err, iofs.ErrExist) {
		return nil, err
	}
	h, err := s.handler(dir)
	if err == nil {
		s.homes[user] = h
	}
	return h, err
}

// dirOf is the directory that user is served.
func (s *share) dirOf(user string) string { return strings.ReplaceAll(s.dir, "{user}", user) }

// serves tells whether dir is one of the share's directories.
func (s *shareSetup) serves(dir string) bool {
	before, after, homes := strings.Cut(s.dir, "{user}")
	if !homes {
		return dir == s.dir
	}
	return strings.HasPrefix(dir, before) && strings.HasSuffix(dir, after)
}

// serves tells whether dir is a directory of one of the shares.
func (set *setup) serves(dir string) bool {
	return slices.ContainsFunc(set.shares, func(s *shareSetup) bool { return s.serves(dir) })
}

// shareState gives each share of a file a directory of its own where --state names one for all.
func shareState(set *setup) {
	if set.doc == nil || set.state == "" {
		return
	}
	for _, sh := range set.shares {
		sh.state = filepath.Join(set.state, ownName(sh.dir))
	}
}

// elsewhere is the handler of another share, for a COPY that the gate let through.
func (g *generation) elsewhere(r *http.Request, urlPath string) *handler.Handler {
	s, user := g.holds(urlPath), handler.User(r.Context())
	if s == nil || s.one == nil && user == "" {
		return nil
	}
	h, err := s.of(user)
	if err != nil {
		g.dirs.log.Error("home", "user", user, "err", err)
	}
	return h
}

// holds finds the share that a URL path belongs to; nil for none.
func (g *generation) holds(urlPath string) *share {
	i := slices.IndexFunc(g.shares, func(s *share) bool { return urlPath == s.prefix || below(urlPath, s.prefix) || s.prefix == "/" })
	if i < 0 {
		return nil
	}
	return g.shares[i]
}
