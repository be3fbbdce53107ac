package state

import "fmt"

// Fits tells whether Patch would accept ops now, so that a caller can find out before it takes a step
// that cannot be undone.
// Errors: ErrTooLarge; ErrDamaged.
func (s *Store) Fits(name string, ops []Op) error {
	for _, op := range ops {
		if len(op.Name.Space)+len(op.Name.Local)+len(op.XML) > s.opts.MaxPropertyBytes {
			return fmt.Errorf("property %s of %s: %w", op.Name.Local, name, ErrTooLarge)
		}
	}
	ps, err := s.Properties(name)
	if err != nil {
		return err
	}
	old := len(encodeProperties(ps))
	grown := len(encodeProperties(patched(ps, ops))) - old
	if grown > 0 && (old+grown > s.opts.MaxResourceBytes || s.size()+int64(grown) > s.opts.MaxStoreBytes) {
		return fmt.Errorf("properties of %s: %w", name, ErrTooLarge)
	}
	return nil
}
