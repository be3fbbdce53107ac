package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// boltEngine is an Engine in one file. Where bbolt cannot read the pages that a transaction begins with, it keeps its own
// locks for ever: that is met once, and from then on nobody asks it, or waits for it.
type boltEngine struct {
	db   *bolt.DB
	lost chan struct{} // closed when bbolt keeps its locks

	writing sync.Mutex // held by the one transaction that writes; comes before mu
	mu      sync.Mutex // held while a transaction begins, or one that reads ends
}

var errLost = fmt.Errorf("%w: its first pages cannot be read; restart the server", ErrDamaged)

// openBolt opens or makes the file. Errors: ErrDamaged, ErrInUse, those of the file system.
func openBolt(file string, relaxed bool) (e *boltEngine, err error) {
	// bbolt has no name for this one. A power cut while the file is made can leave it.
	if info, err := os.Stat(file); err == nil && 0 < info.Size() && info.Size() < 2*int64(os.Getpagesize()) {
		return nil, fmt.Errorf("%w: %d bytes are less than the first two pages", ErrDamaged, info.Size())
	}
	e = &boltEngine{lost: make(chan struct{})}
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
		there := true
		err = e.db.View(func(tx *bolt.Tx) error {
			for _, b := range buckets {
				there = there && tx.Bucket([]byte(b)) != nil
			}
			return nil
		})
		if err != nil || there {
			return err // and a full disk is as good as another: Btrfs has no room there even for what overwrites
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

// sound finds what no record shows: pages that are in use twice, are free as well, or are missing, and would fail one write
// after the other. A copy that was made of a file in use has them. It reads the whole file, a third of a second for a million
// digests. bbolt looks on a goroutine where a page that is not there would end the process, so each is looked at before.
// It tells whether the file is mostly empty. Errors: ErrDamaged.
func (e *boltEngine) sound() (hollow bool, err error) {
	err = guard(func() error {
		tx, err := e.begin(false)
		if err != nil {
			return err
		}
		defer e.endView(tx)
		freeBytes, err := fit(e.db, tx)
		if err != nil {
			return err
		}
		hollow = freeBytes > max(hollowBytes, tx.Size()/2)
		for wrong := range tx.Check() {
			err = fmt.Errorf("%w: %w", ErrDamaged, wrong)
		}
		return err
	})
	return hollow, err
}

func (e *boltEngine) View(fn func(Tx) error) error {
	tx, err := e.begin(false)
	if err != nil {
		return err
	}
	defer e.endView(tx)
	return fn(boltTx{tx})
}

func (e *boltEngine) Update(fn func(Tx) error) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	tx, err := e.begin(true)
	if err != nil {
		return err
	}
	ran := false
	defer func() {
		if !ran {
			tx.Rollback()
		}
	}()
	if err := fn(boltTx{tx}); err != nil {
		return err
	}
	ran = true
	return e.commit(tx)
}

// commit is tx.Commit that is not waited for when it waits for ever.
func (e *boltEngine) commit(tx *bolt.Tx) error {
	done := make(chan error, 1)
	go func() {
		done <- guard(func() error {
			defer tx.Rollback() // does nothing after a commit
			return tx.Commit()
		})
	}()
	select {
	case err := <-done:
		return err
	case <-e.lost:
		return errLost
	}
}

// begin begins a transaction; for one that writes e.writing is held. Errors: ErrDamaged.
func (e *boltEngine) begin(write bool) (tx *bolt.Tx, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.isLost() {
		return nil, errLost
	}
	defer func() {
		if tx == nil && err == nil { // a panic
			close(e.lost)
		}
	}()
	return e.db.Begin(write)
}

// endView does not wait for who begins: that one may wait for this very end, after which a file that has grown is mapped anew.
func (e *boltEngine) endView(tx *bolt.Tx) {
	if !e.mu.TryLock() {
		go guard(tx.Rollback) // for ever, where bbolt keeps its locks
		return
	}
	defer e.mu.Unlock()
	if !e.isLost() {
		tx.Rollback()
	}
}

func (e *boltEngine) isLost() bool {
	select {
	case <-e.lost:
		return true
	default:
		return false
	}
}

// Relax changes NoSync while it has the lock under which bbolt reads it. A commit that is not relaxed writes all that is dirty.
func (e *boltEngine) Relax(relaxed bool) error {
	errRelaxed := errors.New("nothing to commit")
	was := relaxed
	err := e.Update(func(Tx) error {
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

// Close leaves it to the end of the process to close a file that is lost.
func (e *boltEngine) Close() error {
	if e.isLost() {
		return errLost
	}
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
