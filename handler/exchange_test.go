package handler_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/exchange"
)

// trees are the file systems that everything must hold on.
var trees = map[string]func(t testing.TB) fs.FS{
	"memory": func(t testing.TB) fs.FS { return fs.NewMemory() },
	"disk": func(t testing.TB) fs.FS {
		base, err := fs.OpenRoot(t.TempDir(), fs.RootOptions{})
		must(t, err)
		return base
	},
}

// serve starts a server of base, as cmd sets one up, and returns its URL.
func serve(t testing.TB, base fs.FS, o handler.Options) string {
	t.Helper()
	return serveTree(t, base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}, o)
}

func serveTree(t testing.TB, base fs.FS, tags etagfs.Options, o handler.Options) string {
	t.Helper()
	tree := handler.NewTree(base, tags)
	h, err := handler.New(tree, o)
	must(t, err)
	srv := httptest.NewUnstartedServer(h)
	srv.Config.DisableGeneralOptionsHandler = true
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		tree.Close()
		base.Close()
	})
	return srv.URL
}

func TestExchanges(t *testing.T) {
	scripts, err := filepath.Glob("../testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		must(t, err)
		script, err := exchange.Parse(text)
		must(t, err)
		for kind, open := range trees {
			for mode, tags := range tagModes {
				if only := flagged(script.Flags, "--etag="); only != "" && only != strings.TrimSuffix(mode, "/no-notify") {
					continue // it is about the other kind of tag
				}
				t.Run(kind+"/"+mode+"/"+filepath.Base(path), func(t *testing.T) {
					t.Parallel()
					script.Run(t, serveTree(t, open(t), tags, optionsOf(t, script.Flags)))
				})
			}
		}
	}
}

// tagModes are the kinds of entity-tags, by their names for --etag, with reports of changes and without: the
// answers are the same.
var tagModes = map[string]etagfs.Options{
	"stat":              {Settings: etagfs.Settings{Relaxed: true}},
	"stat/no-notify":    {Settings: etagfs.Settings{Relaxed: true, NoNotify: true}},
	"content":           {Settings: etagfs.Settings{Relaxed: true, Content: true}},
	"content/no-notify": {Settings: etagfs.Settings{Relaxed: true, Content: true, NoNotify: true}},
}

func init() {
	if handler.WithoutNotify {
		delete(tagModes, "stat")
		delete(tagModes, "content")
	}
}

// flagged is the value of the flag that begins so.
func flagged(flags []string, prefix string) string {
	for _, f := range flags {
		if v, ok := strings.CutPrefix(f, prefix); ok {
			return v
		}
	}
	return ""
}

// optionsOf is what cmd makes of these flags.
func optionsOf(t testing.TB, flags []string) (o handler.Options) {
	t.Helper()
	for _, f := range flags {
		switch key, v, _ := strings.Cut(f, "="); key {
		case "--etag":
		case "--read-only":
			o.ReadOnly = true
		case "--trust-pages":
			o.TrustPages = true
		case "--require-if-match":
			o.RequireIfMatch = map[string]handler.Policy{"off": handler.PolicyOff, "warn": handler.PolicyWarn, "on": handler.PolicyOn}[v]
		case "--max-upload":
			n, err := strconv.ParseInt(v, 10, 64)
			must(t, err)
			o.MaxUploadBytes = n
		default:
			t.Fatalf("unknown flag %s", f)
		}
	}
	return o
}

var _ http.Handler = (*handler.Handler)(nil)
