// Package merge merges two edits of one text, line by line, as git does.
//
// It promises that no byte is invented and none is lost: the hunks of a Result tile all three texts, CRLF and a
// missing final newline included, and a merge without conflicts holds every change of both sides. Where both sides
// changed the same or touching lines differently it does not guess, it says Conflict. Time is bounded for any
// input, a few hundred steps a line at worst; memory grows with the texts alone.
//
// It does not promise that a merge makes sense: two edits of distant lines merge, whatever they say.
//
// Merge is the way in; Narrow makes conflicts small, Render writes them with conflict markers.
package merge

import (
	"bytes"
	"errors"
)

// Limits of Merge for each of the three texts.
const (
	MaxBytes = 64 << 20
	MaxLines = 1 << 20
)

var (
	// ErrBinary says that one of the texts has a NUL where git looks for one, so lines mean nothing in it.
	ErrBinary = errors.New("merge: not a text")
	// ErrTooLarge says that one of the texts is over MaxBytes or MaxLines.
	ErrTooLarge = errors.New("merge: too large to merge")
)

// Kind tells what a Hunk holds.
type Kind uint8

const (
	Unchanged Kind = iota // the lines of the base, on all sides
	Mine                  // only I changed them
	Theirs                // only they changed them
	Same                  // both made the same change
	Conflict              // both changed them, differently
)

func (k Kind) String() string {
	return [...]string{"unchanged", "mine", "theirs", "same", "conflict"}[k]
}

// Hunk is a run of whole lines as each text has it. Base of all hunks, joined, is the base; the same holds for Mine
// and Theirs. The slices share memory with the texts that were merged.
type Hunk struct {
	Kind               Kind
	Base, Mine, Theirs []byte
}

// merged returns the lines that the hunk puts into the merged text; ok is false for a conflict.
func (h Hunk) merged() (lines []byte, ok bool) {
	switch h.Kind {
	case Theirs:
		return h.Theirs, true
	case Conflict:
		return nil, false
	}
	return h.Mine, true
}

// Result is a three-way merge.
type Result struct {
	Hunks        []Hunk
	mine, theirs []byte
	crlf         bool // conflict markers end with CR LF
}

// Conflicts counts the hunks that somebody has to decide.
func (r *Result) Conflicts() int {
	n := 0
	for _, h := range r.Hunks {
		if h.Kind == Conflict {
			n++
		}
	}
	return n
}

// Bytes returns the merged text; ok is false when there are conflicts.
func (r *Result) Bytes() (text []byte, ok bool) {
	var b bytes.Buffer
	for _, h := range r.Hunks {
		lines, ok := h.merged()
		if !ok {
			return nil, false
		}
		b.Write(lines)
	}
	return b.Bytes(), true
}

// Merge merges mine and theirs, two edits of base. Errors: ErrBinary, ErrTooLarge. It is safe for concurrent use.
func Merge(base, mine, theirs []byte) (*Result, error) {
	for _, t := range [][]byte{base, mine, theirs} {
		switch {
		case isBinary(t):
			return nil, ErrBinary
		case len(t) > MaxBytes, bytes.Count(t, []byte{'\n'}) >= MaxLines:
			return nil, ErrTooLarge
		}
	}
	in := make(interner)
	b, m, t := in.split(base), in.split(mine), in.split(theirs)
	w := weaver{base: b, mine: m, theirs: t}
	w.weave(diff(b.ids, m.ids), diff(b.ids, t.ids))
	return &Result{Hunks: w.hunks, mine: mine, theirs: theirs, crlf: wantsCRLF(mine, theirs, base)}, nil
}

// isBinary tells whether git would refuse to merge the text: a NUL among its first 8000 bytes.
func isBinary(text []byte) bool {
	return bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0
}
