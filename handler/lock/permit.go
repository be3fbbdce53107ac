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
	// destination of a COPY): also every lock in there (RFC 4918 §9.6.1).
	MapTree
)

// Change of one name.
type Change struct {
	Name string
	Kind Kind
}

// Holder is who asks for a change: a principal and the tokens that the request submitted.
type Holder struct {
	User   string
	Tokens []string
}

// Permit tells whether the changes may happen: for every resource that is covered by locks, the token of
// one of them that the holder may use was submitted. (An exclusive lock has none beside it; of shared
// locks one is enough, RFC 4918 §6.2.) Unknown tokens do no harm.
// Errors: *LockedError.
func (t *Table) Permit(now time.Time, h Holder, changes ...Change) error {
	if t.count.Load() == 0 {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	p := permit{now: now, holder: h}
	if len(h.Tokens) > fewTokens {
		p.set = make(map[string]bool, len(h.Tokens))
		for _, token := range h.Tokens {
			p.set[token] = true
		}
	}
	var few [8]*Lock // enough for nearly all names, without asking the heap
	for _, c := range changes {
		locks, at := t.root.covering(c.Name, few[:0])
		p.need(locks)
		if c.Kind == MapTree && at != nil {
			p.below(at, infinite(locks))
		}
		if c.Kind != Modify && c.Name != "/" {
			parent, _ := t.root.covering(path.Dir(c.Name), few[:0])
			p.need(parent)
		}
	}
	if len(p.lacking) == 0 {
		return nil
	}
	return &LockedError{Roots: unique(p.lacking)}
}

type permit struct {
	now     time.Time
	holder  Holder
	set     map[string]bool // of the tokens, where they are many
	lacking []string
}

// fewTokens are faster to look through than to put into a map. A hostile request submits thousands.
const fewTokens = 16

func (p *permit) submitted(token string) bool {
	if p.set != nil {
		return p.set[token]
	}
	return slices.Contains(p.holder.Tokens, token)
}

// need asks for the token of one of the locks that cover one resource.
func (p *permit) need(locks []*Lock) {
	lacking := len(p.lacking)
	for _, l := range locks {
		if !p.now.Before(l.Expires) {
			continue
		}
		if l.usable(p.holder.User) && p.submitted(l.Token) {
			p.lacking = p.lacking[:lacking]
			return
		}
		p.lacking = append(p.lacking, l.Root)
	}
}

// below asks for the locks of all resources under t; inherited are those from above that cover them.
func (p *permit) below(t *tree, inherited []*Lock) {
	for _, m := range t.members {
		locks := slices.Concat(inherited, m.locks)
		if len(m.locks) > 0 {
			p.need(locks)
		}
		p.below(m, infinite(locks))
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

// Covering returns the locks that have name in their scope, for DAV:lockdiscovery (RFC 4918 §15.8).
func (t *Table) Covering(now time.Time, name string) []Lock {
	if t.count.Load() == 0 {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	locks, _ := t.root.covering(name, nil)
	return lasting(now, locks)
}

// Around returns the locks that Covering does and, after them, those rooted at members of name, sorted by token: all
// that the listing of a collection tells of.
func (t *Table) Around(now time.Time, name string) []Lock {
	if t.count.Load() == 0 {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	covering, at := t.root.covering(name, nil)
	if at == nil {
		return lasting(now, covering)
	}
	var members []*Lock
	for _, m := range at.members {
		members = append(members, m.locks...)
	}
	slices.SortFunc(members, func(a, b *Lock) int { return strings.Compare(a.Token, b.Token) })
	return lasting(now, append(covering, members...))
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

// Holds tells whether the state of name includes the token: name is in the scope of its lock
// (RFC 4918 §10.4.4).
func (t *Table) Holds(now time.Time, name, token string) bool {
	if t.count.Load() == 0 {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.byToken[token]
	return e != nil && now.Before(e.Expires) && e.Covers(name)
}

// AnyBelow tells whether a lock is rooted at name or below it.
func (t *Table) AnyBelow(name string) bool {
	if t.count.Load() == 0 {
		return false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, at := t.root.covering(name, nil)
	return at != nil
}
