package state

import "bytes"

// LoadLocks calls fn with every lock: its token and what SaveLocks was given.
// Errors: those of fn; ErrDamaged.
func (s *Store) LoadLocks(fn func(token string, record []byte) error) error {
	return s.view(func(tx Tx) error {
		return tx.Scan(Locks, nil, func(key, value []byte) error { return fn(string(key), bytes.Clone(value)) })
	})
}

// DropLocks queues the end of locks that are gone whether it fails or not: then it comes before the next change. wait
// is as that of SaveLocks.
func (s *Store) DropLocks(tokens []string) (wait func() error) {
	return s.follow(func(tx Tx, _ *counts) error { return saveLocks(tx, nil, tokens) }).wait
}

// SaveLocks queues a change of locks: put by token, and drop. wait returns when it is durable; what nobody waits for goes
// with the next change. Changes happen in the order in which SaveLocks was called.
func (s *Store) SaveLocks(put map[string][]byte, drop []string) (wait func() error) {
	j := s.enqueue(&job{run: func(tx Tx, _ *counts) error { return saveLocks(tx, put, drop) }, done: make(chan struct{})})
	return func() error {
		s.queue.poke()
		return j.wait()
	}
}

func saveLocks(tx Tx, put map[string][]byte, drop []string) error {
	for token, record := range put {
		if err := tx.Put(Locks, []byte(token), record); err != nil {
			return err
		}
	}
	for _, token := range drop {
		if err := tx.Delete(Locks, []byte(token)); err != nil {
			return err
		}
	}
	return nil
}
