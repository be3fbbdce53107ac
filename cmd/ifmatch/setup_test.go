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
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func readSetup(t testing.TB, file string, args ...string) (*setup, error) {
	t.Helper()
	flags := defaultSettings().flags()
	if err := flags.Parse(append(args, "--config="+file)); err != nil {
		t.Fatal(err)
	}
	return newSource(flags, "").read()
}

// The file of the package is taken, also with every comment that shows a key made a key, and it shows all of them.
func TestShippedExample(t *testing.T) {
	const example = "../../systemd/ifmatch.toml"
	if _, err := readSetup(t, example); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
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
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\n[[share.rule]]\nwho = [\"@x\"]\nmay = \"rw\"\n", ":5: share.rule.who: \"@x\" is not accepted"},
		{"[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\n[[share.rule]]\nwho = [\"x\"]\nmay = \"rw\"\n", ":6: share.rule.may: \"rw\" is not accepted; accepted: none, read, append, write"},
		{"", ":1: share: there is none"},
	} {
		file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), tt.text)
		if _, err := readSetup(t, file); err == nil || !strings.Contains(err.Error(), file+tt.want) {
			t.Errorf("%q:\n%v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestFlagBeatsFileBeatsDefault(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), "durability = \"none\"\nmax-upload = \"1GiB\"\n"+
		"[[share]]\nprefix = \"/a\"\ndir = \"/srv/a\"\nmax-upload = \"2GiB\"\n[[share]]\nprefix = \"/b\"\ndir = \"/srv/b\"\ndurability = \"full\"\n")
	set, err := readSetup(t, file)
	if err != nil {
		t.Fatal(err)
	}
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
