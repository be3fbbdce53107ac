package state

import (
	"bytes"
	"slices"
	"strings"
)

// A COPY from another tree: its properties are in another store, which a crash may leave behind. So they
// come with the intent, and are durable here before the step is taken.

// Carried are all dead properties of one resource, on their way to another store.
type Carried struct {
	Name  string // what follows the name of the source: "" for itself, "/a" for a member
	Value []byte
}

// Carry returns the dead properties of name and, when deep, of all below it, for the Begin of another store.
// Errors: ErrDamaged; what an earlier change still fails with.
func (s *Store) Carry(name string, deep bool) (all []Carried, err error) {
	if err := s.caughtUp(name); err != nil {
		return nil, err
	}
	if !s.has(name, deep) {
		return nil, nil
	}
	err = s.view(func(tx Tx) error {
		return eachBelow(tx, Properties, name, deep, func(k, v []byte) error {
			rest := strings.TrimSuffix(strings.TrimPrefix(nameOf(k), strings.TrimSuffix(name, "/")), "/")
			all = append(all, Carried{rest, bytes.Clone(v)})
			return nil
		})
	})
	return all, err
}

// brings tells whether there are dead properties at the source of the change.
func (s *Store) brings(c *Change) bool {
	if c.Foreign {
		return len(c.Carried) > 0
	}
	return s.HasBelow(c.Src)
}

// deliver puts what was carried where it belongs, but for what is at or below except.
func (in *Intent) deliver(tx Tx, c *counts, except []string) error {
	for _, p := range in.Carried {
		from := strings.TrimSuffix(in.Src, "/") + p.Name
		if slices.ContainsFunc(except, func(e string) bool { return within(from, e) }) {
			continue
		}
		if err := in.give(tx, c, in.Dst+p.Name, p.Value); err != nil {
			return err
		}
	}
	return nil
}

func carriedBytes(all []Carried) (n int64) {
	for _, p := range all {
		n += int64(len(p.Name) + len(p.Value))
	}
	return n
}
