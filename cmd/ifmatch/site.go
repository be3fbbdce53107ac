package main

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler"
)

// site is all that is served. What it serves can be exchanged while requests are in flight: those end
// with what they began with. Safe for concurrent use.
type site struct {
	dirs  *directories
	login *login
	now   atomic.Pointer[generation]
	began *settings // those of the start

	mu   sync.Mutex
	live []*generation // guarded by mu; now, what is being made ready, and what requests may still be in

	asking singleflight.Group // whether a share is ready, by prefix
}

// generation is a site as one setup says it.
type generation struct {
	*setup
	dirs   *directories
	login  *login
	shares []*share
	mu     sync.RWMutex  // held for reading by each request; whoever has it alone knows that all have ended
	over   chan struct{} // closed when another one follows
	roots  sync.Map      // http.Handler for those who see the same shares, by their prefixes
}

func newSite(log *slog.Logger, getenv func(string) string) *site {
	s := &site{dirs: &directories{log: log, getenv: getenv, open: map[string]*opened{}, closing: map[string]chan struct{}{}, listening: make(chan struct{})}, login: newLogin(log)}
	s.dirs.shares = s.sharesOf
	return s
}

// use begins to serve set. When it cannot, all stays as it was.
func (s *site) use(set *setup) error {
	shareState(set)
	g := &generation{setup: set, dirs: s.dirs, login: s.login, over: make(chan struct{})}
	s.begin(g)
	for _, sh := range set.shares {
		share, err := newShare(sh, g)
		if err != nil {
			s.end(g)
			return err
		}
		g.shares = append(g.shares, share)
	}
	if err := s.dirs.use(set); err != nil {
		s.end(g)
		return err
	}
	if old := s.now.Swap(g); old != nil {
		close(old.over)
		go func() {
			old.mu.Lock() // its requests have ended
			s.end(old)
		}()
	}
	return nil
}

// begin keeps the directories of g open, until end.
func (s *site) begin(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = append(s.live, g)
}

// end begins to close the directories that only g had: one before it may have requests that last longer.
func (s *site) end(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(l *generation) bool { return l == g })
	s.dirs.keep(func(dir string) bool {
		return slices.ContainsFunc(s.live, func(l *generation) bool { return l.serves(dir) })
	})
}

// close closes all directories, and waits for that as for an answer of a disk.
func (s *site) close() {
	s.dirs.keep(func(string) bool { return false })
	ctx, cancel := context.WithTimeout(context.Background(), askedWithin)
	defer cancel()
	if !s.dirs.closed(ctx) {
		s.dirs.log.Warn("not all directories could be closed: a disk does not answer")
	}
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !r.ProtoAtLeast(1, 1) {
		// RFC 9112 §6.1: it may have had chunks, which net/http does not tell: what follows could be content as well as a request.
		w.Header().Set("Connection", "close")
	}
	g := s.enter()
	defer g.mu.RUnlock()
	g.ServeHTTP(w, r)
}

// enter returns what is served now. Its directories stay open until its mu is given back.
func (s *site) enter() *generation {
	g := s.now.Load()
	for !g.mu.TryRLock() { // it is being retired
		g = s.now.Load()
	}
	return g
}

// trusts tells whether an address is that of a proxy which we believe now.
func (s *site) trusts(remote string) bool { return s.now.Load().trustedProxies.hold(remote) }

// trusted tells whether a request came through a proxy that we believe.
func (g *generation) trusted(r *http.Request) bool { return g.trustedProxies.hold(r.RemoteAddr) }

// rootState is that of the collections above the shares, where nobody can keep anything.
var rootState = sync.OnceValue(func() *state.Store { return state.NewMemory(state.Options{}) })

// root answers for the collections above the shares: it shows user the shares that they may see.
func (g *generation) root(user string) (http.Handler, error) {
	var seen []string
	for _, s := range g.shares {
		if s.who.Somewhere(user) >= auth.Read && (s.one != nil || user != "") {
			seen = append(seen, s.prefix)
		}
	}
	key := strings.Join(seen, "\x00")
	if h, ok := g.roots.Load(key); ok {
		return h.(http.Handler), nil
	}
	base := fs.NewMemory()
	for _, prefix := range seen {
		if err := base.MkdirAll(prefix, 0o777); err != nil {
			return nil, err
		}
	}
	// Depth infinity would have to tell of what is in the shares: RFC 4918 §9.1 lets us refuse it.
	h, err := handler.New(etagfs.New(base, etagfs.Options{Log: g.dirs.log}),
		handler.Options{ReadOnly: true, State: rootState(), MaxInfinite: -1, Log: g.dirs.log, Hosts: g.hosts, TrustForwarded: g.trusted, Address: g.address, Over: g.over, Shares: g.elsewhere})
	if err == nil {
		g.roots.Store(key, h)
	}
	return h, err
}

// nameIn is the name that a URL path has in a share, for rules.
func (s *share) nameIn(urlPath string) string {
	if rest, ok := s.cut(urlPath); ok {
		urlPath = rest
	}
	return path.Clean("/" + urlPath)
}
