package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// boltEngine is an Engine in one file.
type boltEngine struct{ db *bolt.DB }

// openBolt opens or makes the file. Errors: ErrDamaged, ErrInUse, those of the file system.
func openBolt(file string, relaxed bool) (e *boltEngine, err error) {
	// bbolt has no name for this one. A power cut while the file is made can leave it.
	if info, err := os.Stat(file); err == nil && 0 < info.Size() && info.Size() < 2*int64(os.Getpagesize()) {
		return nil, fmt.Errorf("%w: %d bytes are less than the first two pages", ErrDamaged, info.Size())
	}
	e = new(boltEngine)
	err = guard(func() error {
		var err error
		e.db, err = bolt.Open(file, 0o600, &bolt.Options{
			Timeout: 100 * time.Millisecond, // our own lock on the directory comes first; this never waits
			// The list of free pages is written with each transaction (a page more, 4% more time): without
			// it bbolt walks the whole file at start, on a goroutine whose panic nobody can catch.
			NoFreelistSync: false,
			FreelistType:   bolt.FreelistMapType,
			NoStatistics:   true,
			NoSync:         relaxed,
			// Address space, not memory: readers never wait for a writer that must map a larger file.
			InitialMmapSize: initialMmapBytes,
		})
		if err != nil {
			return err
		}
		return e.db.Update(func(tx *bolt.Tx) error {
			for _, b := range buckets {
				if _, err := tx.CreateBucketIfNotExists([]byte(b)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil {
		return e, nil
	}
	if e.db != nil {
		guard(e.db.Close)
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrInUse
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum),
		errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrIncompatibleValue):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil, err
}

func (e *boltEngine) View(fn func(Tx) error) error {
	return e.db.View(func(tx *bolt.Tx) error { return fn(boltTx{tx}) })
}

func (e *boltEngine) Update(fn func(Tx) error) error {
	return e.db.Update(func(tx *bolt.Tx) error { return fn(boltTx{tx}) })
}

// Relax changes NoSync while it has the lock under which bbolt reads it. A commit that is not relaxed writes all that is dirty.
func (e *boltEngine) Relax(relaxed bool) error {
	errRelaxed := errors.New("nothing to commit")
	was := relaxed
	err := e.db.Update(func(*bolt.Tx) error {
		if was, e.db.NoSync = e.db.NoSync, relaxed; relaxed {
			return errRelaxed
		}
		return nil
	})
	switch {
	case err == errRelaxed:
		return nil
	case err != nil && was != relaxed:
		return errors.Join(err, e.Relax(was))
	}
	return err
}

func (e *boltEngine) Close() error {
	return errors.Join(guard(e.db.Sync), guard(e.db.Close))
}

type boltTx struct{ tx *bolt.Tx }

func (t boltTx) Get(b Bucket, key []byte) []byte { return t.tx.Bucket([]byte(b)).Get(key) }

func (t boltTx) Put(b Bucket, key, value []byte) error { return t.tx.Bucket([]byte(b)).Put(key, value) }

func (t boltTx) Delete(b Bucket, key []byte) error { return t.tx.Bucket([]byte(b)).Delete(key) }

func (t boltTx) Scan(b Bucket, prefix []byte, fn func(key, value []byte) error) error {
	c := t.tx.Bucket([]byte(b)).Cursor()
	for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return nil
}
