package state

import (
	"bytes"
	"errors"
	"fmt"
	"path"
)

// Name of a property: a namespace and a local name (RFC 4918 §4.4).
type Name struct{ Space, Local string }

// Property is a dead property: a name and what the client gave, as XML.
type Property struct {
	Name Name
	XML  []byte
}

// Op is one instruction of a PROPPATCH (RFC 4918 §9.2): set, or remove where XML is nil.
type Op struct {
	Name Name
	XML  []byte
}

// Properties returns the dead properties of a real name in the order in which they came, nil when it
// has none; that is known without reading where none of the names beside it has any.
// Errors: ErrDamaged.
func (s *Store) Properties(name string) ([]Property, error) {
	if !s.MembersHave(path.Dir(name)) {
		return nil, nil
	}
	var ps []Property
	err := s.view(func(tx Tx) error {
		// The copy outlives the transaction.
		var err error
		ps, err = decodeProperties(bytes.Clone(tx.Get(Properties, keyOf(name))))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("properties of %s: %w", name, err)
	}
	return ps, nil
}

// MembersHave tells whether any member of a collection has dead properties; it reads nothing. "/" counts
// as its own member.
func (s *Store) MembersHave(dir string) bool {
	if s.resources.Load() == 0 {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dirs[dir].resources > 0
}

// ContentLanguage is the one dead property that each GET and HEAD asks for. RFC 4918 §15.3.
var ContentLanguage = Name{"DAV:", "getcontentlanguage"}

// Language returns ContentLanguage of a real name as the client gave it, nil when it has none; that is known without
// reading where none of the names beside it has it.
// Errors: ErrDamaged.
func (s *Store) Language(name string) (xml []byte, err error) {
	if s.languages.Load() == 0 {
		return nil, nil
	}
	s.mu.RLock()
	beside := s.dirs[path.Dir(name)].languages
	s.mu.RUnlock()
	if beside == 0 {
		return nil, nil
	}
	ps, err := s.Properties(name)
	for i := range ps {
		if ps[i].Name == ContentLanguage {
			return ps[i].XML, err
		}
	}
	return nil, err
}

// HasBelow tells whether the resource or anything below it has dead properties.
func (s *Store) HasBelow(name string) bool {
	if s.resources.Load() == 0 {
		return false
	}
	found := errors.New("found")
	err := s.view(func(tx Tx) error {
		return eachBelow(tx, name, true, func(_, _ []byte) error { return found })
	})
	return err != nil // damaged: let whoever goes on find out
}

// Patch carries out ops in their order, all or none (RFC 4918 §9.2), and returns when it is durable.
// Errors: ErrTooLarge; fs.ErrNameTooLong; fs.ErrNoSpace; ErrDamaged. Nothing has changed when it fails.
func (s *Store) Patch(name string, ops []Op) error {
	_, err := s.patch(name, ops, nil)
	return err
}

// patch is Patch, with an intent in the same transaction unless that is nil. It returns the record of before.
func (s *Store) patch(name string, ops []Op, in *Intent) (was []byte, err error) {
	if err := s.small(name, ops); err != nil {
		return nil, err
	}
	if err := s.Overtake(name); err != nil {
		return nil, err
	}
	key := keyOf(name)
	err = s.begin(func(tx Tx, c *counts) error {
		was = bytes.Clone(tx.Get(Properties, key))
		value, err := s.fitting(name, was, ops)
		if err == nil {
			err = put(tx, c, key, value)
		}
		if err == nil && in != nil {
			err = in.save(tx)
		}
		return err
	}).wait()
	return was, err
}

// patched applies ops to the properties; ps is the caller's to change.
func patched(ps []Property, ops []Op) []Property {
	index := make(map[Name]int, len(ps)+len(ops))
	for i, p := range ps {
		index[p.Name] = i
	}
	for _, op := range ops {
		i, ok := index[op.Name]
		switch {
		case op.XML == nil && ok:
			ps[i].XML = nil
			delete(index, op.Name)
		case op.XML != nil && ok:
			ps[i].XML = op.XML
		case op.XML != nil:
			index[op.Name] = len(ps)
			ps = append(ps, Property(op))
		}
	}
	kept := ps[:0]
	for _, p := range ps {
		if p.XML != nil {
			kept = append(kept, p)
		}
	}
	return kept
}

// Forget drops the dead properties of name and all below it, as for a URL that is unmapped.
// Errors: those of making it durable.
func (s *Store) Forget(name string) error { return s.Renew(name, nil) }

// Renew is Forget, and then Patch, for what is about to be created at name, in one durable transaction. It costs nothing where
// there is nothing to drop or to set.
// Errors: as Patch.
func (s *Store) Renew(name string, ops []Op) error {
	if err := errors.Join(s.small(name, ops), s.Overtake(name)); err != nil {
		return err
	}
	if len(ops) == 0 && !s.HasBelow(name) {
		return nil
	}
	return s.begin(func(tx Tx, c *counts) error {
		value, err := s.fitting(name, nil, ops)
		if err == nil {
			err = forget(tx, c, name)
		}
		if err == nil {
			err = put(tx, c, keyOf(name), value)
		}
		return err
	}).wait()
}

func forget(tx Tx, c *counts, name string) error {
	var keys [][]byte
	err := eachBelow(tx, name, true, func(k, _ []byte) error {
		keys = append(keys, bytes.Clone(k))
		return nil
	})
	for _, k := range keys {
		if err == nil {
			err = put(tx, c, k, nil)
		}
	}
	return err
}

// transfer gives the properties of the source and, unless shallow, of all below it to the destination, which has lost
// its own. Those of the source stay.
func (in *Intent) transfer(tx Tx, c *counts) error {
	type pair struct {
		name  string
		value []byte
	}
	var all []pair
	err := eachBelow(tx, in.Src, !in.Shallow, func(k, v []byte) error {
		all = append(all, pair{in.Dst + nameOf(k)[len(in.Src):], bytes.Clone(v)})
		return nil
	})
	for _, p := range all {
		if err == nil {
			err = in.give(tx, c, p.name, p.value)
		}
	}
	return err
}

// give puts properties at a name, but for one that is too long to have any. Begin refuses a change that leads there, so
// such an intent is an old one: that it ends is worth more than they are.
func (in *Intent) give(tx Tx, c *counts, name string, value []byte) error {
	if len(name) > maxKeyBytes {
		in.store.opts.Log.Error("dead properties are lost: the name is too long to keep any",
			"step", in.Step, "src", in.Src, "dst", in.Dst, "bytes", len(name), "name", name[len(name)-maxNameShown:])
		return nil
	}
	return put(tx, c, keyOf(name), value)
}

// maxNameShown is how much the log tells of a name that is too long: its end.
const maxNameShown = 256

// put is the one place where properties change; an empty value removes.
func put(tx Tx, c *counts, key, value []byte) error {
	old := tx.Get(Properties, key)
	if len(value) == 0 && len(old) == 0 {
		return nil
	}
	c.add(key, old, value)
	if len(value) == 0 {
		return tx.Delete(Properties, key)
	}
	return tx.Put(Properties, key, value)
}
