package lock

import (
	"slices"
	"strings"
)

// tree holds locks by the segments of their roots. It keeps only the nodes that lead to a lock, so all
// locks below a name are found without looking at others, and those above it on the way down.
type tree struct {
	locks   []*Lock // of which this is a root
	members map[string]*tree
}

// cut gives the first segment of a name or of what is left of one, and the rest: "/a/b" is "a" and "/b".
// The segment is "" when nothing is left.
func cut(name string) (segment, rest string) {
	if len(name) < 2 {
		return "", ""
	}
	if i := strings.IndexByte(name[1:], '/'); i >= 0 {
		return name[1 : i+1], name[i+1:]
	}
	return name[1:], ""
}

func (t *tree) insert(l *Lock) {
	for _, root := range l.roots() {
		t.insertAt(root, l)
	}
}

func (t *tree) insertAt(root string, l *Lock) {
	for seg, rest := cut(root); seg != ""; seg, rest = cut(rest) {
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
	for _, root := range l.roots() {
		t.removeAt(root, l)
	}
}

// removeAt goes down along what is left of a root, and prunes on the way back.
func (t *tree) removeAt(left string, l *Lock) {
	seg, rest := cut(left)
	if seg == "" {
		t.locks = slices.DeleteFunc(t.locks, func(o *Lock) bool { return o == l })
		return
	}
	if next := t.members[seg]; next != nil {
		if next.removeAt(rest, l); next.empty() {
			delete(t.members, seg)
		}
	}
}

func (t *tree) empty() bool { return len(t.locks) == 0 && len(t.members) == 0 }

// covering appends the locks that have p in their scope, each once, and returns the node of its name, nil when no
// lock is rooted at it or below it.
func (t *tree) covering(p Place, dst []*Lock) ([]*Lock, *tree) {
	dst, at := t.above(p.Name, dst)
	if at != nil {
		dst = with(dst, at.locks)
	}
	for _, link := range p.Way {
		more, _ := t.above(link, nil)
		dst = with(dst, more)
	}
	return dst, at
}

// with appends those of more that dst does not have.
func with(dst, more []*Lock) []*Lock {
	for _, l := range more {
		if !slices.Contains(dst, l) {
			dst = append(dst, l)
		}
	}
	return dst
}

// above appends the locks of collections that have name in their scope as a member, and returns the node of name.
func (t *tree) above(name string, dst []*Lock) ([]*Lock, *tree) {
	for seg, rest := cut(name); seg != ""; seg, rest = cut(rest) {
		for _, l := range t.locks {
			if l.Infinite && !slices.Contains(dst, l) {
				dst = append(dst, l)
			}
		}
		if t = t.members[seg]; t == nil {
			return dst, nil
		}
	}
	return dst, t
}

// walk calls fn for each node at and below t, a collection before its members.
func (t *tree) walk(fn func(t *tree)) {
	if t == nil {
		return
	}
	fn(t)
	for _, m := range t.members {
		m.walk(fn)
	}
}
