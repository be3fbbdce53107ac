package lock

import (
	"slices"
	"strings"
)

// tree holds locks by the segments of their roots. It keeps only the nodes that lead to a lock, so all
// locks below a name are found without looking at others, and those above it on the way down.
type tree struct {
	locks   []*Lock // rooted here
	members map[string]*tree
}

// each segment of name, none for "/".
func segments(name string) func(yield func(string) bool) {
	if name == "/" {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(name[1:], "/")
}

func (t *tree) insert(l *Lock) {
	for seg := range segments(l.Root) {
		next := t.members[seg]
		if next == nil {
			if t.members == nil {
				t.members = make(map[string]*tree)
			}
			next = new(tree)
			t.members[seg] = next
		}
		t = next
	}
	t.locks = append(t.locks, l)
}

func (t *tree) remove(l *Lock) {
	if l.Root == "/" {
		t.take(l)
		return
	}
	path := []*tree{t}
	segs := strings.Split(l.Root[1:], "/")
	for _, seg := range segs {
		next := path[len(path)-1].members[seg]
		if next == nil {
			return
		}
		path = append(path, next)
	}
	path[len(path)-1].take(l)
	for i := len(segs) - 1; i >= 0 && path[i+1].empty(); i-- {
		delete(path[i].members, segs[i])
	}
}

func (t *tree) take(l *Lock) {
	if i := slices.Index(t.locks, l); i >= 0 {
		t.locks = slices.Delete(t.locks, i, i+1)
	}
}

func (t *tree) empty() bool { return len(t.locks) == 0 && len(t.members) == 0 }

// covering appends the locks that have name in their scope, and returns the node of name, nil when no
// lock is rooted at it or below it.
func (t *tree) covering(name string, dst []*Lock) ([]*Lock, *tree) {
	for seg := range segments(name) {
		for _, l := range t.locks {
			if l.Infinite {
				dst = append(dst, l)
			}
		}
		if t = t.members[seg]; t == nil {
			return dst, nil
		}
	}
	return append(dst, t.locks...), t
}

// walk calls fn for each node that has locks, at and below t, a collection before its members.
func (t *tree) walk(fn func(t *tree)) {
	if t == nil {
		return
	}
	if len(t.locks) > 0 {
		fn(t)
	}
	for _, m := range t.members {
		m.walk(fn)
	}
}
