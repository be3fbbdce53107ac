package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs the program in this process, as an operator would type it.
func call(ctx context.Context, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, strings.NewReader(""), &out, &errs, func(name string) string {
		if v, ok := env[name]; ok || name != "IFMATCH_ALLOW_ROOT" {
			return v
		}
		return os.Getenv(name)
	})
	return code, out.String(), errs.String()
}

// Each mistake is answered by one sentence that names it, before anything listens.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, nil, 0o644))
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer busy.Close()
	taken := busy.Addr().String()

	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		code int
		want []string // what the sentence says
	}{
		{"no such command", []string{"server", dir}, nil, 2, []string{"server", "serve", "version"}},
		{"no such flag", []string{"serve", "--etags=stat", dir}, nil, 2, []string{"--etags", "no such flag", "--etag,"}},
		{"flag without its value", []string{"serve", dir, "--durability"}, nil, 2, []string{"--durability", "full, none"}},
		{"no directory named", []string{"serve"}, nil, 2, []string{"directory", "missing"}},
		{"two directories named", []string{"serve", dir, dir}, nil, 2, []string{"2 arguments", "only the directory"}},
		{"empty name of a directory", []string{"serve", ""}, nil, 2, []string{"directory", "missing"}},
		{"directory and --memory", []string{"serve", "--memory", dir}, nil, 2, []string{"no argument"}},
		{"missing directory", []string{"serve", filepath.Join(dir, "none")}, nil, 2, []string{"none", "no such directory"}},
		{"file instead of directory", []string{"serve", file}, nil, 2, []string{"file", "not a directory"}},
		{"file as a parent", []string{"serve", filepath.Join(file, "x")}, nil, 2, []string{"not a directory"}},
		{"etag", []string{"serve", "--etag=md5", dir}, nil, 2, []string{"--etag", `"md5"`, "stat"}},
		{"durability", []string{"serve", "--durability=half", dir}, nil, 2, []string{"--durability", `"half"`, "full, none"}},
		{"require-if-match", []string{"serve", "--require-if-match=yes", dir}, nil, 2, []string{"--require-if-match", `"yes"`, "off, warn, on"}},
		{"read-only", []string{"serve", "--read-only=perhaps", dir}, nil, 2, []string{"--read-only", `"perhaps"`, "true, false"}},
		{"max-upload", []string{"serve", "--max-upload=huge", dir}, nil, 2, []string{"--max-upload", `"huge"`, "10GiB"}},
		{"log-format", []string{"serve", "--log-format=xml", dir}, nil, 2, []string{"--log-format", `"xml"`, "text, json"}},
		{"listen", []string{"serve", "--listen=8080", dir}, nil, 2, []string{"--listen", `"8080"`, "HOST:PORT", "unix:/PATH"}},
		{"hosts", []string{"serve", "--hosts=files.example,https://files.example", dir}, nil, 2, []string{"--hosts", "names such as files.example.org"}},
		{"metrics for everybody", []string{"serve", "--metrics=0.0.0.0:8081", dir}, nil, 2, []string{"--metrics", "only this machine", "127.0.0.1:PORT"}},
		{"metrics on every interface", []string{"serve", "--metrics=:8081", dir}, nil, 2, []string{"--metrics", "only this machine"}},
		{"metrics without a port", []string{"serve", "--metrics=127.0.0.1", dir}, nil, 2, []string{"--metrics", "unix:/PATH"}},
		{"metrics where files are", []string{"serve", "--metrics", taken, "--listen", taken, dir}, nil, 2, []string{"--metrics", "--listen", "same address"}},
		{"metrics port in use", []string{"serve", "--listen=127.0.0.1:0", "--metrics", taken, dir}, nil, 1, []string{"metrics", taken, "in use"}},
		{"shutdown-timeout", []string{"serve", "--shutdown-timeout=soon", dir}, nil, 2, []string{"--shutdown-timeout", `"soon"`, "30s"}},
		{"idle-timeout", []string{"serve", "--idle-timeout=-1s", dir}, nil, 2, []string{"--idle-timeout", `"-1s"`, "30s"}},
		{"environment", []string{"serve", dir}, map[string]string{"IFMATCH_DURABILITY": "half"}, 2, []string{"IFMATCH_DURABILITY", `"half"`, "full, none"}},
		{"state inside the tree", []string{"serve", "--state", filepath.Join(dir, "state"), dir}, nil, 2, []string{"--state", "inside"}},
		{"users inside the tree", []string{"serve", "--users", file, dir}, nil, 2, []string{"--users", file, "inside", dir}},
		{"key inside the tree", []string{"serve", "--tls-cert=/none", "--tls-key", filepath.Join(dir, "key"), dir}, nil, 2, []string{"--tls-key", "inside"}},
		{"file instead of a state directory", []string{"serve", "--state", file, t.TempDir()}, nil, 2, []string{file, "not a directory", "--state"}},
		{"no such certificates", []string{"ls", "--cacert", filepath.Join(dir, "none"), "https://127.0.0.1:1/"}, nil, 2, []string{"--cacert", "no such file"}},
		{"interval", []string{"watch", "--interval=often", "http://a/b"}, nil, 2, []string{"--interval", "accepted: a duration such as 500ms, 2s or 1m"}},
		{"port in use", []string{"serve", "--listen", taken, dir}, nil, 1, []string{taken, "in use"}},
		{"no such interface", []string{"serve", "--listen", "192.0.2.1:0", dir}, nil, 1, []string{"192.0.2.1:0", "does not have the address"}},
		{"socket in a missing directory", []string{"serve", "--listen", "unix:" + filepath.Join(dir, "none", "s"), dir}, nil, 1, []string{"unix:", "no such directory"}},
		{"socket where a file is", []string{"serve", "--listen", "unix:" + file, dir}, nil, 1, []string{"unix:", "not a socket"}},
		{"socket with a long path", []string{"serve", "--listen", "unix:" + filepath.Join(dir, strings.Repeat("long", 40)), dir}, nil, 1, []string{"unix:", "too long for a socket"}},
		{"no such flag of one letter", []string{"serve", "-x", dir}, nil, 2, []string{"ifmatch: -x: no such flag"}},
		{"flag with one dash", []string{"serve", "-max-upload", "1MB", dir}, nil, 2, []string{"ifmatch: -max-upload: no such flag", "--max-upload"}},
		{"value of a switch apart", []string{"serve", "--read-only", "no", dir}, nil, 2, []string{`"no"`, "only the directory"}},
		{"directory and a file that a variable names", []string{"serve", dir}, map[string]string{"IFMATCH_CONFIG": file}, 2, []string{dir, "--config", "IFMATCH_CONFIG"}},
		{"no such configuration", []string{"serve", "--config", filepath.Join(dir, "none")}, nil, 2, []string{"configuration file", "no such file"}},
		{"too few arguments", []string{"passwd", file}, nil, 2, []string{"too few arguments", "FILE USER"}},
		{"too many arguments", []string{"get", "http://a/b", "c", "d"}, nil, 2, []string{"too many arguments", "URL [FILE]"}},
		{"shell without completion", []string{"completion", "ksh"}, nil, 2, []string{"ksh", "bash, fish, powershell, zsh"}},
		{"help for what is not there", []string{"help", "serv"}, nil, 2, []string{"serv: no such command", "serve"}},
		{"man of a command with an argument", []string{"man", "serve", "dir"}, nil, 2, []string{"serve dir: no such command"}},
		{"version with an argument", []string{"version", "now"}, nil, 2, []string{"version", "now"}},
		{"man of what is not there", []string{"man", "serv"}, nil, 2, []string{"serv", "serve"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a server that starts in spite of the mistake ends at once
			env := map[string]string{"HOME": t.TempDir()}
			for k, v := range tt.env {
				env[k] = v
			}
			code, stdout, stderr := call(ctx, env, tt.args...)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			last := lines[len(lines)-1]
			if code != tt.code || stdout != "" || !strings.HasPrefix(last, "ifmatch: ") {
				t.Fatalf("exit code %d, stdout %q, stderr %q, want code %d", code, stdout, stderr, tt.code)
			}
			for _, w := range tt.want {
				if !strings.Contains(last, w) {
					t.Errorf("%q does not say %q", last, w)
				}
			}
			if strings.Contains(stderr, "msg=serving") {
				t.Error("it listened in spite of the mistake")
			}
		})
	}
}

// Two servers on one state directory would not see each other's locks: the second one says so and ends.
func TestStateInUse(t *testing.T) {
	state := t.TempDir()
	start(t, nil, "--state", state, t.TempDir())
	code, _, stderr := call(t.Context(), nil, "serve", "--listen=127.0.0.1:0", "--state", state, t.TempDir())
	if code != 1 || !strings.Contains(stderr, "state directory "+state+": another ifmatch uses it\n") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

// TestNoHome: the sentence says what helps, which is not the same for all commands.
func TestNoHome(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "") // of Windows
	for remedy, commands := range map[string][][]string{
		"--state":        {{"serve", "--listen=127.0.0.1:0", t.TempDir()}, {"hash", t.TempDir()}, {"locks"}},
		"XDG_STATE_HOME": {{"get", "http://127.0.0.1:1/a", "-"}},
	} {
		for _, args := range commands {
			if code, _, stderr := call(t.Context(), nil, args...); code != 2 || !strings.Contains(stderr, remedy) {
				t.Errorf("%s: exit code %d, stderr %q, want 2 and %s", args[0], code, stderr, remedy)
			}
		}
	}
}

func TestStateDir(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	own := ownName(dir)
	for _, tt := range []struct {
		name, flag string
		env        map[string]string
		want       string
	}{
		{"flag", filepath.Join(home, "mine"), map[string]string{"STATE_DIRECTORY": "/var/lib/ifmatch"}, filepath.Join(home, "mine")},
		{"systemd", "", map[string]string{"STATE_DIRECTORY": home + string(os.PathListSeparator) + "/other", "XDG_STATE_HOME": "/x"}, filepath.Join(home, own)},
		{"XDG", "", map[string]string{"XDG_STATE_HOME": home, "HOME": "/nobody"}, filepath.Join(home, "ifmatch", own)},
		{"relative XDG does not count", "", map[string]string{"XDG_STATE_HOME": "x", "HOME": home}, filepath.Join(home, ".local/state/ifmatch", own)},
		{"home", "", map[string]string{"HOME": home}, filepath.Join(home, ".local/state/ifmatch", own)},
	} {
		got, err := stateDir(dir, tt.flag, func(name string) string { return tt.env[name] })
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
	if other := ownName(home); other == own {
		t.Errorf("two directories share the state %s", own)
	}
	link := filepath.Join(home, "link")
	must(t, os.Symlink(dir, link))
	if ownName(link) != own {
		t.Error("a link to a directory has another state than the directory")
	}
	if _, err := stateDir(dir, filepath.Join(link, "state"), os.Getenv); err == nil {
		t.Error("state inside the served directory, reached by a link, is accepted")
	}
}
