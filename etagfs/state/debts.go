package state

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// What has to follow a change that was made cannot be refused any more. When it fails, since the disk of the state is full
// for a moment, the store owes it: it is done before any later job, or that fails as well. Otherwise it would be done
// by the next start, on top of all that was acknowledged meanwhile. Where no later job comes, it is tried again after a
// while, and by Close.

// A debt is what makes a job one that is owed when it fails.
type debt struct {
	names []string // that it is about, with all below them
	told  bool     // the log
}

type debts struct {
	jobs  []*job      // in their order; of the goroutine of the queue alone
	owing atomic.Bool // there may be some
	mu    sync.Mutex
	names []string // guarded by mu; of all jobs
}

// take returns what is owed, to be done now.
func (d *debts) take() []*job {
	jobs := d.jobs
	d.jobs = nil
	return jobs
}

// owe keeps what has failed. Whoever waits for j has the answer already when it is done again.
func (s *Store) owe(j *job) {
	if !j.debt.told {
		j.debt.told = true
		s.opts.Log.Error("locks and dead properties do not follow a change yet; nothing else is kept before they do",
			"names", j.debt.names, "err", j.err)
	}
	d := &s.debts
	d.jobs = append(d.jobs, &job{run: j.run, debt: j.debt, done: make(chan struct{})})
	d.mu.Lock()
	d.names = append(d.names, j.debt.names...)
	d.mu.Unlock()
	d.owing.Store(true)
}

// update drops the names of what is owed no longer, and tells whether there is more.
func (d *debts) update() (owing bool) {
	if !d.owing.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = nil
	for _, j := range d.jobs {
		d.names = append(d.names, j.debt.names...)
	}
	d.owing.Store(len(d.jobs) > 0)
	return len(d.jobs) > 0
}

// retry says when what is owed is tried again. The zero value is for nothing owed, and holds nothing.
type retry struct {
	due  <-chan time.Time
	next time.Duration
}

// A full disk is looked at a few times in the first minute, and costs nothing to speak of after that.
const (
	firstRetry = time.Second
	maxRetry   = time.Minute
)

// tried notes whether something is owed after an attempt. Only one that came since it was due makes the next one wait longer.
func (r *retry) tried(owing, late bool) {
	switch {
	case !owing:
		*r = retry{}
	case r.due == nil:
		*r = retry{time.After(firstRetry), 2 * firstRetry}
	case late:
		*r = retry{time.After(r.next), min(2*r.next, maxRetry)}
	}
}

// about tells whether something is owed at one of names, above or below.
func (d *debts) about(names []string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return related(d.names, names)
}

// follow queues a job that has to be done, sooner or later, and is about names.
func (s *Store) follow(run func(tx Tx, c *counts) error, names ...string) *job {
	j := s.later(run, names...)
	s.queue.poke()
	return j
}

// later is follow for what nobody waits for: it goes with the next job, or with Close.
func (s *Store) later(run func(tx Tx, c *counts) error, names ...string) *job {
	return s.enqueue(&job{run: run, debt: &debt{names: names}, done: make(chan struct{})})
}

// caughtUp does what is owed at names, or anywhere when none is given: until then the records there are not those of
// the tree. Errors: what it fails with.
func (s *Store) caughtUp(names ...string) error {
	if !s.debts.owing.Load() || len(names) > 0 && !s.debts.about(names) {
		return nil
	}
	if err := s.begin(func(Tx, *counts) error { return nil }).wait(); err != nil {
		return fmt.Errorf("an earlier change is not done yet: %w", err)
	}
	return nil
}
