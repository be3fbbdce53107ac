//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	must(t, err)
	return string(text)
}

// blocks returns what README shows in fences of a kind.
func blocks(text, kind string) (found []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+kind+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// The sessions of README are typed into a shell, and what it shows is what comes out; "..." stands for
// what differs from time to time.
func TestReadmeSessions(t *testing.T) {
	sessions := blocks(readme(t), "console")
	if len(sessions) == 0 {
		t.Fatal("README shows no session")
	}
	for _, session := range sessions {
		addr := freeAddress(t)
		var script strings.Builder
		var commands, want []string
		for line := range strings.Lines(session) {
			if cmd, ok := strings.CutPrefix(line, "$ "); ok {
				commands, want = append(commands, cmd), append(want, "")
				fmt.Fprintf(&script, "%secho '--'\n", strings.ReplaceAll(cmd, "127.0.0.1:8080", addr))
				if strings.HasSuffix(cmd, "&\n") {
					t.Errorf("$ %swho pastes all lines finds no server with the next one", cmd)
				}
				if strings.HasSuffix(cmd, "& sleep 1\n") { // a machine under load needs longer
					fmt.Fprintf(&script, "for i in {1..2400}; do curl -s -o /dev/null http://%s/ && break; sleep .05; done\n", addr)
				}
			} else {
				want[len(want)-1] += line
			}
		}
		got := strings.Split(shell(t, addr, script.String()), "--\n")
		for i, cmd := range commands {
			if !looksLike(got[i], want[i]) {
				t.Errorf("$ %sgot:\n%swant:\n%s", cmd, got[i], want[i])
			}
		}
	}
}

// freeAddress is one where nothing listens, with a port below those that connections get: one of these could be taken
// before the program listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(12_000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// shell runs a script in a new directory, and returns what it printed. IFMATCH_LISTEN
// keeps servers off the default port.
func shell(t *testing.T, addr, script string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", "trap 'kill $(jobs -p)' EXIT\n"+script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"),
		"IFMATCH_ALLOW_ROOT=", "IFMATCH_LISTEN="+addr, "XDG_STATE_HOME="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	return out.String()
}

// looksLike compares with a pattern in which "..." stands for anything.
func looksLike(got, pattern string) bool {
	parts := strings.Split(pattern, "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^(?s)" + strings.Join(parts, ".*") + "$").MatchString(got)
}

// Every command line of ours in README and in the examples of --help is one that the program takes.
func TestShownCommandLinesParse(t *testing.T) {
	shown := strings.Join(blocks(readme(t), "sh"), "")
	walk(newCommand(os.Getenv), func(cmd *cobra.Command) { shown += cmd.Example + "\n" })
	makefile, err := os.ReadFile("../../Makefile")
	must(t, err)
	seen := 0
	for line := range strings.Lines(strings.ReplaceAll(shown, " && ", "\n")) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " | ")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "make":
			for _, target := range words[1:] {
				if !strings.Contains(string(makefile), "\n"+target+":") {
					t.Errorf("%s: the Makefile has no target %s", line, target)
				}
			}
		case words[0] == "ifmatch":
			seen++
			if err := parses(words[1:]); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d command lines of ours were found", seen)
	}
}

// parses tells whether the program would take args, without running it.
func parses(args []string) error {
	root := newCommand(func(string) string { return "" })
	root.InitDefaultCompletionCmd(args...)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd == root && len(cmd.Flags().Args()) > 0 {
		return fmt.Errorf("no such command")
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func walk(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, c := range cmd.Commands() {
		walk(c, fn)
	}
}

// README's table of flags, --help and the manual page say the same as the program.
func TestFlagsAreDocumented(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| (.*?) \\|")
	table := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(readme(t), -1) {
		table[m[1]] = m[2]
	}
	_, help, _ := call(t.Context(), nil, "serve", "--help")
	_, man, _ := call(t.Context(), nil, "man", "serve")
	defaultSettings().flags().VisitAll(func(f *pflag.Flag) {
		value, ok := table[f.Name]
		if want := "`" + f.DefValue + "`"; !ok || value != want && f.DefValue != "" {
			t.Errorf("README says that --%s is %q by default, want %s", f.Name, value, want)
		}
		delete(table, f.Name)
		if !strings.Contains(help, "--"+f.Name) || !strings.Contains(man, `--`+f.Name) {
			t.Errorf("--%s is not in --help or not in the manual page", f.Name)
		}
	})
	for name := range table {
		t.Errorf("README has a flag --%s that serve does not know", name)
	}
}

// The files that README names are there.
func TestReadmeNamesFilesThatExist(t *testing.T) {
	_, live, _ := strings.Cut(readme(t), "## Where things live")
	live, _, _ = strings.Cut(live, "\n## ")
	dir := ""
	for _, m := range regexp.MustCompile("`([a-z_/*.]+)`").FindAllStringSubmatch(live, -1) {
		name := m[1]
		if d := filepath.Dir(name); d != "." {
			dir = d
		} else if strings.HasSuffix(name, ".go") {
			name = filepath.Join(dir, name)
		}
		if found, _ := filepath.Glob(filepath.Join("../..", name)); len(found) == 0 {
			t.Errorf("README names %s, which is not there", name)
		}
	}
}

func TestVersionAndManualPages(t *testing.T) {
	code, out, _ := call(t.Context(), nil, "version")
	if code != 0 || !strings.HasPrefix(out, "ifmatch ") {
		t.Errorf("version: exit code %d, %q", code, out)
	}
	if code, short, _ := call(t.Context(), nil, "--version"); code != 0 || !strings.Contains(out, strings.TrimSpace(short)) {
		t.Errorf("--version: exit code %d, %q, and version says %q", code, short, out)
	}
	walk(newCommand(os.Getenv), func(cmd *cobra.Command) {
		args := strings.Fields(cmd.CommandPath())
		code, page, stderr := call(t.Context(), nil, append([]string{"man"}, args[1:]...)...)
		if code != 0 || !strings.Contains(page, `.TH "`+strings.ToUpper(strings.Join(args, "-"))) {
			t.Errorf("man %s: exit code %d, %s, %.80q", cmd.CommandPath(), code, stderr, page)
		}
	})
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, _ := call(t.Context(), nil, "completion", shell); code != 0 || !strings.Contains(out, "ifmatch") {
			t.Errorf("completion %s: exit code %d, %.80q", shell, code, out)
		}
	}
	// A flag that takes one of a few words offers these.
	for flag, words := range map[string]string{"serve --etag": "stat\ncontent\n:4\n", "passwd --hash": "bcrypt\nargon2id\n:4\n"} {
		args := append([]string{"__complete"}, strings.Fields(flag)...)
		if code, out, _ := call(t.Context(), nil, append(args, "")...); code != 0 || out != words {
			t.Errorf("completion of %s: exit code %d, %q, want %q", flag, code, out, words)
		}
	}
}
