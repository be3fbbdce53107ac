package main

import (
	"bufio"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// imports is the policy of who may import whom, as design.md gives it: they point down only.
// A line is "package: what it may import outside the standard library", with ours first. What
// stands after "std:" are packages of the standard library that nobody else may have.
const imports = `
ifmatch/cmd/ifmatch:
	ifmatch/handler ifmatch/handler/lock ifmatch/etagfs ifmatch/etagfs/state ifmatch/fs
	ifmatch/cmd/ifmatch/client ifmatch/cmd/ifmatch/doctor ifmatch/cmd/ifmatch/admin ifmatch/cmd/ifmatch/auth ifmatch/cmd/ifmatch/config
	github.com/coreos/go-systemd/v22/activation github.com/coreos/go-systemd/v22/daemon github.com/coreos/go-systemd/v22/journal
	github.com/spf13/cobra github.com/spf13/cobra/doc github.com/spf13/pflag
	golang.org/x/crypto/acme golang.org/x/crypto/acme/autocert
	github.com/prometheus/client_golang/prometheus github.com/prometheus/client_golang/prometheus/collectors
	github.com/prometheus/client_golang/prometheus/promhttp golang.org/x/sync/singleflight
	github.com/pires/go-proxyproto github.com/jdx/go-netrc github.com/schollz/progressbar/v3 golang.org/x/term golang.org/x/sys/unix
	std: net/http net os/signal
ifmatch/cmd/ifmatch/admin:
	ifmatch/handler/lock ifmatch/etagfs ifmatch/fs golang.org/x/sys/unix
	std: net/http net
ifmatch/cmd/ifmatch/auth:
	golang.org/x/crypto/argon2 golang.org/x/crypto/bcrypt golang.org/x/text/unicode/norm
ifmatch/cmd/ifmatch/config:
	github.com/pelletier/go-toml/v2 github.com/pelletier/go-toml/v2/unstable
ifmatch/cmd/ifmatch/client:
	ifmatch/handler/merge golang.org/x/sys/unix
	std: net/http net
ifmatch/cmd/ifmatch/doctor:
	ifmatch/cmd/ifmatch/client
	std: net/http
ifmatch/handler:
	ifmatch/handler/lock ifmatch/handler/merge ifmatch/handler/web ifmatch/etagfs ifmatch/etagfs/state ifmatch/fs
	golang.org/x/net/webdav golang.org/x/text/unicode/norm
	github.com/dunglas/httpsfv
	std: net/http
ifmatch/handler/exchange:
	std: net/http net
ifmatch/handler/lock:
	golang.org/x/net/webdav
ifmatch/handler/merge:
ifmatch/handler/web:
	github.com/yuin/goldmark github.com/yuin/goldmark/ast github.com/yuin/goldmark/extension
	github.com/yuin/goldmark/extension/ast github.com/yuin/goldmark/renderer
	github.com/yuin/goldmark/parser github.com/yuin/goldmark/text github.com/yuin/goldmark/util
ifmatch/etagfs:
	ifmatch/fs golang.org/x/sync/singleflight
ifmatch/etagfs/state:
	ifmatch/fs
	go.etcd.io/bbolt go.etcd.io/bbolt/errors golang.org/x/sys/unix golang.org/x/sys/windows
ifmatch/fs:
	github.com/spf13/afero github.com/fsnotify/fsnotify
	golang.org/x/sync/errgroup golang.org/x/sys/unix golang.org/x/sys/windows
ifmatch/fs/fstest:
	ifmatch/fs github.com/spf13/afero
ifmatch/fs/fstest/loop:
	github.com/hanwen/go-fuse/v2/fs github.com/hanwen/go-fuse/v2/fuse golang.org/x/sys/unix
`

func TestImportsPointDownOnly(t *testing.T) {
	allowed, scarce := parsePolicy(imports)
	unused := maps.Clone(allowed)
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for pkg, got := range importsOf(t, goos) {
			may, ok := allowed[pkg]
			if !ok {
				t.Errorf("%s is not in the policy: say there what it may import", pkg)
				continue
			}
			unused[pkg] = slices.DeleteFunc(slices.Clone(unused[pkg]), func(imp string) bool { return slices.Contains(got, imp) })
			for _, imp := range got {
				ours := strings.Contains(imp, ".") || strings.HasPrefix(imp, "ifmatch/")
				if (ours || scarce[imp]) && !slices.Contains(may, imp) {
					t.Errorf("%s imports %s on %s; the policy does not allow that", pkg, imp, goos)
				}
			}
		}
	}
	for pkg, none := range unused {
		if len(none) > 0 {
			t.Errorf("%s imports no %s; the policy need not allow that", pkg, none)
		}
	}
}

// parsePolicy returns what each package may import, and the standard packages not for everybody.
func parsePolicy(text string) (allowed map[string][]string, scarce map[string]bool) {
	allowed, scarce = map[string][]string{}, map[string]bool{}
	var pkg string
	var std bool
	words := bufio.NewScanner(strings.NewReader(text))
	words.Split(bufio.ScanWords)
	for words.Scan() {
		switch w := words.Text(); {
		case w == "std:":
			std = true
		case strings.HasSuffix(w, ":"):
			pkg, std = strings.TrimSuffix(w, ":"), false
			allowed[pkg] = nil
		default:
			allowed[pkg] = append(allowed[pkg], w)
			if std {
				scarce[w] = true
			}
		}
	}
	return allowed, scarce
}

// importsOf asks the go command what each package of the module imports, tests apart.
func importsOf(t *testing.T, goos string) map[string][]string {
	cmd := goCommand("list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Env, "GOOS="+goos)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	list := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		list[fields[0]] = fields[1:]
	}
	return list
}
