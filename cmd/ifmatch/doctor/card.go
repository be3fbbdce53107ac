package doctor

import (
	"encoding/json"
	"fmt"
	"io"

	"ifmatch/cmd/ifmatch/client"
)

// Verdict is the outcome of a check.
type Verdict string

const (
	Right   Verdict = "right"
	Wrong   Verdict = "wrong"
	Note    Verdict = "note"    // not what one would wish, but no edit is lost
	Absent  Verdict = "absent"  // the server does not offer what would be tried
	Unclear Verdict = "unclear" // it could not be tried
)

// Finding is what a check found.
type Finding struct {
	Group   string  `json:"group"`
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail,omitempty"` // what was seen
	Why     string  `json:"why"`              // why it matters
}

func right() Finding { return Finding{Verdict: Right} }
func rightBut(f string, args ...any) Finding {
	return Finding{Verdict: Right, Detail: fmt.Sprintf(f, args...)}
}
func wrong(f string, args ...any) Finding {
	return Finding{Verdict: Wrong, Detail: fmt.Sprintf(f, args...)}
}
func noteworthy(f string, args ...any) Finding {
	return Finding{Verdict: Note, Detail: fmt.Sprintf(f, args...)}
}
func absent(f string, args ...any) Finding {
	return Finding{Verdict: Absent, Detail: fmt.Sprintf(f, args...)}
}
func unclear(f string, args ...any) Finding {
	return Finding{Verdict: Unclear, Detail: fmt.Sprintf(f, args...)}
}

// Card is the result of an examination.
type Card struct {
	URL        string    `json:"url"`
	Server     string    `json:"server,omitempty"`
	Findings   []Finding `json:"findings"`
	LeftBehind string    `json:"left_behind,omitempty"` // what could not be removed again
}

// Count counts findings with a verdict.
func (c *Card) Count(v Verdict) int {
	n := 0
	for _, f := range c.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// Healthy tells whether everything that was offered is right, and nothing was left behind.
func (c *Card) Healthy() bool {
	return c.Count(Wrong) == 0 && c.Count(Unclear) == 0 && c.LeftBehind == ""
}

// JSON writes the card for programs.
func (c *Card) JSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		*Card
		Healthy bool `json:"healthy"`
	}{c, c.Healthy()})
}

var marks = map[Verdict]string{Right: "right  ", Wrong: "WRONG  ", Note: "note   ", Absent: "-      ", Unclear: "unclear"}

// Print writes the card for people.
func (c *Card) Print(w io.Writer) {
	fmt.Fprintf(w, "%s", c.URL)
	if c.Server != "" {
		fmt.Fprintf(w, "  (%s)", client.Printable(c.Server))
	}
	fmt.Fprintln(w)
	var last Finding
	for _, f := range c.Findings {
		if f.Group != last.Group {
			fmt.Fprintf(w, "\n%s\n", f.Group)
			last = Finding{}
		}
		fmt.Fprintf(w, "  %s  %s\n", marks[f.Verdict], f.Check)
		if f.Detail != "" && (f.Detail != last.Detail || f.Verdict != Absent) {
			fmt.Fprintf(w, "           %s\n", client.Printable(f.Detail))
		}
		if f.Verdict == Wrong {
			fmt.Fprintf(w, "           why it matters: %s\n", f.Why)
		}
		last = f
	}
	fmt.Fprintf(w, "\n%d right, %d wrong, %d to note, %d not offered, %d unclear: %s\n",
		c.Count(Right), c.Count(Wrong), c.Count(Note), c.Count(Absent), c.Count(Unclear), c.sentence())
	if c.LeftBehind != "" {
		fmt.Fprintf(w, "%s could not be removed; please do\n", c.LeftBehind)
	}
}

func (c *Card) sentence() string {
	switch {
	case c.Count(Wrong) > 0:
		return "edits can be lost on this server."
	case c.Count(Unclear) > 0:
		return "not everything could be tried."
	}
	return "edits are safe on this server, as far as can be seen."
}
