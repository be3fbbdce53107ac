package merge

// slide moves each run of changed lines as far down as it goes, since a run whose first line equals the line after
// its end may as well stand one line lower. Two things come first: runs that meet on the way join, and a run that can
// stand beside a change of the other text stands there, so that both make one change. git does the same, and where a
// repeated line could have been inserted in several places, this is what makes our merges equal to its merges.
//
// changed marks the lines of ids; other marks those of the other text. Lines not marked correspond in order.
func slide(ids []int32, changed, other []bool) {
	// Where everything is repeated, runs can slide back and forth for long. Beyond the budget they stay.
	budget := 64 * (len(ids) + 64)
	g, o := run{marks: changed, budget: &budget}, run{marks: other}
	g.reachEnd()
	o.reachEnd()
	for {
		if !g.empty() {
			slideRun(ids, &g, &o)
		}
		if !g.next() {
			return
		}
		o.next()
	}
}

// slideRun moves the run g; o walks along in the other text, over the run that corresponds.
func slideRun(ids []int32, g, o *run) {
	var top, beside int
	for size := -1; size != g.to-g.from; {
		size = g.to - g.from
		beside = -1
		for g.up(ids) {
			o.prev()
		}
		top = g.to
		if !o.empty() {
			beside = g.to
		}
		for g.down(ids) {
			o.next()
			if !o.empty() {
				beside = g.to
			}
		}
	}
	if g.to == top || beside < 0 {
		return
	}
	for o.empty() && g.up(ids) {
		o.prev()
	}
}

// run is a maximal, possibly empty run [from, to) of marked lines between two that are not.
type run struct {
	marks    []bool
	from, to int
	budget   *int // steps that are left for sliding
}

func (r *run) empty() bool { return r.from == r.to }

func (r *run) reachEnd() {
	for r.to < len(r.marks) && r.marks[r.to] {
		r.to++
	}
}

func (r *run) reachStart() {
	for r.from > 0 && r.marks[r.from-1] {
		r.from--
	}
}

// next steps over one unmarked line to the run behind it; false at the end of the text.
func (r *run) next() bool {
	if r.to == len(r.marks) {
		return false
	}
	r.from = r.to + 1
	r.to = r.from
	r.reachEnd()
	return true
}

// prev steps back over one unmarked line.
func (r *run) prev() {
	if r.from == 0 {
		return
	}
	r.to = r.from - 1
	r.from = r.to
	r.reachStart()
}

// up moves the run one line up if that describes the same change, and joins it with a run that it then touches.
func (r *run) up(ids []int32) bool {
	if r.from == 0 || ids[r.from-1] != ids[r.to-1] || *r.budget <= 0 {
		return false
	}
	*r.budget--
	r.from, r.to = r.from-1, r.to-1
	r.marks[r.from], r.marks[r.to] = true, false
	r.reachStart()
	return true
}

// down is up in the other direction.
func (r *run) down(ids []int32) bool {
	if r.to == len(ids) || ids[r.from] != ids[r.to] || *r.budget <= 0 {
		return false
	}
	*r.budget--
	r.marks[r.from], r.marks[r.to] = false, true
	r.from, r.to = r.from+1, r.to+1
	r.reachEnd()
	return true
}
