package merge

import "math"

// maxCost bounds one search for the middle of a box, and so the whole run to a few hundred steps a line.
const maxCost = 256

// change says that lines [aFrom, aTo) of one text became lines [bFrom, bTo) of another.
type change struct{ aFrom, aTo, bFrom, bTo int }

// diff lists the changes that turn a into b, in order, at least one unchanged line between any two. It is Myers'
// O(ND) algorithm in linear space ("An O(ND) Difference Algorithm and Its Variations", 1986, §4b), on the lines that
// both texts have; then runs of changes slide (slide.go). The number of changed lines is minimal up to a cost bound.
func diff(a, b []int32) []change {
	d := differ{aGone: make([]bool, len(a)), bNew: make([]bool, len(b))}
	d.a, d.aLine = common(a, b, d.aGone)
	d.b, d.bLine = common(b, a, d.bNew)
	diagonals := len(d.a) + len(d.b) + 3
	d.fwd, d.bwd = make([]int32, diagonals), make([]int32, diagonals)
	d.zero = len(d.b) + 1
	d.box(0, len(d.a), 0, len(d.b))

	slide(a, d.aGone, d.bNew)
	slide(b, d.bNew, d.aGone)
	return changes(d.aGone, d.bNew)
}

// common returns the lines of a that b has as well, with their line numbers; it marks the others as changed. They
// cannot be part of what stays, and without them a rewritten text costs next to nothing.
func common(a, b []int32, changed []bool) (ids, lines []int32) {
	has := make(map[int32]struct{}, len(b))
	for _, id := range b {
		has[id] = struct{}{}
	}
	for i, id := range a {
		if _, ok := has[id]; !ok {
			changed[i] = true
			continue
		}
		ids, lines = append(ids, id), append(lines, int32(i))
	}
	return ids, lines
}

// differ holds one run of the algorithm. A diagonal k joins the points (i, j) with i-j = k; fwd[zero+k] is the
// furthest i reached on it from the start of a box, bwd[zero+k] the furthest from its end.
type differ struct {
	a, b         []int32
	aLine, bLine []int32
	aGone, bNew  []bool
	fwd, bwd     []int32
	zero         int
}

// box marks what changed between a[i:iEnd] and b[j:jEnd].
func (d *differ) box(i, iEnd, j, jEnd int) {
	for {
		for i < iEnd && j < jEnd && d.a[i] == d.b[j] {
			i, j = i+1, j+1
		}
		for i < iEnd && j < jEnd && d.a[iEnd-1] == d.b[jEnd-1] {
			iEnd, jEnd = iEnd-1, jEnd-1
		}
		if i == iEnd || j == jEnd {
			break
		}
		im, jm := d.split(i, iEnd, j, jEnd)
		// Into the smaller part by a call, on with the larger one: the stack stays logarithmic.
		if im-i+jm-j < iEnd-im+jEnd-jm {
			d.box(i, im, j, jm)
			i, j = im, jm
		} else {
			d.box(im, iEnd, jm, jEnd)
			iEnd, jEnd = im, jm
		}
	}
	for ; i < iEnd; i++ {
		d.aGone[d.aLine[i]] = true
	}
	for ; j < jEnd; j++ {
		d.bNew[d.bLine[j]] = true
	}
}

// split finds a point of a shortest path through the box, searching from both ends until the searches meet. When
// they have not met after maxCost steps, the point furthest from either end does: still right, perhaps not shortest.
// The box begins and ends with lines that differ, so both parts are smaller than it.
func (d *differ) split(i0, i1, j0, j1 int) (i, j int) {
	lo, hi := i0-j1, i1-j0 // the outermost diagonals of the box
	f, b := i0-j0, i1-j1   // where the two searches begin
	odd := (f-b)&1 != 0
	fMin, fMax, bMin, bMax := f, f, b, b
	d.fwd[d.zero+f], d.bwd[d.zero+b] = int32(i0), int32(i1)
	for cost := 1; ; cost++ {
		fMin, fMax = d.widen(d.fwd, fMin, fMax, lo, hi, -1)
		for k := fMax; k >= fMin; k -= 2 {
			i := int(max(d.fwd[d.zero+k-1]+1, d.fwd[d.zero+k+1]))
			for i < i1 && i-k < j1 && d.a[i] == d.b[i-k] {
				i++
			}
			d.fwd[d.zero+k] = int32(i)
			if odd && bMin <= k && k <= bMax && int(d.bwd[d.zero+k]) <= i {
				return i, i - k
			}
		}
		bMin, bMax = d.widen(d.bwd, bMin, bMax, lo, hi, math.MaxInt32)
		for k := bMax; k >= bMin; k -= 2 {
			i := int(min(d.bwd[d.zero+k-1], d.bwd[d.zero+k+1]-1))
			for i > i0 && i-k > j0 && d.a[i-1] == d.b[i-k-1] {
				i--
			}
			d.bwd[d.zero+k] = int32(i)
			if !odd && fMin <= k && k <= fMax && i <= int(d.fwd[d.zero+k]) {
				return i, i - k
			}
		}
		if cost >= maxCost {
			return d.furthest(i0, i1, j0, j1, fMin, fMax, bMin, bMax)
		}
	}
}

// widen lets the search step to the next diagonals, those with the other parity, and puts a wall beside the
// outermost ones. At the edge of the box it steps inward instead.
func (d *differ) widen(reach []int32, kMin, kMax, lo, hi int, wall int32) (int, int) {
	if kMin > lo {
		kMin--
		reach[d.zero+kMin-1] = wall
	} else {
		kMin++
	}
	if kMax < hi {
		kMax++
		reach[d.zero+kMax+1] = wall
	} else {
		kMax--
	}
	return kMin, kMax
}

// furthest returns the point that one of the two searches has carried furthest from its corner of the box.
func (d *differ) furthest(i0, i1, j0, j1, fMin, fMax, bMin, bMax int) (i, j int) {
	fBest, fi, fj := -1, 0, 0
	for k := fMax; k >= fMin; k -= 2 {
		i := min(int(d.fwd[d.zero+k]), i1)
		j := i - k
		if j > j1 {
			i, j = j1+k, j1
		}
		if i+j > fBest {
			fBest, fi, fj = i+j, i, j
		}
	}
	bBest, bi, bj := math.MaxInt, 0, 0
	for k := bMax; k >= bMin; k -= 2 {
		i := max(int(d.bwd[d.zero+k]), i0)
		j := i - k
		if j < j0 {
			i, j = j0+k, j0
		}
		if i+j < bBest {
			bBest, bi, bj = i+j, i, j
		}
	}
	if i1+j1-bBest < fBest-(i0+j0) {
		return fi, fj
	}
	return bi, bj
}

// changes turns the marks into a list. Lines that are not marked pair up in order.
func changes(aGone, bNew []bool) []change {
	var list []change
	i, j := 0, 0
	for i < len(aGone) || j < len(bNew) {
		c := change{aFrom: i, bFrom: j}
		for i < len(aGone) && aGone[i] {
			i++
		}
		for j < len(bNew) && bNew[j] {
			j++
		}
		if c.aTo, c.bTo = i, j; c.aTo > c.aFrom || c.bTo > c.bFrom {
			list = append(list, c)
			continue
		}
		i, j = i+1, j+1
	}
	return list
}
