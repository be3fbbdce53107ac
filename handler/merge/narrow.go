package merge

import "bytes"

// Narrow returns the result with smaller conflicts: what both sides wrote alike inside one leaves it, as Same. Small
// conflicts are joined again where at most three lines, or only lines without letters and digits, stand between
// them, for nobody wants to decide about halves of a sentence. Conflict hunks have no Base afterwards, since no part
// of the base belongs to a part of a conflict; Mine and Theirs still tile their texts. git shows conflicts so in its
// default style.
func (r *Result) Narrow() *Result {
	n := narrower{Result: Result{mine: r.mine, theirs: r.theirs, crlf: r.crlf}}
	for _, h := range r.Hunks {
		if h.Kind != Conflict {
			n.add(h)
			continue
		}
		n.cut(h)
	}
	n.flush()
	return &n.Result
}

// narrower collects hunks. Between two conflicts it holds back what may yet be drawn into one of them.
type narrower struct {
	Result
	m, t int    // how much of the two texts the hunks hold, those held back included
	held []Hunk // a conflict and, behind it, Unchanged and Same hunks
}

// cut adds a conflict in pieces.
func (n *narrower) cut(h Hunk) {
	if len(h.Mine) == 0 || len(h.Theirs) == 0 {
		n.add(Hunk{Kind: Conflict, Mine: h.Mine, Theirs: h.Theirs})
		return
	}
	in := make(interner)
	m, t := in.split(h.Mine), in.split(h.Theirs)
	at := 0
	same := func(to int) {
		if lines := m.lines(at, to); len(lines) > 0 {
			n.add(Hunk{Kind: Same, Mine: lines, Theirs: lines})
		}
	}
	for _, c := range diff(m.ids, t.ids) {
		same(c.aFrom)
		n.add(Hunk{Kind: Conflict, Mine: m.lines(c.aFrom, c.aTo), Theirs: t.lines(c.bFrom, c.bTo)})
		at = c.aTo
	}
	same(m.len())
}

func (n *narrower) add(h Hunk) {
	switch {
	case h.Kind == Mine || h.Kind == Theirs:
		n.flush()
	case h.Kind == Conflict && len(n.held) > 0 && n.joins():
		n.join(h)
		return
	case h.Kind == Conflict:
		n.flush()
	}
	n.m, n.t = n.m+len(h.Mine), n.t+len(h.Theirs)
	if h.Kind == Conflict || len(n.held) > 0 {
		n.held = append(n.held, h)
	} else {
		n.Hunks = append(n.Hunks, h)
	}
}

// joins tells whether what is held back behind the last conflict is too little to stand between two.
func (n *narrower) joins() bool {
	lines, letters := 0, false
	for _, h := range n.held[1:] {
		lines += bytes.Count(h.Mine, []byte{'\n'})
		letters = letters || bytes.ContainsFunc(h.Mine, isLetter)
	}
	return lines <= 3 || !letters
}

func isLetter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r >= 0x80
}

// join makes one conflict of the one held back, the lines behind it, and the next one.
func (n *narrower) join(next Hunk) {
	m, t := n.m, n.t
	for _, h := range n.held {
		m, t = m-len(h.Mine), t-len(h.Theirs)
	}
	n.m, n.t = n.m+len(next.Mine), n.t+len(next.Theirs)
	n.held = append(n.held[:0], Hunk{Kind: Conflict, Mine: n.mine[m:n.m:n.m], Theirs: n.theirs[t:n.t:n.t]})
}

func (n *narrower) flush() {
	n.Hunks = append(n.Hunks, n.held...)
	n.held = n.held[:0]
}
