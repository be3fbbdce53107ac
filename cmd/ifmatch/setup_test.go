package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func readSetup(t testing.TB, file string, args ...string) (*setup, error) {
	t.Helper()
	flags := defaultSettings().flags()
	must(t, flags.Parse(append(args, "--config="+file)))
	set, err := newSource(flags, "").parse()
	if err != nil {
		return nil, err
	}
	return set, set.mistakes()
}

// The file of the package is taken, also with every comment that shows a key made a key, and it shows all of them.
func TestShippedExample(t *testing.T) {
	const example = "../../systemd/ifmatch.toml"
	if _, err := readSetup(t, example); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(example)
	must(t, err)
	all := regexp.MustCompile(`(?m)^# (\[|[a-z-]+ = )`).ReplaceAllString(string(text), "$1")
	all = strings.Replace(all, `prefix = "/"`, `prefix = "/first"`, 1) // as it says where there are several
	if _, err := readSetup(t, writeFile(t, filepath.Join(t.TempDir(), "all.toml"), all)); err != nil {
		t.Error(err)
	}
	defaultSettings().flags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(notInFile, f.Name) && !strings.Contains(all, "\n"+f.Name+" = ") {
			t.Errorf("the example does not show %s", f.Name)
		}
	})
}

func TestMistakesInTheFile(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"listen = 5\n", `:1: listen: "5" is not accepted; accepted: HOST:PORT`},
		{"memory = true\n", ":1: memory: there is no such key here; accepted: listen"},
		{"\nlog-levle = \"info\"\n", ":2: log-levle: there is no such key here; accepted: "},
		{"[[share]]\nprefix = \"a\"\ndir = \"/srv\"\n", ":2: share.prefix: \"a\" is not accepted; accepted: a path"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"srv\"\n", ":3: share.dir: "},
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\nlisten = \":80\"\n", ":4: share.listen: there is no such key here"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\netag = \"md5\"\n", `:4: share.etag: "md5" is not accepted; accepted: stat, content`},
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\n[[share]]\nprefix = \"/a/b\"\ndir = \"/srv\"\n", ":5: share.prefix: /a/b and /a"},
		{"[[share]]\nprefix = \"/\u00e9\"\ndir = \"/srv\"\n[[share]]\nprefix = \"/e\u0301/b\"\ndir = \"/srv\"\n", ":5: share.prefix: /e\u0301/b and /\u00e9"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\n[[share.rule]]\nwho = [\"@x\"]\nmay = \"rw\"\n", ":5: share.rule.who: \"@x\" is not accepted"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\n[[share.rule]]\nwho = [\"x\"]\nmay = \"rw\"\n", ":6: share.rule.may: \"rw\" is not accepted; accepted: none, read, append, write"},
		{"[groups]\nall = [\"@family\"]\nfamily = [\"anna b\", \"ben\"]\n", ":2: groups.all: \"@family\" is not accepted; accepted: names of users"},
		{"", ":1: share: there is none"},
	} {
		file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), tt.text)
		if _, err := readSetup(t, file); err == nil || !strings.Contains(err.Error(), file+tt.want) {
			t.Errorf("%q:\n%v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// Mistakes that need a look at files, or at two keys, are on their lines as well. A beaten key is not to blame.
func TestMistakesBetweenKeys(t *testing.T) {
	const share = "[[share]]\nprefix = \"/a\"\ndir = \"DIR/a\"\n"
	for _, tt := range []struct{ text, want string }{
		{"listen = 127.0.0.1:80\n" + share, ":1: listen: expected newline but got U+002E '.'; accepted: key = \"text in quotes\""},
		{"listen = \":80\"\nlisten = \":81\"\n" + share, ":2: listen: key listen is already defined\n"},
		{"users = \"DIR/none\"\n" + share, ":1: users: open DIR/none: no such file"},
		{"users = \"DIR/bad\"\n" + share, ":1: users: DIR/bad:2: the password of anna: neither a bcrypt nor an argon2id hash"},
		{"\ntls-cert = \"DIR/x\"\n" + share, ":2: tls-cert: tls-key is missing"},
		{"tls-key = \"DIR/x\"\n" + share, ":1: tls-key: tls-cert is missing"},
		{"tls-key = \"DIR/x\"\ntls-cert = \"DIR/x\"\n" + share, ":2: tls-cert: open DIR/x: no such file"},
		{"tls-cert = \"DIR/users\"\ntls-key = \"DIR/x\"\n" + share, ":2: tls-key: open DIR/x: no such file"},
		{"tls-client-ca = \"DIR/x\"\n" + share, ":1: tls-client-ca: it needs TLS"},
		{"acme-email = \"anna@example.org\"\n" + share, ":1: acme-email: it needs acme"},
		{"tls-self-signed = true\ntls-client-ca = \"DIR/x\"\n" + share, ":2: tls-client-ca: open DIR/x: no such file"},
		{"tls-self-signed = true\nacme = \"files.example.org\"\n" + share, ":2: acme: acme and tls-self-signed exclude"},
		{"user-header = \"X-User\"\n" + share, ":1: user-header: it needs trusted-proxies"},
		{"user-header = \"X User\"\n" + share, ":1: user-header: \"X User\" is not accepted; accepted: the name of a header field"},
		{"proxy-protocol = true\n" + share, ":1: proxy-protocol: it needs trusted-proxies"},
		{"no-auth = true\nusers = \"DIR/users\"\n" + share, ":1: no-auth: it excludes"},
		{"listen = \":80\"\n" + share, ":1: listen: :80: everybody who can reach"},
		{"listen = \"127.0.0.1:80\"\nmetrics = \"127.0.0.1:80\"\n" + share, ":2: metrics: 127.0.0.1:80 is the same address"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"DIR/none\"\n", ":3: share.dir: DIR/none: there is no such directory"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"DIR/users\"\n", ":3: share.dir: DIR/users: is not a directory"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"DIR/users/x\"\n", ":3: share.dir: DIR/users/x: is not a directory"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"DIR/a/{user}\"\n", ":3: share.dir: {user} is whoever has logged in, and nobody can"},
		{"users = \"DIR/users\"\n[[share]]\nprefix = \"/a\"\ndir = \"DIR/none/{user}\"\n", ":4: share.dir: DIR/none: there is no such directory"},
		{"state = \"DIR/a/state\"\n" + share, ":4: share.dir: state, which is DIR/a/state, lies inside"},
		{"users = \"DIR/users\"\n[[share]]\nprefix = \"/a\"\ndir = \"DIR\"\n", ":1: users: DIR/users lies inside the served directory DIR,"},
		{"users = \"DIR/a/b/users\"\n[[share]]\nprefix = \"/a\"\ndir = \"DIR/a/{user}\"\n", ":1: users: DIR/a/b/users lies inside the served directory DIR/a/b,"},
		{share + "[[share]]\nprefix = \"/b\"\ndir = \"DIR/a/\"\nread-only = true\n", ":6: share.dir: /a serves the same directory without read-only=true; give both"},
	} {
		file, in := mistaken(t, tt.text)
		code, stdout, stderr := call(t.Context(), nil, "check-config", file)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "ifmatch: "+file+in(tt.want)) {
			t.Errorf("%q: exit code %d\n%s%swant %s", tt.text, code, stdout, stderr, in(tt.want))
		}
	}
	file, in := mistaken(t, "users = \"DIR/none\"\n"+share)
	if code, _, stderr := call(t.Context(), map[string]string{"IFMATCH_USERS": in("DIR/bad")}, "check-config", file); code != 2 || !strings.HasPrefix(stderr, "ifmatch: --users: ") {
		t.Errorf("beaten by the environment: %d %s", code, stderr)
	}
}

// All of them are said at once, what takes a look at files among them, and nothing that only follows from another one.
func TestAllMistakesAtOnce(t *testing.T) {
	file, in := mistaken(t, "users = \"DIR/none\"\ntrusted-proxies = \"localhost\"\nuser-header = \"X-User\"\n"+
		"[[share]]\nprefix = \"/a\"\ndir = \"DIR/none\"\nquota = \"10XB\"\n[[share]]\nprefix = \"/b\"\ndir = \"none\"\n")
	code, _, stderr := call(t.Context(), nil, "check-config", file)
	var got []string
	for line := range strings.Lines(strings.TrimPrefix(stderr, "ifmatch: ")) {
		got = append(got, strings.Join(strings.SplitN(strings.TrimPrefix(line, file+":"), ": ", 3)[:2], " "))
	}
	if want := "1 users,2 trusted-proxies,6 share.dir,7 share.quota,10 share.dir"; code != 2 || strings.Join(got, ",") != want {
		t.Errorf("exit code %d, %q, want %s\n%s", code, got, in(want), stderr)
	}
}

// What is perhaps a mistake is said, and served.
func TestRemarks(t *testing.T) {
	const text = "users = \"DIR/users\"\n[groups]\nfamily = [\"anna\", \"bem\"]\n[[share]]\nprefix = \"/a\"\ndir = \"DIR/a\"\n" +
		"[[share.rule]]\nwho = [\"@family\", \"*\", \"anonymous\", \"ana\"]\nmay = \"read\"\n[[share]]\nprefix = \"/b\"\ndir = \"DIR/a/b\"\n"
	file, in := mistaken(t, text)
	must(t, os.Chmod(in("DIR/users"), 0o606))
	code, stdout, stderr := call(t.Context(), nil, "check-config", file)
	want := in(strings.ReplaceAll(`perhaps a mistake: FILE:12: share.dir: DIR/a/b lies in the directory of /a: neither knows of the other's locks
perhaps a mistake: DIR/users:1: everybody on this machine may write this file
perhaps a mistake: FILE:3: groups.family: there is no user bem in DIR/users
perhaps a mistake: FILE:8: share.rule.who: there is no user ana in DIR/users
`, "FILE", file))
	if code != 0 || stdout != file+": 2 shares, 1 user\n" || stderr != want {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	start(t, nil, "--config="+file).logged(`"msg":"perhaps a mistake","where":"` + file + `:8","key":"share.rule.who"`)
}

// Where nobody can log in, a rule for people is for nobody.
func TestRemarksWhereNobodyCanLogIn(t *testing.T) {
	const rules = "[[share]]\nprefix = \"/a\"\ndir = \"DIR/a\"\n[[share.rule]]\nwho = [\"anna\", \"*\", \"anonymous\"]\nmay = \"read\"\n"
	for _, tt := range []struct{ text, want string }{
		{rules, ":5: share.rule.who: anna is nobody: without users, "},
		{rules, ":5: share.rule.who: * is nobody: without users, "},
		{"users = \"DIR/none\"\n" + rules, "DIR/none:1: there is nobody in this file"},
		{"user-header = \"X-User\"\ntrusted-proxies = \"192.0.2.1\"\n" + rules, ""},
	} {
		file, in := mistaken(t, tt.text)
		writeFile(t, in("DIR/none"), "# nobody yet\n")
		code, _, stderr := call(t.Context(), nil, "check-config", file)
		if code != 0 || !strings.Contains(stderr, in(tt.want)) || tt.want == "" && stderr != "" || strings.Contains(stderr, "anonymous") {
			t.Errorf("%q: exit code %d\n%swant %s", tt.text, code, stderr, in(tt.want))
		}
	}
}

// A home that a share has in another way is answered 500, so it is said which, and why.
func TestRemarksOnHomesThatAreShared(t *testing.T) {
	share := func(prefix, rest string) string {
		return "[[share]]\nprefix = \"" + prefix + "\"\ndir = \"DIR/" + rest + "\n"
	}
	const known, unknown = "users = \"DIR/users\"\n", "user-header = \"X-User\"\ntrusted-proxies = [\"192.0.2.1\"]\n"
	const said = "share.dir: the home of anna is the directory of /docs, which is served without etag=stat quota=1KiB; until both agree, anna is answered 500\n"
	anna, homes := share("/docs", "anna\"\netag = \"content\""), share("/home", "{user}\"\nquota = \"1KiB\"")
	for _, tt := range []struct{ text, want string }{
		{known + anna + homes, ":8: " + said},
		{known + homes + anna, ":4: " + said},
		{unknown + anna + homes, ":9: " + said},
		{"state = \"" + t.TempDir() + "\"\n" + known + anna + homes, ":9: " + said},
		{known + share("/docs", "anna\"\nquota = \"1KiB\"\nmax-upload = \"1MiB\"") + homes, ""},
		{known + share("/docs", "a\"") + homes, ""}, // there is no user of this name
		{unknown + share("/docs", "a\"") + homes, ":8: share.dir: the home of a is the directory of /docs, which is served without quota="},
		{unknown + share("/docs", ".cache\"") + homes, ""},
		{known + share("/docs", "anna\"") + share("/home", "x-{user}\"\nquota = \"1KiB\""), ""},
	} {
		file, in := mistaken(t, tt.text)
		for _, dir := range []string{"anna", ".cache"} {
			must(t, os.Mkdir(in("DIR/"+dir), 0o700))
		}
		code, _, stderr := call(t.Context(), nil, "check-config", file)
		want, lines := "", 0
		if tt.want != "" {
			want, lines = "perhaps a mistake: "+file+tt.want, 1
		}
		if code != 0 || !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != lines {
			t.Errorf("%q: exit code %d\n%swant %s", tt.text, code, stderr, want)
		}
	}
}

// mistaken writes a file in which DIR is a directory that has a little of everything, and the same for other texts.
func mistaken(t testing.TB, text string) (file string, in func(string) string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
	writeFile(t, filepath.Join(dir, "users"), "anna:$2a$04$OtXwHN0sGxBPEsKwOVqvouyLPJWcwm5o2TlW0QPsLgEFtvEUqsAEe\n")
	writeFile(t, filepath.Join(dir, "bad"), "\nanna:plain\n")
	in = func(s string) string { return strings.ReplaceAll(s, "DIR", dir) }
	return writeFile(t, filepath.Join(dir, "x.toml"), in(text)), in
}

func TestFlagBeatsFileBeatsDefault(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), "durability = \"none\"\nmax-upload = \"1GiB\"\n"+
		"[[share]]\nprefix = \"/a\"\ndir = \"/srv/a\"\nmax-upload = \"2GiB\"\n[[share]]\nprefix = \"/b\"\ndir = \"/srv/b\"\ndurability = \"full\"\n")
	set, err := readSetup(t, file)
	must(t, err)
	a, b := set.shares[0], set.shares[1]
	if a.durability.value != "none" || b.durability.value != "full" || a.maxUpload != 2<<30 || b.maxUpload != 1<<30 {
		t.Error("the share does not beat the file")
	}
	if set, err = readSetup(t, file, "--durability=none", "--max-upload=3"); err != nil {
		t.Fatal(err)
	}
	if b = set.shares[1]; b.durability.value != "none" || b.maxUpload != 3 {
		t.Error("the flag does not beat the share")
	}
}
