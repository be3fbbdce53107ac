package merge

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var labels = Labels{Base: "base", Mine: "mine", Theirs: "theirs"}

// gitMergeFile is the second opinion. style is "" or "--diff3".
func gitMergeFile(t *testing.T, dir, style string, base, mine, theirs []byte) (text []byte, conflicts bool) {
	t.Helper()
	args := []string{"-c", "core.attributesFile=/dev/null", "merge-file", "-p", "-q", "-L", "mine", "-L", "base", "-L", "theirs"}
	if style != "" {
		args = append(args, style)
	}
	for name, b := range map[string][]byte{"m": mine, "b": base, "t": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", append(args, "m", "b", "t")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() < 128 {
		return out, true
	}
	if err != nil {
		t.Fatalf("git merge-file: %v", err)
	}
	return out, false
}

// edits makes a base and two edits of it. distinct is how many different lines there are to choose from.
func edits(r *rand.Rand, lines, changes, distinct int) (base, mine, theirs []byte) {
	line := func() string { return fmt.Sprintf("line %d", r.IntN(distinct)) }
	text := make([]string, lines)
	for i := range text {
		text[i] = line()
	}
	edit := func() []byte {
		e := append([]string(nil), text...)
		for range r.IntN(changes + 1) {
			at, n := r.IntN(len(e)+1), r.IntN(3)
			end := min(at+n, len(e))
			var with []string
			for range r.IntN(3) {
				with = append(with, line())
			}
			e = append(e[:at:at], append(with, e[end:]...)...)
		}
		return finish(e, r)
	}
	return finish(text, r), edit(), edit()
}

func finish(lines []string, r *rand.Rand) []byte {
	b := []byte(strings.Join(lines, "\n"))
	if len(lines) > 0 && r.IntN(8) > 0 {
		b = append(b, '\n')
	}
	return b
}

// TestAgreesWithGit merges made-up edits both ways: every byte must agree, markers included, also where lines are
// repeated so often that most places for a change are as good as another.
func TestAgreesWithGit(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	for _, style := range []string{"", "--diff3"} {
		for _, distinct := range []int{1 << 30, 30, 6, 2} {
			for range 60 {
				base, mine, theirs := edits(r, r.IntN(30), 4, distinct)
				// git looks at the base alone in the end, and takes LF when it tells nothing.
				if r.IntN(4) == 0 && bytes.Count(base, []byte("\n")) > 1 {
					base, mine, theirs = dos(base), dos(mine), dos(theirs)
				}
				agree(t, dir, style, base, mine, theirs)
			}
		}
	}
}

// FuzzAgreesWithGit lets the fuzzer write the texts: each byte of the input is a line.
func FuzzAgreesWithGit(f *testing.F) {
	f.Add("abc", "abxc", "abyc")
	f.Add("aaaa", "aaa", "aaaaa")
	f.Add("a\nb", "b\na", "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, base, mine, theirs string) {
		spell := func(s string) []byte {
			return []byte(strings.TrimSuffix(strings.Join(strings.SplitAfter(strings.ToValidUTF8(s, "?"), ""), "\n")+"\n", "\n\n"))
		}
		b, m, th := spell(base), spell(mine), spell(theirs)
		all := bytes.Join([][]byte{b, m, th}, nil)
		if len(all) > 200 || bytes.ContainsAny(all, "\x00\r") || crowded(b, m) || crowded(m, b) || crowded(b, th) || crowded(th, b) || crowded(m, th) || crowded(th, m) {
			return
		}
		agree(t, dir, "", b, m, th)
		agree(t, dir, "--diff3", b, m, th)
	})
}

func agree(t *testing.T, dir, style string, base, mine, theirs []byte) {
	t.Helper()
	r, err := Merge(base, mine, theirs)
	if err != nil {
		t.Fatal(err)
	}
	if style == "" {
		r = r.Narrow()
	}
	want, conflicts := gitMergeFile(t, dir, style, base, mine, theirs)
	if got := r.Render(labels); !bytes.Equal(got, want) || (r.Conflicts() > 0) != conflicts {
		t.Errorf("style %q\nbase   %q\nmine   %q\ntheirs %q\ngot %q\ngit %q", style, base, mine, theirs, got, want)
	}
}

// crowded tells whether git would leave lines of a out of the comparison because b has too many like them, about
// the square root of the length of a. That makes another diff, not a better one.
func crowded(a, b []byte) bool {
	few := 1
	for n := bytes.Count(a, []byte("\n")); n > 0; n >>= 2 {
		few <<= 1
	}
	count := make(map[string]int)
	for line := range bytes.Lines(b) {
		if count[string(line)]++; count[string(line)] >= few && bytes.Contains(a, line) {
			return true
		}
	}
	return false
}

func dos(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }
