package state

import (
	"fmt"

	"ifmatch/fs"
)

// small refuses single properties that are too large, without a transaction.
func (s *Store) small(name string, ops []Op) error {
	for _, op := range ops {
		if s.TooLarge(op) {
			return fmt.Errorf("property %s of %s: %w", op.Name.Local, name, ErrTooLarge)
		}
	}
	return nil
}

// TooLarge tells whether Patch refuses op whatever is there.
func (s *Store) TooLarge(op Op) bool {
	return len(op.Name.Space)+len(op.Name.Local)+len(op.XML) > s.opts.MaxPropertyBytes
}

// fitting is what ops make of old, the record of name. Errors: ErrTooLarge, fs.ErrNameTooLong, ErrDamaged.
func (s *Store) fitting(name string, old []byte, ops []Op) ([]byte, error) {
	ps, err := decodeProperties(old)
	if err != nil {
		return nil, fmt.Errorf("properties of %s: %w", name, err)
	}
	value := encodeProperties(patched(ps, ops))
	if len(value) > 0 && len(name) > maxKeyBytes {
		return nil, fmt.Errorf("properties of a name of %d bytes: %w", len(name), fs.ErrNameTooLong)
	}
	if grown := len(value) - len(old); grown > 0 &&
		(len(value) > s.opts.MaxResourceBytes || s.size()+int64(grown) > s.opts.MaxStoreBytes) {
		return nil, fmt.Errorf("properties of %s: %w", name, ErrTooLarge)
	}
	return value, nil
}

// reach refuses a change that would give properties to a name that is too long for them. Only properties that come
// along make new names.
// Errors: fs.ErrNameTooLong; ErrDamaged.
func (s *Store) reach(c *Change) error {
	longest := 0
	switch {
	case c.Step == Remove:
	case c.Carries:
		for _, p := range c.Carried {
			longest = max(longest, len(c.Dst)+len(p.Name))
		}
	case len(c.Dst) > len(c.Src): // else they become shorter
		grown := len(c.Dst) - len(c.Src)
		err := s.view(func(tx Tx) error {
			return eachBelow(tx, c.Src, !c.Shallow, func(k, _ []byte) error {
				longest = max(longest, len(k)+grown)
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	if longest > maxKeyBytes {
		return fmt.Errorf("%s: properties of a name of %d bytes: %w", c.Step, longest, fs.ErrNameTooLong)
	}
	return nil
}
