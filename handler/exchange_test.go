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
		if err != nil {
			t.Fatal(err)
		}
		return base
	},
}

// serve starts a server of base, as cmd sets one up, and returns its URL.
func serve(t testing.TB, base fs.FS, o handler.Options) string {
	t.Helper()
	h, err := handler.New(etagfs.New(base, etagfs.Options{Relaxed: true}), o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.DisableGeneralOptionsHandler = true
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		base.Close()
	})
	return srv.URL
}

func TestExchanges(t *testing.T) {
	scripts, err := filepath.Glob("../testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for kind, open := range trees {
		for _, path := range scripts {
			t.Run(kind+"/"+filepath.Base(path), func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				script, err := exchange.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				script.Run(t, serve(t, open(t), optionsOf(t, script.Flags)))
			})
		}
	}
}

// optionsOf is what cmd makes of these flags.
func optionsOf(t testing.TB, flags []string) (o handler.Options) {
	t.Helper()
	for _, f := range flags {
		switch key, v, _ := strings.Cut(f, "="); key {
		case "--read-only":
			o.ReadOnly = true
		case "--require-if-match":
			o.RequireIfMatch = map[string]handler.Policy{"off": handler.PolicyOff, "warn": handler.PolicyWarn, "on": handler.PolicyOn}[v]
		case "--max-upload":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			o.MaxUploadBytes = n
		default:
			t.Fatalf("unknown flag %s", f)
		}
	}
	return o
}

var _ http.Handler = (*handler.Handler)(nil)
