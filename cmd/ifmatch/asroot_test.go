//go:build unix

package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAsRoot(t *testing.T) {
	file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), "[[share]]\nprefix = \"/\"\ndir = \"/srv\"\n")
	for _, tt := range []struct {
		what    string
		euid    int
		args    []string
		env     map[string]string
		refused bool
		warned  bool
	}{
		{"typed at a shell", 0, nil, nil, false, true},
		{"typed by a user", 1000, nil, nil, false, false},
		{"nothing on disk", 0, []string{"--memory"}, nil, false, false},
		{"for other machines", 0, []string{"--listen=:8080", "--no-auth"}, nil, true, false},
		{"a configuration", 0, []string{"--config=" + file}, nil, true, false},
		{"a configuration of a user", 1000, []string{"--config=" + file}, nil, false, false},
		{"told to", 0, []string{"--config=" + file, "--allow-root"}, nil, false, false},
		{"a service", 0, nil, map[string]string{"NOTIFY_SOCKET": "/run/systemd/notify"}, true, false},
		{"an activated service", 0, nil, map[string]string{"LISTEN_PID": "1"}, true, false},
	} {
		flags := defaultSettings().flags()
		must(t, flags.Parse(tt.args))
		set, err := newSource(flags, "/srv").parse()
		must(t, err)
		var log bytes.Buffer
		err = set.asRoot(tt.euid, slog.New(slog.NewTextHandler(&log, nil)), func(name string) string { return tt.env[name] })
		if (err != nil) != tt.refused || (log.Len() > 0) != tt.warned {
			t.Errorf("%s: %v, logged %q", tt.what, err, log.String())
		}
	}
}

// The program itself, as far as the tests have the user for it.
func TestProgramAsRoot(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), "listen = \"nowhere.invalid:1\"\n[[share]]\nprefix = \"/\"\ndir = \""+dir+"\"\n")
	code, _, stderr := call(t.Context(), map[string]string{"IFMATCH_ALLOW_ROOT": ""}, "serve", "--state="+t.TempDir(), "--config="+file)
	if refused := code == 2 && strings.Contains(stderr, "--allow-root"); refused != (os.Geteuid() == 0) {
		t.Errorf("as user %d: exit code %d, %s", os.Geteuid(), code, stderr)
	}
}
