package merge

import (
	"bytes"
	"strings"
)

// Labels name the three texts in conflict markers. Any may be empty.
type Labels struct{ Base, Mine, Theirs string }

// markerSize is the length of conflict markers that git and editors know.
const markerSize = 7

// Render returns the merged text with each conflict between markers as git writes them, and the base in the middle
// where a conflict has one (git's diff3 style; Narrow first for the default style). A side that ends without a
// newline gets one before a marker, since a marker needs a line of its own.
func (r *Result) Render(l Labels) []byte {
	w := marker{eol: "\n"}
	if r.crlf {
		w.eol = "\r\n"
	}
	for _, h := range r.Hunks {
		if lines, ok := h.merged(); ok {
			w.Write(lines)
			continue
		}
		w.mark('<', l.Mine)
		w.side(h.Mine)
		if h.Base != nil {
			w.mark('|', l.Base)
			w.side(h.Base)
		}
		w.mark('=', "")
		w.side(h.Theirs)
		w.mark('>', l.Theirs)
	}
	return w.Bytes()
}

// marker writes a text with conflict markers.
type marker struct {
	bytes.Buffer
	eol string
}

func (w *marker) mark(c byte, label string) {
	w.WriteString(strings.Repeat(string(c), markerSize))
	if label != "" {
		w.WriteString(" " + label)
	}
	w.WriteString(w.eol)
}

func (w *marker) side(lines []byte) {
	w.Write(lines)
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		w.WriteString(w.eol)
	}
}

// HasMarkers tells whether a conflict that Render wrote with these labels is still in the text: a line that begins
// one or ends one, whole. The line in the middle is not looked for, as it is an underline in many texts.
func HasMarkers(text []byte, l Labels) bool {
	var begin, end marker
	begin.mark('<', l.Mine)
	end.mark('>', l.Theirs)
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.Equal(line, begin.Bytes()) || bytes.Equal(line, end.Bytes()) {
			return true
		}
	}
	return false
}
