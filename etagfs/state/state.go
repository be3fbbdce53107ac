// Package state is what a server remembers beside the files: write locks, dead properties, digests.
//
// It promises that what was acknowledged is there after a crash, that concurrent requests share
// the cost of one durable transaction, and that names change their state together with the tree: an
// [Intent] is durable before a MOVE, COPY or DELETE of something that has state, and
// [Store.Recover] ends what a crash interrupted. It looks at the tree for no other reason, and losing it
// costs locks and properties, never files: a damaged store is moved aside and an empty one opened.
//
// Behind it stands an [Engine], for which bbolt was chosen by measuring (4 KiB pages, ext4, two
// processors, durable transactions of 200 bytes; alone, and by 16 writers at once in shared transactions):
//
//	                        alone    16 writers   open and read 4,000   added to the binary
//	bbolt                   480 us   115 us each  0.4 ms                0.26 MB
//	SQLite (modernc), WAL   300 us   76 us each   8 ms                  4.2 MB
//
// SQLite needs one fsync where bbolt needs two, a difference that sharing makes small; bbolt starts
// faster and reads a property in two or three microseconds without SQL, which PROPFIND does all day. DB.Batch of bbolt
// waits 10 ms for company and then serves 16 writers at 790 us each, so commit.go gathers by itself:
// what arrives during one fsync goes with the next.
//
// Entry points: [Open] for a state directory, [NewMemory] for none.
package state

import (
	"cmp"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ifmatch/fs"
)

// Sentinels that callers branch on.
var (
	ErrInUse    = errors.New("another ifmatch uses it")
	ErrTooLarge = errors.New("more dead properties than this server keeps")
	ErrDamaged  = errors.New("the state is damaged")
	ErrClosed   = errors.New("the state is closed")
)

// Options of a Store; the zero value keeps what people need and bounds what they send.
type Options struct {
	MaxPropertyBytes int          // of one dead property; 0: 64 KiB
	MaxResourceBytes int          // of all dead properties of one resource; 0: 1 MiB
	MaxStoreBytes    int64        // of all dead properties; 0: 1 GiB
	MaxCarriedBytes  int64        // of all that copies under way have with them, which is in memory; 0: 64 MiB
	Relaxed          bool         // acknowledge before it is durable (--durability none)
	Log              *slog.Logger // nil: discard
}

// Store keeps the state of one tree. Safe for concurrent use.
type Store struct {
	engine Engine
	opts   Options
	unlock func() // gives the directory back
	file   string // "" in memory
	was    os.FileInfo

	queue   queue
	debts   debts
	left    left
	commits fs.Durations
	digests lazyDigests
	intents atomic.Uint64 // number of the last one
	tree    Tree          // that Recover was given; nil: none
	root    Node          // of the tree, as Recover found it; zero: not known

	resources atomic.Int64 // that have dead properties
	languages atomic.Int64 // that have DAV:getcontentlanguage
	underWay  atomic.Int64 // bytes of all Luggage

	mu    sync.RWMutex
	dirs  map[string]held // guarded by mu; collection -> how many of its members have dead properties
	bytes int64           // guarded by mu; keys and values of all dead properties
}

// fileName of the store in its directory.
const fileName = "state.db"

// Open opens the store in the directory dir, and makes both where they are missing.
// Errors: ErrInUse when another process has it; those of the file system. A damaged store is no
// error: it is moved aside, which the log tells, and an empty one takes its place.
func Open(dir string, o Options) (*Store, error) {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	file := filepath.Join(dir, fileName)
	before, _ := os.Stat(file)
	s, err := openFile(file, o)
	if errors.Is(err, ErrDamaged) {
		aside := file + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000000")
		o.Log.Error("the state is damaged; locks and dead properties start empty", "err", err, "kept", aside)
		if err = os.Rename(file, aside); err == nil {
			s, err = openFile(file, o)
		}
	}
	if err != nil {
		unlock()
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	if before == nil || before.Size() == 0 {
		o.Log.Info("locks and properties start empty", "state", dir)
	}
	s.unlock = unlock
	if s.was, err = os.Stat(file); err == nil {
		s.file = file
	}
	return s, nil
}

// Begun tells whether a store was opened in the directory dir before.
func Begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, fileName))
	return !errors.Is(err, iofs.ErrNotExist)
}

func openFile(file string, o Options) (s *Store, err error) {
	e, err := openBolt(file, o.Relaxed)
	if err != nil {
		return nil, err
	}
	hollow, err := e.sound()
	if err == nil && hollow {
		if e, err = e.pack(file, o); err != nil {
			return nil, err
		}
	}
	if err == nil {
		s, err = New(e, o)
	}
	if err != nil {
		e.Close()
	}
	return s, err
}

// NewMemory returns a store that ends with the process, for --memory and tests.
func NewMemory(o Options) *Store {
	s, err := New(newMemory(), o)
	if err != nil {
		panic(err) // an empty memory has nothing that could be damaged
	}
	return s
}

// New returns a Store on top of e and reads what it holds.
// Errors: ErrDamaged, and those of e.
func New(e Engine, o Options) (*Store, error) {
	o.MaxPropertyBytes = cmp.Or(o.MaxPropertyBytes, 64<<10)
	o.MaxResourceBytes = cmp.Or(o.MaxResourceBytes, 1<<20)
	o.MaxStoreBytes = cmp.Or(o.MaxStoreBytes, 1<<30)
	o.MaxCarriedBytes = cmp.Or(o.MaxCarriedBytes, 64<<20)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	s := &Store{engine: e, opts: o, unlock: func() {}, dirs: make(map[string]held)}
	if err := s.load(); err != nil {
		return nil, err
	}
	s.queue.start(s.transact)
	return s, nil
}

// load reads properties and intents once: that counts them and finds damage before it is served.
func (s *Store) load() error {
	return s.view(func(tx Tx) error {
		err := tx.Scan(Properties, nil, func(key, value []byte) error {
			if _, err := decodeProperties(value); err != nil {
				return err
			}
			var c counts
			c.add(key, nil, value)
			s.apply(c)
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Scan(Intents, nil, func(key, value []byte) error {
			in, err := decodeIntent(key, value)
			if err == nil {
				s.intents.Store(max(s.intents.Load(), in.number))
			}
			return err
		})
	})
}

// Commits counts how long it took to make changes durable; all that waited at the time shared one.
func (s *Store) Commits() fs.DurationCounts { return s.commits.Counts() }

// Ready tells whether the store can be read, and will be there at the next start. Errors: ErrClosed; those of the engine;
// that somebody took the file away.
func (s *Store) Ready() error {
	s.queue.mu.Lock()
	closed := s.queue.closed
	s.queue.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if s.file != "" {
		if now, err := os.Stat(s.file); err != nil || !os.SameFile(now, s.was) {
			return fmt.Errorf("%s was removed or replaced: a restart begins with what is there then, and what was kept since is lost", s.file)
		}
	}
	return s.view(func(tx Tx) error {
		tx.Get(Locks, nil)
		return nil
	})
}

// Relax makes it acknowledge before it is durable, or no longer; then all that it acknowledged before is durable.
// Errors: those of making it durable; then nothing has changed.
func (s *Store) Relax(relaxed bool) error {
	return guard(func() error { return s.engine.Relax(relaxed) })
}

// Close ends the store after what was begun is durable.
func (s *Store) Close() error {
	s.flushDigests()
	s.queue.stop()
	if s.debts.owing.Load() {
		s.opts.Log.Error("locks and dead properties do not follow a change; the next start does what it can")
	}
	err := s.engine.Close()
	s.unlock()
	return err
}
