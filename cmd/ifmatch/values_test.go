package main

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want int64 // -1: refused
	}{
		{"0", 0},
		{"1", 1},
		{"512B", 512},
		{"10k", 10 << 10},
		{"500MB", 500e6},
		{"10GiB", 10 << 30},
		{"10 GiB", 10 << 30},
		{"10gib", 10 << 30},
		{"1.5T", 3 << 39},
		{"9007199254740993", 9007199254740993}, // no float64 holds it
		{"", -1},
		{"-1", -1},
		{"GiB", -1},
		{"10 giga", -1},
		{"1e3", -1},
		{"NaN", -1},
		{"Inf", -1},
		{"9000000P", -1},
	} {
		var n size
		err := n.Set(tt.in)
		if tt.want == -1 {
			if err == nil {
				t.Errorf("Set(%q) = %d, want an error", tt.in, int64(n))
			}
			continue
		}
		if err != nil || int64(n) != tt.want {
			t.Errorf("Set(%q) = %d, %v, want %d", tt.in, int64(n), err, tt.want)
		}
		var again size
		if err := again.Set(n.String()); err != nil || again != n {
			t.Errorf("Set(String %q) = %d, %v, want %d", n.String(), again, err, n)
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"10GiB", "1.5T", "0", "-1", "9000000P", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var n size
		if n.Set(s) != nil {
			return
		}
		if n < 0 || n > math.MaxInt64/2 {
			t.Fatalf("Set(%q) = %d", s, int64(n))
		}
		var again size
		if err := again.Set(n.String()); err != nil || again != n {
			t.Fatalf("Set(%q) = %d, but Set(%q) = %d, %v", s, int64(n), n.String(), int64(again), err)
		}
	})
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"0": 0, "30s": 30 * time.Second, "1h30m": 90 * time.Minute, "30": -1, "-1s": -1, "": -1} {
		var d duration
		if err := d.Set(in); (err != nil) != (want < 0) || err == nil && time.Duration(d) != want {
			t.Errorf("Set(%q) = %v, %v, want %v", in, d.String(), err, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for _, tt := range []struct {
		in               string
		accepted, onlyUs bool
	}{
		{"127.0.0.1:8080", true, true},
		{"localhost:0", true, true},
		{"[::1]:8080", true, true},
		{"unix:/run/ifmatch.sock", true, true},
		{":8080", true, false},
		{"0.0.0.0:80", true, false},
		{"files.example:http", true, false},
		{"8080", false, false},
		{"127.0.0.1", false, false},
		{"127.0.0.1:99999", false, false},
		{"127.0.0.1:no-such-service", false, false},
		{"unix:", false, false},
		{"", false, false},
	} {
		var a address
		if err := a.Set(tt.in); (err == nil) != tt.accepted {
			t.Errorf("Set(%q) = %v, want accepted %v", tt.in, err, tt.accepted)
		} else if err == nil && (a.String() != tt.in || a.loopback() != tt.onlyUs) {
			t.Errorf("%q: String %q, loopback %v, want %v", tt.in, a.String(), a.loopback(), tt.onlyUs)
		}
	}
}

// A flag beats its variable, which beats the default.
func TestFlagBeatsEnvironmentBeatsDefault(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		get  func(s *settings) string
		want string
	}{
		{"default", nil, nil, func(s *settings) string { return s.durability.value }, "full"},
		{"environment", nil, map[string]string{"IFMATCH_DURABILITY": "none"}, func(s *settings) string { return s.durability.value }, "none"},
		{"flag", []string{"--durability=full"}, map[string]string{"IFMATCH_DURABILITY": "none"}, func(s *settings) string { return s.durability.value }, "full"},
		{"flag beats a bad variable", []string{"--durability=none"}, map[string]string{"IFMATCH_DURABILITY": "half"}, func(s *settings) string { return s.durability.value }, "none"},
		{"dashes become underscores", nil, map[string]string{"IFMATCH_MAX_UPLOAD": "1KiB"}, func(s *settings) string { return s.maxUpload.String() }, "1KiB"},
		{"empty variable is none", nil, map[string]string{"IFMATCH_LISTEN": ""}, func(s *settings) string { return s.listen.String() }, "127.0.0.1:8080"},
		{"boolean", nil, map[string]string{"IFMATCH_READ_ONLY": "true"}, func(s *settings) string { return strconv.FormatBool(s.readOnly) }, "true"},
		{"boolean taken back", []string{"--read-only=false"}, map[string]string{"IFMATCH_READ_ONLY": "true"}, func(s *settings) string { return strconv.FormatBool(s.readOnly) }, "false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := defaultSettings()
			flags := s.flags()
			must(t, flags.Parse(tt.args))
			must(t, applyEnv(flags, func(name string) string { return tt.env[name] }))
			if got := tt.get(s); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// The flags of every command have their variables, but for those that say yes to a loss.
func TestEveryCommandReadsTheEnvironment(t *testing.T) {
	const url = "http://127.0.0.1:1/x" // where nothing listens
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "file"), "text")
	home := map[string]string{"XDG_STATE_HOME": t.TempDir()}
	for _, tt := range []struct {
		variable string
		args     []string
		read     bool
	}{
		{"IFMATCH_HASH", []string{"passwd", filepath.Join(dir, "users"), "anna"}, true},
		{"IFMATCH_LONG", []string{"ls", url}, true},
		{"IFMATCH_JSON", []string{"ls", url}, true},
		{"IFMATCH_JSON", []string{"doctor", url}, true},
		{"IFMATCH_QUIET", []string{"get", url, filepath.Join(dir, "x")}, true},
		{"IFMATCH_RATE", []string{"hash", dir}, true},
		{"IFMATCH_JSON", []string{"scrub", dir}, true},
		{"IFMATCH_TOKENS", []string{"locks"}, true},
		{"IFMATCH_JSON", []string{"locks", "break", "/x"}, true},
		{"IFMATCH_FORCE", []string{"put", file, url}, false},
		{"IFMATCH_FORCE", []string{"get", url, file}, false},
		{"IFMATCH_RECURSIVE", []string{"rm", url}, false},
	} {
		env := maps.Clone(home)
		env[tt.variable] = "perhaps"
		code, _, says := call(t.Context(), env, tt.args...)
		if read := code == 2 && strings.Contains(says, tt.variable+`: "perhaps" is not accepted`); read != tt.read {
			t.Errorf("%s %q: exit code %d, %s", tt.variable, tt.args, code, says)
		}
	}
}

func TestMistypedVariablesAreFound(t *testing.T) {
	environ := []string{"IFMATCH_LISTN=:80", "IFMATCH_LISTEN=:80", "IFMATCH_EMPTY=", "IFMATCH_PASSWORD=x", "IFMATCH_DIR=x", "IFMATCH_USER=x", "IFMATCH_FORCE=true", "IFMATCH_A=1", "HOME=x", "IFMATCH=x"}
	got := unknownVariables(newCommand(func(string) string { return "" }), environ)
	if want := []string{"IFMATCH_A", "IFMATCH_FORCE", "IFMATCH_LISTN"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// 0 is no limit, as of every size.
func TestHashLimitZeroIsNone(t *testing.T) {
	for arg, none := range map[string]bool{"": false, "--hash-limit=0": true, "--hash-limit=1": false} {
		s := defaultSettings()
		must(t, s.flags().Parse(strings.Fields(arg)))
		if got := treeSettings(s).HashLimitBytes; got == 0 || (got < 0) != none {
			t.Errorf("%q: %d bytes for etagfs, where 0 is the default and less is no limit", arg, got)
		}
	}
}
