package lock

import "fmt"

// Break ends a lock whoever holds it, for an operator. Errors: ErrNoSuchLock; those of the store.
func (t *Table) Break(token string) error {
	return t.removeAll(func() (ls []*Lock) {
		if e := t.byToken[token]; e != nil {
			ls = append(ls, &e.Lock)
		}
		return ls
	}, ErrNoSuchLock)
}

// RemoveTree ends the locks rooted at name and below it, which are gone (RFC 4918 §6.1 and §9.6); those
// rooted above it stay. Errors: those of the store; the locks have ended even so.
func (t *Table) RemoveTree(name string) error {
	return t.removeAll(func() []*Lock { return t.under(name, true) }, nil)
}

// RemoveMembers ends the locks below name and keeps those rooted at it: what a MOVE or COPY puts in
// the place of a locked resource is in the scope of its lock (RFC 4918 §7.6).
func (t *Table) RemoveMembers(name string) error {
	return t.removeAll(func() []*Lock { return t.under(name, false) }, nil)
}

func (t *Table) under(name string, self bool) (ls []*Lock) {
	_, at := t.root.above(name, nil)
	at.walk(func(m *tree) {
		if m != at || self {
			ls = append(ls, m.locks...)
		}
	})
	return ls
}

func (t *Table) removeAll(which func() []*Lock, none error) error {
	if t.count.Load() == 0 {
		return none
	}
	t.mu.Lock()
	locks := which()
	if len(locks) == 0 {
		t.mu.Unlock()
		return none
	}
	tokens := make([]string, 0, len(locks))
	for _, l := range locks {
		if e := t.byToken[l.Token]; e != nil { // else it was found by another root already
			tokens = append(tokens, l.Token)
			t.delete(e)
		}
	}
	wait := t.store.DropLocks(tokens)
	t.mu.Unlock()
	if err := wait(); err != nil {
		return fmt.Errorf("remove locks: %w", err)
	}
	return nil
}
