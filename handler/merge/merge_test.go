package merge

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestMerge(t *testing.T) {
	tests := []struct {
		name               string
		base, mine, theirs string
		want               string // Render of the narrowed result
		conflicts          int
	}{
		{"nothing changed", "a\nb\n", "a\nb\n", "a\nb\n", "a\nb\n", 0},
		{"only I changed", "a\nb\n", "a\nB\n", "a\nb\n", "a\nB\n", 0},
		{"only they changed", "a\nb\n", "a\nb\n", "A\nb\n", "A\nb\n", 0},
		{"both changed, far apart", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n", 0},
		{"the same change", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n", "a\nX\nc\n", 0},
		{"both appended", "a\n", "a\nm\n", "a\nt\n", "a\n<<<<<<< mine\nm\n=======\nt\n>>>>>>> theirs\n", 1},
		{"neighbouring lines", "a\nb\n", "A\nb\n", "a\nB\n", "<<<<<<< mine\nA\nb\n=======\na\nB\n>>>>>>> theirs\n", 1},
		{"I deleted what they changed", "a\nb\nc\n", "a\nc\n", "a\nB\nc\n", "a\n<<<<<<< mine\n=======\nB\n>>>>>>> theirs\nc\n", 1},
		{"a shared beginning leaves the conflict", "", "x\ny\nm\n", "x\ny\nt\n", "x\ny\n<<<<<<< mine\nm\n=======\nt\n>>>>>>> theirs\n", 1},
		{"final newline taken away and kept away", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nc", "A\nb\nc", 0},
		{"final newline in a conflict", "a", "b", "c", "<<<<<<< mine\nb\n=======\nc\n>>>>>>> theirs\n", 1},
		{"CR LF stays", "a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n", 0},
		{"CR LF in markers", "a\r\n", "b\r\n", "c\r\n", "<<<<<<< mine\r\nb\r\n=======\r\nc\r\n>>>>>>> theirs\r\n", 1},
		{"line ends turned and text changed", "a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nb\nc\nd\n",
			"<<<<<<< mine\na\r\nb\r\nc\r\n=======\na\nb\nc\nd\n>>>>>>> theirs\n", 1},
		{"not UTF-8", "\xff\nb\nc\n", "\xff\nb\n\xfe\n", "\xfd\nb\nc\n", "\xfd\nb\n\xfe\n", 0},
		{"everything deleted by both", "a\nb\n", "", "", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Merge([]byte(tt.base), []byte(tt.mine), []byte(tt.theirs))
			if err != nil {
				t.Fatal(err)
			}
			n := r.Narrow()
			if got := string(n.Render(labels)); got != tt.want || n.Conflicts() != tt.conflicts {
				t.Errorf("got %d conflicts in %q, want %d in %q", n.Conflicts(), got, tt.conflicts, tt.want)
			}
		})
	}
}

func TestRenderWithBase(t *testing.T) {
	r, err := Merge([]byte("a\nb\n"), []byte("a\nm\n"), []byte("a\nt\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "a\n<<<<<<< mine\nm\n||||||| base\nb\n=======\nt\n>>>>>>> theirs\n"
	if got := string(r.Render(labels)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMergeRefuses(t *testing.T) {
	tests := []struct {
		name string
		text []byte
		want error
	}{
		{"a NUL", []byte("a\x00b\n"), ErrBinary},
		{"too many bytes", bytes.Repeat([]byte("x"), MaxBytes+1), ErrTooLarge},
		{"too many lines", bytes.Repeat([]byte("\n"), MaxLines), ErrTooLarge},
	}
	for _, tt := range tests {
		for side := range 3 {
			texts := [3][]byte{}
			texts[side] = tt.text
			if _, err := Merge(texts[0], texts[1], texts[2]); !errors.Is(err, tt.want) {
				t.Errorf("%s in text %d: got %v, want %v", tt.name, side, err, tt.want)
			}
		}
	}
}

func TestHasMarkers(t *testing.T) {
	r, err := Merge([]byte("a\r\n"), []byte("m\r\n"), []byte("t\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if text := r.Render(labels); !HasMarkers(text, labels) {
		t.Errorf("no markers found in %q", text)
	}
	for _, text := range []string{"", "Title\n=======\n", "<<<<<<< other\n", " <<<<<<< mine\n"} {
		if HasMarkers([]byte(text), labels) {
			t.Errorf("markers found in %q", text)
		}
	}
}

// FuzzMerge checks what must hold for any three texts.
func FuzzMerge(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("a\nB\nc\n"), []byte("a\nb\nC"))
	f.Add([]byte(""), []byte("a"), []byte("\n"))
	f.Add([]byte("a\r\nb"), []byte("b\r\na"), []byte("\r\r\n"))
	f.Fuzz(check)
}

// TestMergeOfLongTexts has enough changes for the bounded search to give up on the shortest diff.
func TestMergeOfLongTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, distinct := range []int{2, 50, 5000} {
		base, mine, theirs := edits(r, 3000, 1500, distinct)
		check(t, base, mine, theirs)
	}
}

func check(t *testing.T, base, mine, theirs []byte) {
	r, err := Merge(base, mine, theirs)
	if err != nil {
		return
	}
	n := r.Narrow()
	tiles(t, "base", r, base, func(h Hunk) []byte { return h.Base })
	for _, r := range []*Result{r, n} {
		tiles(t, "mine", r, mine, func(h Hunk) []byte { return h.Mine })
		tiles(t, "theirs", r, theirs, func(h Hunk) []byte { return h.Theirs })
		kinds(t, r)
	}
	if got, ok := n.Bytes(); ok != (n.Conflicts() == 0) || ok && !bytes.Equal(got, n.Render(labels)) {
		t.Errorf("Bytes says %q, %v with %d conflicts", got, ok, n.Conflicts())
	}
	// Who changed nothing gets what the other wrote.
	for _, tt := range [][4][]byte{{base, mine, base, mine}, {base, base, theirs, theirs}, {base, mine, mine, mine}} {
		r, _ := Merge(tt[0], tt[1], tt[2])
		if got, ok := r.Bytes(); !ok || !bytes.Equal(got, tt[3]) {
			t.Errorf("base %q, mine %q, theirs %q: got %q, %v", tt[0], tt[1], tt[2], got, ok)
		}
	}
	// Changing the sides changes the names only.
	s, _ := Merge(base, theirs, mine)
	if s.Conflicts() != r.Conflicts() {
		t.Errorf("%d conflicts, with sides changed %d", r.Conflicts(), s.Conflicts())
	}
}

// tiles checks that no byte of a text is missing, doubled or out of place.
func tiles(t *testing.T, name string, r *Result, text []byte, side func(Hunk) []byte) {
	t.Helper()
	var b bytes.Buffer
	for _, h := range r.Hunks {
		b.Write(side(h))
	}
	if !bytes.Equal(b.Bytes(), text) {
		t.Errorf("hunks hold %q of %s %q", b.Bytes(), name, text)
	}
}

func kinds(t *testing.T, r *Result) {
	t.Helper()
	for _, h := range r.Hunks {
		mine, theirs, both := bytes.Equal(h.Base, h.Mine), bytes.Equal(h.Base, h.Theirs), bytes.Equal(h.Mine, h.Theirs)
		switch {
		case h.Kind == Unchanged && !(mine && theirs),
			h.Kind == Mine && (mine || !theirs),
			h.Kind == Theirs && (theirs || !mine),
			h.Kind == Same && !both,
			h.Kind == Conflict && both:
			t.Errorf("%v: base %q, mine %q, theirs %q", h.Kind, h.Base, h.Mine, h.Theirs)
		}
	}
}

// TestHostileTexts merges what is known to be hard for diffs: seconds of work, where an unbounded search for the
// shortest diff would take longer than go test lets a package run.
func TestHostileTexts(t *testing.T) {
	const lines = 1 << 16
	r := rand.New(rand.NewPCG(5, 6))
	noise := func(distinct int) []byte {
		var b bytes.Buffer
		for range lines {
			b.WriteByte(byte('a' + r.IntN(distinct)))
			b.WriteByte('\n')
		}
		return b.Bytes()
	}
	tests := map[string][3][]byte{
		"two letters at random": {noise(2), noise(2), noise(2)},
		"26 letters at random":  {noise(26), noise(26), noise(26)},
		"one line repeated": {bytes.Repeat([]byte("a\n"), lines), bytes.Repeat([]byte("a\n"), lines/2),
			bytes.Repeat([]byte("a\n"), lines/3)},
		"periods": {bytes.Repeat([]byte("a\nb\n"), lines/2), bytes.Repeat([]byte("a\nb\nc\n"), lines/3),
			bytes.Repeat([]byte("b\na\na\n"), lines/3)},
		"one long line": {bytes.Repeat([]byte("x"), lines), bytes.Repeat([]byte("y"), lines), nil},
	}
	for name, tt := range tests {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			m, err := Merge(tt[0], tt[1], tt[2])
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []*Result{m, m.Narrow()} {
				tiles(t, "mine", r, tt[1], func(h Hunk) []byte { return h.Mine })
				tiles(t, "theirs", r, tt[2], func(h Hunk) []byte { return h.Theirs })
				kinds(t, r)
			}
		})
	}
}
