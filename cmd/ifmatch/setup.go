package main

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/cmd/ifmatch/config"
)

// setup is all that a server is told: flags and environment, and the file that they beat.
type setup struct {
	*settings
	shares    []*shareSetup
	given     map[string]string // what beats the file
	users     *auth.Users       // nil: there is no file of users
	doc       *config.Document
	certs     *certs      // nil: not from files
	clientCAs authorities // nil: no client certificates
}

// shareSetup is one directory and how it is served. Its settings are those of the server, unless the
// file says otherwise for this share.
type shareSetup struct {
	*settings
	prefix string // "/" or "/docs"
	dir    string // may hold {user}; of a file, the real path
	named  string // what the file has for it
	cors   []string
	who    *auth.Rules
	table  *config.Table
}

// source is where a setup is read from, and read again on SIGHUP.
type source struct {
	dir   string            // served at /, without a file
	given map[string]string // flags that the command line or the environment set
}

// perShare are the flags that a share can have for itself.
var perShare = []string{"etag", "hash-limit", "durability", "require-if-match", "read-only", "max-upload", "quota", "owner", "group", "umask", "max-infinite", "proxy-tags", "trust-pages", "no-notify"}

// notInFile are flags that only a command line can have.
var notInFile = []string{"config", "memory"}

// newSource notes what was given with flags, to which the environment was applied.
func newSource(flags *pflag.FlagSet, dir string) source {
	src := source{dir: dir, given: map[string]string{}}
	flags.Visit(func(f *pflag.Flag) { src.given[f.Name] = f.Value.String() })
	return src
}

// mistakes are those of the file so far, as one *usageError.
func (set *setup) mistakes() error {
	if set.doc == nil || set.doc.Err() == nil {
		return nil
	}
	return usagef("%w", set.doc.Err())
}

// parse makes the setup, without a look at the files and directories that it names. It leaves the mistakes that have a line
// with the document, for load to add its own.
// Errors: *usageError when there is no document.
func (src source) parse() (*setup, error) {
	s := src.settings(nil)
	if s.config == "" {
		share := &shareSetup{settings: s, prefix: "/", dir: src.dir}
		return &setup{settings: s, given: src.given, shares: []*shareSetup{share}}, nil
	}
	doc, err := config.Read(s.config)
	if _, unread := errors.AsType[*iofs.PathError](err); unread {
		return nil, usagef("the configuration file: %w", err)
	} else if err != nil {
		return nil, usagef("%w", err)
	}
	file := values(doc.Root, func(name string) bool { return !slices.Contains(notInFile, name) })
	set := &setup{settings: src.settings(file), given: src.given, doc: doc}
	groups := readGroups(doc.Root.Table("groups"))
	for _, t := range doc.Root.Tables("share") {
		own := values(t, func(name string) bool { return slices.Contains(perShare, name) })
		both := maps.Clone(file)
		maps.Copy(both, own)
		share := &shareSetup{settings: src.settings(both), table: t, cors: t.List("cors")}
		share.read(groups)
		set.shares = append(set.shares, share)
	}
	if len(set.shares) == 0 {
		doc.Root.Blame("share", "there is none; serve a directory with [[share]], prefix and dir")
	}
	set.prefixes()
	doc.Root.Close()
	return set, nil
}

// settings are the defaults, beaten by file, beaten by what was given. Both were checked before.
func (src source) settings(file map[string]string) *settings {
	s := defaultSettings()
	flags := s.flags()
	for name, value := range file {
		flags.Set(name, value)
	}
	for name, value := range src.given {
		flags.Set(name, value)
	}
	return s
}

// values reads the keys of t that are flags, and blames values that those do not accept.
func values(t *config.Table, want func(name string) bool) map[string]string {
	found := map[string]string{}
	defaultSettings().flags().VisitAll(func(f *pflag.Flag) {
		if !want(f.Name) {
			return
		}
		text, ok := t.Text(f.Name)
		if !ok {
			return
		}
		if f.Value.Set(text) != nil {
			t.Blame(f.Name, "%q is not accepted; accepted: %s", text, accepted(f))
			return
		}
		found[f.Name] = text
	})
	return found
}

func readGroups(t *config.Table) map[string][]string {
	groups := map[string][]string{}
	if t != nil {
		for _, name := range t.Keys() {
			groups[name] = t.List(name)
			for _, who := range groups[name] {
				if !names(who) {
					t.Blame(name, "%q is not accepted; accepted: names of users, * for whoever has logged in, anonymous", who)
				}
			}
		}
	}
	return groups
}

// read reads what only a share has.
func (sh *shareSetup) read(groups map[string][]string) {
	t := sh.table
	sh.prefix, _ = t.Text("prefix")
	if sh.prefix == "" || sh.prefix[0] != '/' || path.Clean(sh.prefix) != sh.prefix {
		t.Blame("prefix", "%q is not accepted; accepted: a path such as /docs, or / for a single share", sh.prefix)
	}
	sh.dir, _ = t.Text("dir")
	if !filepath.IsAbs(sh.dir) {
		t.Blame("dir", "%q is not accepted; accepted: an absolute path, in which {user} stands for who has logged in", sh.dir)
	}
	for _, origin := range sh.cors {
		scheme, host, ok := strings.Cut(origin, "://")
		if !ok || scheme == "" || host == "" || strings.ContainsAny(host, "/*") {
			t.Blame("cors", "%q is not accepted; accepted: origins such as https://app.example", origin)
		}
	}
	var rules []auth.Rule
	for _, rt := range t.Tables("rule") {
		rules = append(rules, readRule(rt, groups))
	}
	t.Close()
	if t.Has("rule") {
		sh.who = auth.NewRules(rules, groups)
	}
}

// names tells whether who is a user or one of the words for several.
func names(who string) bool {
	return who == auth.Everybody || who == auth.Anonymous || auth.GoodName(who)
}

func readRule(t *config.Table, groups map[string][]string) auth.Rule {
	r := auth.Rule{Path: "/", Who: t.List("who")}
	if p, ok := t.Text("path"); ok {
		r.Path = p
	}
	if r.Path == "" || r.Path[0] != '/' || path.Clean(r.Path) != r.Path {
		t.Blame("path", "%q is not accepted; accepted: a path below the prefix of the share, such as /photos", r.Path)
	}
	for _, who := range r.Who {
		group, isGroup := strings.CutPrefix(who, "@")
		_, known := groups[group]
		if isGroup && !known || !isGroup && !names(who) {
			t.Blame("who", "%q is not accepted; accepted: names of users, @group of [groups], * for whoever has logged in, anonymous", who)
		}
	}
	if len(r.Who) == 0 {
		t.Blame("who", "there is nobody; accepted: names of users, @group, *, anonymous")
	}
	may, _ := t.Text("may")
	var ok bool
	if r.May, ok = auth.Rights[may]; !ok {
		t.Blame("may", "%q is not accepted; accepted: none, read, append, write", may)
	}
	t.Close()
	return r
}

// defaultWho is who may do everything where no rule says who: whoever has logged in, if anybody can.
func (set *setup) defaultWho() string {
	if set.canLogIn() {
		return auth.Everybody
	}
	return auth.Anonymous
}

// canLogIn tells whether there is a way to say who one is.
func (set *setup) canLogIn() bool {
	return set.settings.users != "" || set.tlsClientCA != "" || set.userHeader != ""
}

// prefixes blames shares that stand in each other's way, also where only the Unicode form tells them apart.
func (set *setup) prefixes() {
	for i, a := range set.shares {
		for _, b := range set.shares[:i] {
			_, inB := b.cut(a.prefix)
			_, inA := a.cut(b.prefix)
			if inA || inB {
				a.table.Blame("prefix", "%s and %s are the same, or one is inside the other", a.prefix, b.prefix)
			}
		}
	}
}

func (set *setup) String() string {
	return several(len(set.shares), "share") + ", " + several(set.users.Len(), "user")
}

// several is n of something.
func several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
