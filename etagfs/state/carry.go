package state

import (
	"bytes"
	"fmt"
	"path"
)

// A COPY takes dead properties with it as it takes bytes: when it opens a resource, those that this one has. When the copy
// comes to be, another resource may have the name. So they come with the intent, and are durable before the step is taken;
// the store that they go to may be that of another tree.

// Carried are all dead properties of one resource, on their way to the copy.
type Carried struct {
	Name  string // what follows the name of the copy: "" for itself, "/a" for a member
	Value []byte
}

// Carry returns the dead properties of name itself, for Luggage; nil when it has none, which is known without reading where
// none of the names beside it has any. No change of the tree takes them elsewhere as long as the caller has the latch of
// name.
// Errors: ErrDamaged; what an earlier change still fails with.
func (s *Store) Carry(name string) (value []byte, err error) {
	if err := s.caughtUp(name); err != nil {
		return nil, err
	}
	if !s.MembersHave(path.Dir(name)) {
		return nil, nil
	}
	err = s.view(func(tx Tx) error {
		value = bytes.Clone(tx.Get(Properties, keyOf(name)))
		return nil
	})
	return value, err
}

// Luggage are the dead properties that a COPY has taken with it so far. It is in memory until Begin keeps it, so all that
// is under way to a store is bounded by MaxCarriedBytes: its intent is several times as large until it is kept.
// Not safe for concurrent use.
type Luggage struct {
	to    *Store
	all   []Carried
	bytes int64
}

// Luggage returns an empty one, on its way to s. Drop gives back what it holds.
func (s *Store) Luggage() *Luggage { return &Luggage{to: s} }

// Add puts the properties of one resource in; name and value are those of a Carried.
// Errors: ErrTooLarge.
func (l *Luggage) Add(name string, value []byte) error {
	c := Carried{name, value}
	l.bytes += c.sizeBytes()
	if l.to.underWay.Add(c.sizeBytes()) > l.to.opts.MaxCarriedBytes {
		return fmt.Errorf("copy of %d resources with properties: %w", len(l.all), ErrTooLarge)
	}
	l.all = append(l.all, c)
	return nil
}

// All is what a Change carries.
func (l *Luggage) All() []Carried { return l.all }

// Drop empties it.
func (l *Luggage) Drop() {
	l.to.underWay.Add(-l.bytes)
	l.all, l.bytes = nil, 0
}

func (c *Carried) sizeBytes() int64 { return int64(len(c.Name) + len(c.Value)) }

// brings tells whether there are dead properties that the change gives to other names.
func (s *Store) brings(c *Change) bool {
	if c.Carries {
		return len(c.Carried) > 0
	}
	return s.HasBelow(c.Src)
}

// deliver puts what was carried where it belongs.
func (in *Intent) deliver(tx Tx, c *counts) error {
	for _, p := range in.Carried {
		if err := in.give(tx, c, in.Dst+p.Name, p.Value); err != nil {
			return err
		}
	}
	return nil
}

func carriedBytes(all []Carried) (n int64) {
	for _, p := range all {
		n += p.sizeBytes()
	}
	return n
}
