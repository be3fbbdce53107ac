package state

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"time"
)

// lazyDigests are digests on their way into the store. Losing them costs hashing once more, so they
// go with the next transaction or by themselves after flushDelay, and nobody waits for them.
type lazyDigests struct {
	mu    sync.Mutex
	notes map[string][]byte // guarded by mu; by key
	timer *time.Timer       // guarded by mu
}

const (
	flushDelay = 2 * time.Second
	flushNotes = 4096
)

// Digest returns what NoteDigest was given for a name, nil when nothing is known. It looks like one of the tree ("/a/b") and
// tells an inode. The record holds the identity it belongs to; whoever uses it compares that.
func (s *Store) Digest(name string) []byte {
	key := keyOf(name)
	s.digests.mu.Lock()
	note, ok := s.digests.notes[string(key)]
	s.digests.mu.Unlock()
	if ok {
		return note
	}
	var record []byte
	if s.view(func(tx Tx) error { record = bytes.Clone(tx.Get(Digests, key)); return nil }) != nil {
		return nil
	}
	return record
}

// NoteDigest keeps a record for a name, some time later.
func (s *Store) NoteDigest(name string, record []byte) {
	d := &s.digests
	d.mu.Lock()
	if d.notes == nil {
		d.notes = make(map[string][]byte)
	}
	d.notes[string(keyOf(name))] = record
	full := len(d.notes) >= flushNotes
	if d.timer == nil {
		d.timer = time.AfterFunc(flushDelay, func() { s.flushDigests() })
	}
	d.mu.Unlock()
	if full {
		s.flushDigests()
	}
}

// flushDigests writes the notes of now in one transaction.
func (s *Store) flushDigests() {
	d := &s.digests
	d.mu.Lock()
	notes := maps.Clone(d.notes)
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.mu.Unlock()
	if len(notes) == 0 {
		return
	}
	err := s.begin(func(tx Tx, _ *counts) error {
		for key, record := range notes {
			if err := tx.Put(Digests, []byte(key), record); err != nil {
				return err
			}
		}
		return nil
	}).wait()
	if err != nil {
		s.opts.Log.Warn("digests were not kept; they will be made again", "err", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, record := range notes {
		if bytes.Equal(d.notes[key], record) {
			delete(d.notes, key)
		}
	}
}

// EachDigest calls fn for every name with a record, in the order of keys. fn must not call the Store.
func (s *Store) EachDigest(fn func(name string, record []byte) error) error {
	s.flushDigests()
	return s.view(func(tx Tx) error {
		return tx.Scan(Digests, nil, func(key, record []byte) error { return fn(nameOf(key), bytes.Clone(record)) })
	})
}

// forgetAtOnce bounds a transaction of ForgetDigests, since locks and properties wait behind it.
const forgetAtOnce = 1024

// ForgetDigests drops records by name, each only if it is still the one given: a note that came
// meanwhile stays. It returns when that is durable. Errors: those of the engine.
func (s *Store) ForgetDigests(records map[string][]byte) error {
	names := slices.Collect(maps.Keys(records))
	for some := range slices.Chunk(names, forgetAtOnce) {
		err := s.begin(func(tx Tx, _ *counts) error {
			for _, name := range some {
				key := keyOf(name)
				if !bytes.Equal(tx.Get(Digests, key), records[name]) {
					continue
				}
				if err := tx.Delete(Digests, key); err != nil {
					return err
				}
			}
			return nil
		}).wait()
		if err != nil {
			return err
		}
	}
	return nil
}
