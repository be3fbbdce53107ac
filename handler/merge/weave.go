package merge

import "bytes"

// weaver walks through the changes of both sides, in the order of the base, and makes hunks of them.
type weaver struct {
	base, mine, theirs text
	b, m, t            int // the next line of each
	hunks              []Hunk
}

// weave implements diff3: changes of both sides that overlap or touch form one region; a region that one side alone
// has changed is its change, one that both have changed is a conflict unless they agree. Touching counts, since of
// two insertions at one place nobody knows which comes first.
func (w *weaver) weave(mine, theirs []change) {
	for len(mine) > 0 || len(theirs) > 0 {
		from := w.base.len()
		if len(mine) > 0 {
			from = mine[0].aFrom
		}
		if len(theirs) > 0 {
			from = min(from, theirs[0].aFrom)
		}
		w.unchanged(from)

		to, byMine, byTheirs := from, 0, 0
		mLen, tLen := 0, 0 // how many lines each side has more than the base, in this region
		for grown := true; grown; {
			grown = false
			for ; len(mine) > 0 && mine[0].aFrom <= to; mine = mine[1:] {
				to, mLen, byMine, grown = max(to, mine[0].aTo), mLen+mine[0].growth(), byMine+1, true
			}
			for ; len(theirs) > 0 && theirs[0].aFrom <= to; theirs = theirs[1:] {
				to, tLen, byTheirs, grown = max(to, theirs[0].aTo), tLen+theirs[0].growth(), byTheirs+1, true
			}
		}
		n := to - from
		w.region(n, n+mLen, n+tLen, byMine > 0, byTheirs > 0)
	}
	w.unchanged(w.base.len())
}

func (c change) growth() int { return (c.bTo - c.bFrom) - (c.aTo - c.aFrom) }

// unchanged takes the lines up to line b of the base, which all sides have.
func (w *weaver) unchanged(b int) {
	if n := b - w.b; n > 0 {
		w.take(Unchanged, n, n, n)
	}
}

func (w *weaver) region(b, m, t int, byMine, byTheirs bool) {
	switch {
	case !byTheirs:
		w.take(Mine, b, m, t)
	case !byMine:
		w.take(Theirs, b, m, t)
	default:
		w.take(Conflict, b, m, t)
		h := &w.hunks[len(w.hunks)-1]
		if bytes.Equal(h.Mine, h.Theirs) {
			h.Kind = Same
		}
	}
}

// take makes a hunk of the next b, m and t lines.
func (w *weaver) take(k Kind, b, m, t int) {
	w.hunks = append(w.hunks, Hunk{
		Kind:   k,
		Base:   w.base.lines(w.b, w.b+b),
		Mine:   w.mine.lines(w.m, w.m+m),
		Theirs: w.theirs.lines(w.t, w.t+t),
	})
	w.b, w.m, w.t = w.b+b, w.m+m, w.t+t
}
