package state

import (
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	"ifmatch/fs"
)

// Engine keeps records in buckets, sorted by key. A Store is the only user of an Engine and asks for one
// Update at a time; Views may run meanwhile and see the state before or after it.
type Engine interface {
	// View calls fn with a snapshot. Slices it hands out are valid only during the call.
	View(fn func(Tx) error) error
	// Update calls fn and, unless it fails, makes all it changed durable in one step.
	Update(fn func(Tx) error) error
	// Relax lets each Update return before it is durable, or no longer: all of before is durable then.
	// Nothing has changed when it fails, which it does not when relaxed.
	Relax(relaxed bool) error
	Close() error
}

// Tx is one transaction of an Engine.
type Tx interface {
	Get(b Bucket, key []byte) []byte // nil: no such record
	Put(b Bucket, key, value []byte) error
	Delete(b Bucket, key []byte) error
	// Scan calls fn for each record whose key begins with prefix, in order. fn must not change the bucket.
	Scan(b Bucket, prefix []byte, fn func(key, value []byte) error) error
}

// Bucket names a set of records.
type Bucket string

// The buckets.
const (
	Locks      Bucket = "locks"      // token -> record of package lock
	Properties Bucket = "properties" // key of name -> all dead properties of the resource
	Intents    Bucket = "intents"    // number -> change of the tree that is under way
	Digests    Bucket = "digests"    // key of inode -> identity and digest of the bytes
)

var buckets = []Bucket{Locks, Properties, Intents, Digests}

// view runs one reading transaction.
func (s *Store) view(fn func(Tx) error) error {
	return guard(func() error { return s.engine.View(fn) })
}

// guard turns what a damaged file does to a memory-mapped store (a panic, or a fault where the file
// is shorter than it says) into ErrDamaged, so that it costs a request and not the server.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	err = fn()
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if full && !errors.Is(err, fs.ErrNoSpace) { // which a guard inside has said
		err = fmt.Errorf("state: %w: %w", fs.ErrNoSpace, err)
	}
	return err
}
