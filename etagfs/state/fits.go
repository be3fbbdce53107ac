package state

import "fmt"

// Fits tells whether Patch would take ops now; nothing changes. For steps that come before a Patch and
// cannot be undone. Errors: as Patch.
func (s *Store) Fits(name string, ops []Op) error {
	if err := s.small(name, ops); err != nil {
		return err
	}
	return s.view(func(tx Tx) error {
		_, err := s.fitting(tx, name, ops)
		return err
	})
}

// small makes sure that each property is.
func (s *Store) small(name string, ops []Op) error {
	for _, op := range ops {
		if len(op.Name.Space)+len(op.Name.Local)+len(op.XML) > s.opts.MaxPropertyBytes {
			return fmt.Errorf("property %s of %s: %w", op.Name.Local, name, ErrTooLarge)
		}
	}
	return nil
}

// fitting is the record of name after ops, if it may grow so much.
func (s *Store) fitting(tx Tx, name string, ops []Op) (value []byte, err error) {
	old := tx.Get(Properties, keyOf(name))
	ps, err := decodeProperties(old)
	if err != nil {
		return nil, fmt.Errorf("properties of %s: %w", name, err)
	}
	value = encodeProperties(patched(ps, ops))
	if grown := len(value) - len(old); grown > 0 &&
		(len(value) > s.opts.MaxResourceBytes || s.size()+int64(grown) > s.opts.MaxStoreBytes) {
		return nil, fmt.Errorf("properties of %s: %w", name, ErrTooLarge)
	}
	return value, nil
}
