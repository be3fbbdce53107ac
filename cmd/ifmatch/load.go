package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"ifmatch/cmd/ifmatch/auth"
	"ifmatch/cmd/ifmatch/config"
)

// What takes more than a look at one key: files and directories that a setup names, and keys that do not go together.

// load reads the setup and the files that it names, and tells whether it could be served. What takes several keys is looked
// at when each of them is good: else what is said could follow from another mistake only.
// Errors: *usageError with all mistakes of the file.
func (src source) load() (*setup, error) {
	set, err := src.parse()
	if err != nil {
		return nil, err
	}
	good := set.mistakes() == nil
	if good {
		err = set.consistent()
	}
	if good && err == nil {
		err = set.hidden()
	}
	if err == nil && set.settings.users != "" {
		if set.users, err = auth.ReadUsers(set.settings.users); err != nil {
			err = set.wrong("users", "%v", err)
		}
	}
	for _, sh := range set.shares {
		if sh.who == nil {
			sh.who = auth.NewRules([]auth.Rule{{Path: "/", Who: []string{set.defaultWho()}, May: auth.Write}}, nil)
		}
		if sh.table != nil && filepath.IsAbs(sh.dir) {
			sh.check(set)
		}
	}
	if good {
		set.once()
	}
	if err := set.mistakes(); err != nil {
		return nil, err // with err, if the file is to blame
	}
	if err != nil {
		return nil, err
	}
	return set, set.readTLS()
}

// check blames a directory that cannot be served.
func (sh *shareSetup) check(set *setup) {
	dir, _, homes := strings.Cut(sh.dir, "{user}")
	if homes {
		dir = filepath.Dir(dir + "x") // in which homes are made
	}
	switch err := directoryAt(dir); {
	case err != nil:
		sh.table.Blame("dir", "%v", err)
	case homes && !set.canLogIn():
		sh.table.Blame("dir", "{user} is whoever has logged in, and nobody can: there are no users")
	case set.state != "" && within(real(set.state), real(dir)):
		sh.table.Blame("dir", "state, which is %s, lies inside, where clients could reach it; choose another one", set.state)
	}
}

var fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]*$") // RFC 9110 §5.1

// once gives each directory of a file its real path, under which it is opened once, however it is spelled, today or after a
// reload.
func (set *setup) once() {
	for i, b := range set.shares {
		if b.table == nil {
			continue
		}
		b.named, b.dir = b.dir, real(b.dir)
		for _, a := range set.shares[:i] {
			if a.dir != b.dir {
				continue
			}
			if other := differing(opening(a.settings), opening(b.settings)); other != "" {
				b.table.Blame("dir", "%s serves the same directory without %s; give both the same settings", a.prefix, other)
			}
		}
	}
}

// consistent refuses settings that do not go together.
func (set *setup) consistent() error {
	switch {
	case set.metrics.addr != "" && set.metrics.address == set.listen && !strings.HasSuffix(set.listen.addr, ":0"):
		return set.wrong("metrics", "%s is the same address as that of --listen; files and metrics need one each", set.metrics.String())
	case set.tlsCert != "" && set.tlsKey == "":
		return set.wrong("tls-cert", "tls-key is missing; the two are given together")
	case set.tlsCert == "" && set.tlsKey != "":
		return set.wrong("tls-key", "tls-cert is missing; the two are given together")
	case set.tlsClientCA != "" && !set.tls():
		return set.wrong("tls-client-ca", "it needs TLS: tls-cert and tls-key, acme or tls-self-signed")
	case set.acmeEmail != "" && len(set.acme) == 0:
		return set.wrong("acme-email", "it needs acme: the names that certificates are for")
	case set.tlsCert != "" && (len(set.acme) > 0 || set.tlsSelfSigned):
		return set.wrong("tls-cert", "tls-cert, acme and tls-self-signed exclude each other")
	case len(set.acme) > 0 && set.tlsSelfSigned:
		return set.wrong("acme", "acme and tls-self-signed exclude each other")
	case !fieldName.MatchString(set.userHeader):
		return set.wrong("user-header", "%q is not accepted; accepted: the name of a header field, such as X-Remote-User", set.userHeader)
	case set.userHeader != "" && len(set.trustedProxies.text) == 0:
		return set.wrong("user-header", "it needs trusted-proxies: nobody else may say who has logged in")
	case set.proxyProtocol && len(set.trustedProxies.text) == 0:
		return set.wrong("proxy-protocol", "it needs trusted-proxies: nobody else may say who the client is")
	case set.noAuth && set.canLogIn():
		return set.wrong("no-auth", "it excludes what people log in with: users, user-header and tls-client-ca")
	}
	return nil
}

// ruling are the files by which the server is ruled, with their keys; "" for none.
func (set *setup) ruling() []struct{ key, path string } {
	return []struct{ key, path string }{{"users", set.settings.users}, {"config", set.settings.config},
		{"tls-cert", set.tlsCert}, {"tls-key", set.tlsKey}, {"tls-client-ca", set.tlsClientCA}}
}

// hidden refuses files by which the server is ruled where clients could read and replace them.
func (set *setup) hidden() error {
	for _, f := range set.ruling() {
		if f.path == "" {
			continue
		}
		link := filepath.Join(real(filepath.Dir(f.path)), filepath.Base(f.path))
		for _, sh := range set.shares {
			if dir := cmp.Or(sh.around(link), sh.around(real(f.path))); dir != "" {
				return set.wrong(f.key, "%s lies inside the served directory %s, where clients could reach it; choose another place", f.path, dir)
			}
		}
	}
	return nil
}

// around is the directory of the share that a file is in; "": none.
func (sh *shareSetup) around(file string) string {
	if sh.dir == "" {
		return "" // in memory
	}
	served := shareSetup{dir: real(sh.dir)}
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if served.serves(dir) {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// guarded refuses to let strangers in by accident. local: only this machine can reach us.
func (set *setup) guarded(local bool) error {
	if local || set.canLogIn() || set.noAuth {
		return nil
	}
	const say = "everybody who can reach this address could read and change the files: name a file of users (--users FILE), or allow it with --no-auth"
	if set.listen.loopback() {
		return usagef("%s", say) // it is a socket of the service manager
	}
	return set.wrong("listen", "%s: %s", set.listen.String(), say)
}

// remarks are what is perhaps a mistake.
func (set *setup) remarks() (all []config.Problem) {
	for _, a := range set.shares {
		for _, b := range set.shares {
			if dir, _, _ := strings.Cut(a.dir, "{user}"); a.prefix != b.prefix && a.dir != b.dir && within(real(dir), real(b.dir)) {
				all = append(all, a.table.Problem("dir", "%s lies in the directory of %s: neither knows of the other's locks", a.dir, b.prefix))
			}
		}
	}
	for _, f := range set.ruling() {
		if fi, err := os.Stat(f.path); err == nil && fi.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows" {
			all = append(all, config.Problem{File: f.path, Line: 1, Say: "everybody on this machine may write this file"})
		}
	}
	all = append(all, set.sharedHomes()...)
	return append(all, set.strangers()...)
}

// sharedHomes are homes that cannot be served, since a share that names the directory has it otherwise. Only their users
// are harmed, and each by a name that may come and go: so the others are served.
func (set *setup) sharedHomes() (all []config.Problem) {
	for _, a := range set.shares {
		for _, b := range set.shares {
			user := b.userAt(a.dir)
			if !auth.GoodName(user) || set.usersAreKnown() && !set.users.Has(user) || set.shareOf(a.dir) != a {
				continue
			}
			as, bs := *a.settings, *b.settings
			as.state, bs.state = "", "" // one place for both, named after the directory
			if other := differing(opening(&as), opening(&bs)); other != "" {
				all = append(all, b.table.Problem("dir", "the home of %s is the directory of %s, which is served without %s; until both agree, %s is answered 500",
					user, a.prefix, other, user))
			}
		}
	}
	return all
}

// usersAreKnown tells whether nobody can log in but those of the file of users.
func (set *setup) usersAreKnown() bool {
	return set.users != nil && set.userHeader == "" && set.tlsClientCA == ""
}

// strangers are rules for users that there are not. That is no mistake when one was removed, and a reload that
// refused to remove somebody for it would be worse.
func (set *setup) strangers() (all []config.Problem) {
	look := func(t *config.Table, key string, say func(who string) string) {
		for _, who := range t.List(key) {
			if text := say(who); text != "" {
				all = append(all, t.Problem(key, "%s", text))
			}
		}
	}
	missing := func(who string) string {
		if !auth.GoodName(who) || set.users.Has(who) {
			return ""
		}
		return fmt.Sprintf("there is no user %s in %s", who, set.settings.users)
	}
	nobody := func(who string) string {
		if who == auth.Anonymous {
			return ""
		}
		return who + " is nobody: without users, user-header or tls-client-ca nobody can log in"
	}
	if set.usersAreKnown() && set.users.Len() == 0 {
		all = append(all, config.Problem{File: set.settings.users, Line: 1, Say: "there is nobody in this file, so nobody can log in; ifmatch passwd adds a user"})
	}
	say := nobody
	switch {
	case set.doc == nil, set.canLogIn() && !set.usersAreKnown():
		return all
	case set.canLogIn():
		say = missing
		if groups := set.doc.Root.Table("groups"); groups != nil {
			for _, name := range groups.Keys() {
				look(groups, name, missing)
			}
		}
	}
	for _, sh := range set.shares {
		for _, rule := range sh.table.Tables("rule") {
			look(rule, "who", say)
		}
	}
	return all
}

// logRemarks writes a line for each.
func (set *setup) logRemarks(log *slog.Logger) {
	for _, p := range set.remarks() {
		log.Warn("perhaps a mistake", "where", fmt.Sprintf("%s:%d", p.File, p.Line), "key", p.Key, "what", p.Say)
	}
}

// wrong is a mistake in a setting: on its line, if the file has it, else in the flag.
func (set *setup) wrong(key, format string, args ...any) error {
	if _, beaten := set.given[key]; set.doc != nil && !beaten && set.doc.Root.Has(key) {
		set.doc.Root.Blame(key, format, args...)
		return usagef("%w", set.doc.Err())
	}
	return usagef("--"+key+": "+format, args...)
}
