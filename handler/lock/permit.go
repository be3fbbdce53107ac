package lock

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Kind says what a change does to a name, and so which locks it needs (RFC 4918 §7).
type Kind int

const (
	// Modify changes the representation or the dead properties of a resource, or locks it once
	// more: the locks that cover it.
	Modify Kind = iota
	// Map creates a resource at an unmapped URL or takes one away that has no members: also the
	// locks that cover the collection it is a member of (RFC 4918 §7.4).
	Map
	// MapTree is Map for a resource with all that is below it (DELETE, both ends of a MOVE, the
	// destination of a COPY): also every lock in there (RFC 4918 §9.6.1), and one of those on a
	// collection that cover its members, too.
	MapTree
)

// Change of what is at one place.
type Change struct {
	Place
	Kind Kind
	// Collection tells whether a name, this one or one below it, is a collection, or becomes one with members.
	// MapTree asks, of names with locks of both depths, and not while it holds the table. nil: none is.
	Collection func(name string) bool
}

// Holder is who asks for a change: a principal and the tokens that the request submitted.
type Holder struct {
	User   string
	Tokens []string
}

// Permit tells whether the changes may happen: for every resource that is covered by locks, tokens that the holder may
// use were submitted. Of shared locks one is enough (RFC 4918 §6.2). An exclusive lock has none beside it, unless one
// was granted for the real name and the other one covers a link that leads there: then both holders rely on theirs,
// and the token of each is needed. Unknown tokens do no harm.
// Errors: *LockedError.
func (t *Table) Permit(now time.Time, h Holder, changes ...Change) error {
	if t.count.Load() == 0 {
		return nil
	}
	p := permit{now: now, holder: h}
	if len(h.Tokens) > fewTokens {
		p.set = make(map[string]bool, len(h.Tokens))
		for _, token := range h.Tokens {
			p.set[token] = true
		}
	}
	t.ask(&p, changes)
	p.settle()
	if len(p.lacking) == 0 {
		return nil
	}
	return &LockedError{Roots: unique(p.lacking)}
}

// ask finds the locks that the changes need, and asks for their tokens.
func (t *Table) ask(p *permit, changes []Change) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var few [8]*Lock // enough for nearly all names, without asking the heap
	for _, c := range changes {
		locks, at := t.root.covering(c.Place, few[:0])
		if c.Kind == MapTree && at != nil {
			p.tree(c, c.Name, locks)
			p.below(c, c.Name, at, infinite(locks))
		} else {
			p.need(locks)
		}
		if c.Kind != Modify && c.Name != "/" {
			// It comes to or goes from this collection, whatever URL it is asked for by: no lock on the way, which covers
			// the resource itself, stands for one of shared locks here.
			parent, _ := t.root.covering(Place{Name: path.Dir(c.Name)}, few[:0])
			p.need(parent)
		}
	}
}

type permit struct {
	now     time.Time
	holder  Holder
	set     map[string]bool // of the tokens, where they are many
	lacking []string
	open    []question
}

// question is whether name is a collection: its members lack a token then, of locks with these roots.
type question struct {
	name       string
	collection func(name string) bool
	lacking    []string
}

// fewTokens are faster to look through than to put into a map. A hostile request submits thousands.
const fewTokens = 16

// has tells whether the holder has submitted the token of l and may use it.
func (p *permit) has(l *Lock) bool {
	if !l.usable(p.holder.User) {
		return false
	}
	if p.set != nil {
		return p.set[l.Token]
	}
	return slices.Contains(p.holder.Tokens, l.Token)
}

// need asks for the tokens of the locks that cover one resource, as Permit says, and tells whether that is well.
func (p *permit) need(locks []*Lock) bool {
	lacking := len(p.lacking)
	oneShared := slices.ContainsFunc(locks, func(l *Lock) bool { return l.Shared && p.now.Before(l.Expires) && p.has(l) })
	for _, l := range locks {
		if p.now.Before(l.Expires) && !(l.Shared && oneShared) && !p.has(l) {
			p.lacking = append(p.lacking, l.Root)
		}
	}
	return len(p.lacking) == lacking
}

// tree asks for the locks that cover name and for those that cover its members. Only shared locks can differ there:
// the token of one with depth 0 is enough for the collection, and says nothing of what is in it. Whether it is
// a collection matters only if the second token is lacking, and is left open.
func (p *permit) tree(c Change, name string, locks []*Lock) {
	lacking := len(p.lacking)
	if !p.need(locks) || p.need(infinite(locks)) {
		return
	}
	p.open = append(p.open, question{name, c.Collection, slices.Clone(p.lacking[lacking:])})
	p.lacking = p.lacking[:lacking]
}

// below asks for the locks of all resources under t, which is at name; inherited are those from above that cover them.
// Members without locks of their own need what their collection was asked for.
func (p *permit) below(c Change, name string, t *tree, inherited []*Lock) {
	for segment, m := range t.members {
		member := path.Join(name, segment)
		locks := slices.Concat(inherited, m.locks)
		if len(m.locks) > 0 {
			p.tree(c, member, locks)
		}
		p.below(c, member, m, infinite(locks))
	}
}

// settle answers what was left open. It may ask a disk, and so nobody waits for it with the table.
func (p *permit) settle() {
	for _, q := range p.open {
		if q.collection != nil && q.collection(q.name) {
			p.lacking = append(p.lacking, q.lacking...)
		}
	}
}

func infinite(locks []*Lock) (deep []*Lock) {
	for _, l := range locks {
		if l.Infinite {
			deep = append(deep, l)
		}
	}
	return deep
}

// Covering returns the locks that have p in their scope, for DAV:lockdiscovery (RFC 4918 §15.8).
func (t *Table) Covering(now time.Time, p Place) []Lock {
	if t.count.Load() == 0 {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	locks, _ := t.root.covering(p, nil)
	return lasting(now, locks)
}

// Around returns the locks that Covering does and, after them, those rooted at members of p, sorted by token: all
// that the listing of a collection tells of, but for what links in it lead to elsewhere.
func (t *Table) Around(now time.Time, p Place) []Lock {
	if t.count.Load() == 0 {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	covering, at := t.root.covering(p, nil)
	if at == nil {
		return lasting(now, covering)
	}
	var members []*Lock
	for _, m := range at.members {
		members = append(members, m.locks...)
	}
	slices.SortFunc(members, func(a, b *Lock) int { return strings.Compare(a.Token, b.Token) })
	return lasting(now, with(covering, slices.Compact(members)))
}

// lasting are the locks that have not expired.
func lasting(now time.Time, locks []*Lock) (ls []Lock) {
	for _, l := range locks {
		if now.Before(l.Expires) {
			ls = append(ls, *l)
		}
	}
	return ls
}

// Holds tells whether the state of p includes the token: p is in the scope of its lock
// (RFC 4918 §10.4.4).
func (t *Table) Holds(now time.Time, p Place, token string) bool {
	if t.count.Load() == 0 {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.byToken[token]
	return e != nil && now.Before(e.Expires) && e.covers(p)
}

// AnyBelow tells whether a lock is rooted at name or below it.
func (t *Table) AnyBelow(name string) bool {
	if t.count.Load() == 0 {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, at := t.root.above(name, nil)
	return at != nil
}
