package state

import "fmt"

// Fits tells whether Patch would accept ops now, so that a caller can find out before it takes a step
// that cannot be undone.
// Errors: as Patch.
func (s *Store) Fits(name string, ops []Op) error {
	if err := s.small(name, ops); err != nil {
		return err
	}
	return s.view(func(tx Tx) error {
		_, err := s.fitting(tx, name, ops)
		return err
	})
}

// small refuses single properties that are too large, without a transaction.
func (s *Store) small(name string, ops []Op) error {
	for _, op := range ops {
		if len(op.Name.Space)+len(op.Name.Local)+len(op.XML) > s.opts.MaxPropertyBytes {
			return fmt.Errorf("property %s of %s: %w", op.Name.Local, name, ErrTooLarge)
		}
	}
	return nil
}

// fitting is the record of name after ops. Errors: ErrTooLarge, ErrDamaged.
func (s *Store) fitting(tx Tx, name string, ops []Op) ([]byte, error) {
	old := tx.Get(Properties, keyOf(name))
	ps, err := decodeProperties(old)
	if err != nil {
		return nil, fmt.Errorf("properties of %s: %w", name, err)
	}
	value := encodeProperties(patched(ps, ops))
	if grown := len(value) - len(old); grown > 0 &&
		(len(value) > s.opts.MaxResourceBytes || s.size()+int64(grown) > s.opts.MaxStoreBytes) {
		return nil, fmt.Errorf("properties of %s: %w", name, ErrTooLarge)
	}
	return value, nil
}
