package lock

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Table; the zero value is a good one.
type Options struct {
	Max int // locks at once; 0: 100,000
	// MaxTogether is how many shared locks hold at once for one resource, each of which every answer about it
	// tells; 0: 100.
	MaxTogether int
	MaxBytes    int // of the owners and roots of all locks; 0: 64 MiB
	// Unmapped tells whether nothing is at a root. New asks it of locks that a crash may have kept their resource from
	// being made; nil: nothing is.
	Unmapped func(root string) bool
	// Tree is a number of the tree, as that of its root. In another one, since a disk is not mounted, Unmapped says nothing
	// of a lock. 0: not known.
	Tree uint64
	Log  *slog.Logger // nil: discard
}

// Table holds the locks of one tree. Safe for concurrent use. A lock is durable when it is granted.
type Table struct {
	store Store
	opts  Options

	count atomic.Int64 // len(byToken), so that nobody waits for mu where nothing is locked

	mu      sync.RWMutex
	byToken map[string]*entry // guarded by mu
	root    tree              // guarded by mu
	bytes   int               // guarded by mu; of all in byToken
	swept   time.Time         // guarded by mu; when expired locks were last looked for
}

type entry struct {
	Lock
	ending bool // an UNLOCK is being made durable
}

// sweepEvery bounds how often expired locks are looked for.
const sweepEvery = time.Second

// New returns a Table with the locks of the store that have not expired; a nil store keeps nothing. A lock on what a crash
// kept from being made has ended: nobody was told its token.
// Errors: those of the store. A record that cannot be read costs that lock and is logged.
func New(store Store, now time.Time, o Options) (*Table, error) {
	if store == nil {
		store = nowhere{}
	}
	o.Max = cmp.Or(o.Max, 100_000)
	o.MaxTogether = cmp.Or(o.MaxTogether, 100)
	o.MaxBytes = cmp.Or(o.MaxBytes, 64<<20)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	t := &Table{store: store, opts: o, byToken: make(map[string]*entry), swept: now}
	made := map[string][]byte{}
	var drop []string
	err := store.LoadLocks(func(token string, record []byte) error {
		l, err := decode(token, record)
		if most := until(now, l.Timeout); most.Before(l.Expires) { // the clock was ahead when it was granted
			l.Expires = most
		}
		switch {
		case err != nil:
			o.Log.Error("a lock cannot be read and is dropped", "err", err)
			drop = append(drop, token)
		case !now.Before(l.Expires):
			drop = append(drop, token)
		case l.MakingIn != 0 && l.MakingIn != o.Tree:
			t.insert(&entry{Lock: l}) // a later start finds out
		case l.Making && (o.Unmapped == nil || o.Unmapped(l.Root)):
			drop = append(drop, token)
		default:
			if l.Making {
				l.Making, l.MakingIn = false, 0
				made[token] = encode(&l)
			}
			t.insert(&entry{Lock: l})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load locks: %w", err)
	}
	if len(drop)+len(made) > 0 {
		store.SaveLocks(made, drop) // not awaited: it comes to the same if this is lost
	}
	return t, nil
}

func (t *Table) insert(e *entry) {
	t.byToken[e.Token] = e
	t.root.insert(&e.Lock)
	t.bytes += e.bytes()
	t.count.Store(int64(len(t.byToken)))
}

func (t *Table) delete(e *entry) {
	if t.byToken[e.Token] == nil {
		return // it expired meanwhile
	}
	delete(t.byToken, e.Token)
	t.root.remove(&e.Lock)
	t.bytes -= e.bytes()
	t.count.Store(int64(len(t.byToken)))
}

// Create grants a lock like want, which has all but Token and Expires, until now plus its Timeout.
// It returns when the lock is durable; before that nobody else is granted a conflicting one.
// Errors: *ConflictError; ErrTooMany; those of the store.
func (t *Table) Create(now time.Time, want Lock) (Lock, error) {
	e := &entry{Lock: want}
	e.Token, e.Expires = newToken(), until(now, want.Timeout)
	if e.Making {
		e.MakingIn = t.opts.Tree
	}
	record := encode(&e.Lock)

	t.mu.Lock()
	expired := t.sweep(now)
	if err := t.conflict(now, &e.Lock); err != nil {
		t.mu.Unlock()
		return Lock{}, err
	}
	if t.full(now, &e.Lock) {
		t.mu.Unlock()
		return Lock{}, ErrTooMany
	}
	t.insert(e)
	wait := t.store.SaveLocks(map[string][]byte{e.Token: record}, expired)
	t.mu.Unlock()

	if err := wait(); err != nil {
		t.mu.Lock()
		t.delete(e)
		t.mu.Unlock()
		return Lock{}, fmt.Errorf("lock %s: %w", want.Root, err)
	}
	return e.Lock, nil
}

// Made ends Making, when the resource is there. Nobody waits until that is durable: should a crash come first, New finds the
// resource. A lock that ends meanwhile is not kept again: others may have found its token with the resource.
func (t *Table) Made(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.byToken[token]; e != nil { // else it has ended meanwhile
		if e.Making, e.MakingIn = false, 0; !e.ending {
			t.store.SaveLocks(map[string][]byte{token: encode(&e.Lock)}, nil)
		}
	}
}

// conflict looks for locks whose scope meets that of l and that exclude it or are excluded by it (RFC 4918 §6.1: shared
// locks go together, exclusive ones with none).
func (t *Table) conflict(now time.Time, l *Lock) error {
	var roots []string
	against := func(o *Lock) {
		if now.Before(o.Expires) && (!l.Shared || !o.Shared) {
			roots = append(roots, o.Root)
		}
	}
	covering, at := t.root.covering(l.Place(), nil)
	for _, o := range covering {
		against(o)
	}
	if l.Infinite && at != nil {
		for _, m := range at.members {
			m.walk(func(m *tree) {
				for _, o := range m.locks {
					against(o)
				}
			})
		}
	}
	if roots == nil {
		return nil
	}
	return &ConflictError{Roots: unique(roots)}
}

// full tells whether there is no room for another lock that does not conflict.
func (t *Table) full(now time.Time, l *Lock) bool {
	if len(t.byToken) >= t.opts.Max || t.bytes+l.bytes() > t.opts.MaxBytes {
		return true
	}
	covering, _ := t.root.covering(l.Place(), nil)
	left := t.opts.MaxTogether
	for _, o := range covering {
		if now.Before(o.Expires) {
			left--
		}
	}
	return left <= 0
}

// Refresh lets the lock end at now plus timeout (RFC 4918 §9.10.2) and returns when that is durable.
// Errors: ErrNoSuchLock; ErrOutOfScope: the lock does not cover p; ErrNotHolder; those of the store.
func (t *Table) Refresh(now time.Time, p Place, token, user string, timeout time.Duration) (Lock, error) {
	t.mu.Lock()
	e, err := t.find(now, p, token, user)
	if err != nil {
		t.mu.Unlock()
		return Lock{}, err
	}
	before := e.Lock
	e.Timeout, e.Expires = timeout, until(now, timeout)
	after := e.Lock
	wait := t.store.SaveLocks(map[string][]byte{token: encode(&after)}, nil)
	t.mu.Unlock()

	if err := wait(); err != nil {
		t.mu.Lock()
		if e.Expires.Equal(after.Expires) {
			e.Timeout, e.Expires = before.Timeout, before.Expires
		}
		t.mu.Unlock()
		return Lock{}, fmt.Errorf("refresh lock on %s: %w", after.Root, err)
	}
	return after, nil
}

// Unlock ends the lock (RFC 4918 §9.11) and returns when that is durable.
// Errors: as Refresh. The lock stays when it fails.
func (t *Table) Unlock(now time.Time, p Place, token, user string) error {
	t.mu.Lock()
	e, err := t.find(now, p, token, user)
	if err != nil {
		t.mu.Unlock()
		return err
	}
	e.ending = true
	wait := t.store.SaveLocks(nil, []string{token})
	t.mu.Unlock()

	err = wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	e.ending = false
	if err != nil {
		return fmt.Errorf("unlock %s: %w", p.Name, err)
	}
	t.delete(e)
	return nil
}

// find returns the lock that user may use through p.
func (t *Table) find(now time.Time, p Place, token, user string) (*entry, error) {
	e := t.byToken[token]
	switch {
	case e == nil || e.ending || !now.Before(e.Expires):
		return nil, ErrNoSuchLock
	case !e.covers(p):
		return nil, ErrOutOfScope
	case !e.usable(user):
		return nil, ErrNotHolder
	}
	return e, nil
}

// sweep takes expired locks out and returns their tokens, for the transaction that follows.
func (t *Table) sweep(now time.Time) (tokens []string) {
	if now.Sub(t.swept) < sweepEvery {
		return nil
	}
	t.swept = now
	for token, e := range t.byToken {
		if !now.Before(e.Expires) {
			tokens = append(tokens, token)
			t.delete(e)
		}
	}
	return tokens
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
