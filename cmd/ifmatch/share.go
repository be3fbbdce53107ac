package main

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/fs"
	"ifmatch/handler"
)

// share answers for one [shareSetup].
type share struct {
	*shareSetup
	generation *generation
	one        *handler.Handler // nil: each user has a home

	mu    sync.Mutex
	homes map[string]*home // by user; guarded by mu
}

// home answers for one user.
type home struct {
	mu      sync.Mutex       // held while it is being opened: who has another home does not wait for its disk
	handler *handler.Handler // guarded by mu; nil: it is not open
}

func newShare(sh *shareSetup, g *generation) (*share, error) {
	s := &share{shareSetup: sh, generation: g, homes: map[string]*home{}}
	if strings.Contains(sh.dir, "{user}") {
		return s, nil
	}
	var err error
	s.one, err = s.handler(sh.dir)
	return s, err
}

func (s *share) handler(dir string) (*handler.Handler, error) {
	own := s.settingsOf(dir)
	if first := s.generation.shareOf(dir); first != s.shareSetup {
		if other := differing(opening(own), opening(first.settingsOf(dir))); other != "" {
			return nil, fmt.Errorf("%s cannot have %s: it is served at %s as well, with %s", dir,
				differing(opening(first.settingsOf(dir)), opening(own)), first.prefix, other)
		}
	}
	o, tree, err := s.generation.dirs.get(dir, own)
	if err != nil {
		return nil, err
	}
	for _, path := range s.who.Paths() {
		if _, err := tree.Stat(path); errors.Is(err, fs.ErrSpelling) {
			return nil, fmt.Errorf("%s: what a rule calls %s is spelled otherwise there; write it as a listing shows it", dir, path)
		}
	}
	ho := handlerOptions(s.settings, s.generation.dirs.log)
	ho.State, ho.Locks, ho.Hosts = o.store, o.locks, s.hosts
	ho.TrustForwarded, ho.Address = s.generation.trusted, s.generation.address
	ho.Elsewhere, ho.Over = s.generation.elsewhere, s.generation.over
	if !s.who.Uniform() {
		ho.MayRead = func(r *http.Request, name string) bool {
			return s.who.May(handler.User(r.Context()), name) >= auth.Read
		}
	}
	ho.MayWrite = func(r *http.Request, name string, anew bool) bool {
		user, asked := handler.User(r.Context()), auth.Write
		if anew {
			asked = auth.Append
		}
		return s.who.May(user, name) >= asked || user == "" && s.generation.canLogIn() // the first write asks them to
	}
	if s.prefix != "/" {
		ho.Prefix = s.prefix
	}
	return handler.New(tree, ho)
}

// settingsOf are those of a directory of the share: no two homes have their state in one place.
func (s *shareSetup) settingsOf(dir string) *settings {
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
	m := s.home(user)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.handler != nil {
		return m.handler, nil
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
		m.handler = h
	}
	return h, err
}

func (s *share) home(user string) *home {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.homes[user]
	if m == nil {
		m = &home{}
		s.homes[user] = m
	}
	return m
}

// dirOf is the directory that user is served.
func (s *share) dirOf(user string) string { return strings.ReplaceAll(s.dir, "{user}", user) }

// serves tells whether dir is one of the share's directories.
func (s *shareSetup) serves(dir string) bool { return dir == s.dir || s.userAt(dir) != "" }

// userAt is the user whose home dir would be; "": nobody's.
func (s *shareSetup) userAt(dir string) string {
	before, _, homes := strings.Cut(s.dir, "{user}")
	rest, ok := strings.CutPrefix(dir, before)
	if !homes || !ok {
		return ""
	}
	for i := 1; i <= len(rest) && rest[i-1] != '/'; i++ { // no name of a user has a slash
		if strings.ReplaceAll(s.dir, "{user}", rest[:i]) == dir {
			return rest[:i]
		}
	}
	return ""
}

// shareOf is the share whose settings are those of dir: one that names it, rather than one of homes; nil: it is not served.
func (set *setup) shareOf(dir string) *shareSetup {
	i := slices.IndexFunc(set.shares, func(s *shareSetup) bool { return s.dir == dir })
	if i < 0 {
		i = slices.IndexFunc(set.shares, func(s *shareSetup) bool { return s.serves(dir) })
	}
	if i < 0 {
		return nil
	}
	return set.shares[i]
}

// serves tells whether dir is a directory of one of the shares.
func (set *setup) serves(dir string) bool { return set.shareOf(dir) != nil }

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

// holds finds the share that a URL path belongs to; nil for none. There is one at most: see prefixes.
func (g *generation) holds(urlPath string) *share {
	for _, s := range g.shares {
		if _, ok := s.cut(urlPath); ok {
			return s
		}
	}
	return nil
}

// cut is what follows the prefix of the share in a URL path, as the share's handler cuts it; ok is false for paths
// outside.
func (s *shareSetup) cut(urlPath string) (rest string, ok bool) {
	if s.prefix == "/" {
		return urlPath, true
	}
	return handler.CutPrefix(urlPath, s.prefix)
}
