package state

import (
	"errors"
	"slices"
	"sync"
	"time"

	"ifmatch/fs"
)

// A job is one change; all jobs that wait while a transaction is made durable go into the next one.
// run may be called again after it failed or another did. It changes nothing when it fails; where it is known to fail
// before it has written anything, which ErrTooLarge and fs.ErrNameTooLong tell, that costs the others nothing.
// counts are applied to what the Store knows after the transaction is durable.
type job struct {
	run    func(tx Tx, c *counts) error
	counts counts
	debt   *debt // nil for what may fail
	err    error
	done   chan struct{}
}

// wait returns when the job is durable or has failed.
func (j *job) wait() error {
	<-j.done
	return j.err
}

// queue hands jobs to one goroutine, in the order in which they came.
type queue struct {
	mu      sync.Mutex
	jobs    []*job // guarded by mu
	closed  bool   // guarded by mu
	wake    chan struct{}
	stopped chan struct{}
}

// start has transact called with the jobs; it tells whether it owes some of what it was given.
func (q *queue) start(transact func([]*job) (owing bool)) {
	q.wake, q.stopped = make(chan struct{}, 1), make(chan struct{})
	go q.serve(transact)
}

func (q *queue) serve(transact func([]*job) (owing bool)) {
	defer close(q.stopped)
	var again retry
	for {
		late := false // what is owed is
		select {
		case <-q.wake:
		case <-again.due:
			late = true
		}
		for {
			q.mu.Lock()
			jobs, closed := q.jobs, q.closed
			q.jobs = nil
			q.mu.Unlock()
			if len(jobs) == 0 && !closed && !late {
				break
			}
			again.tried(transact(jobs), late)
			if len(jobs) == 0 && closed {
				return
			}
			late = false
		}
	}
}

func (q *queue) stop() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.poke()
	<-q.stopped
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake already and will look again
	}
}

// begin queues a change and returns at once; the order of calls is the order of changes.
func (s *Store) begin(run func(tx Tx, c *counts) error) *job {
	j := s.enqueue(&job{run: run, done: make(chan struct{})})
	s.queue.poke()
	return j
}

// enqueue adds a job; whoever pokes the queue has it done.
func (s *Store) enqueue(j *job) *job {
	s.queue.mu.Lock()
	if s.queue.closed {
		s.queue.mu.Unlock()
		j.err = ErrClosed
		close(j.done)
		return j
	}
	s.queue.jobs = append(s.queue.jobs, j)
	s.queue.mu.Unlock()
	return j
}

// transact makes jobs durable in one step, after what is owed, and lets their owners go.
func (s *Store) transact(jobs []*job) (owing bool) {
	owed := s.debts.take()
	s.runAll(append(owed, jobs...))
	if owing = s.debts.update(); len(owed) > 0 && !owing {
		s.opts.Log.Info("locks and dead properties follow all changes again")
	}
	return owing
}

// runAll leaves out a job that fails: it is none of the others' business. But when that is owed from then on, what
// comes after it fails with it.
func (s *Store) runAll(jobs []*job) {
	for len(jobs) > 0 {
		failed, err := s.attempt(jobs)
		switch {
		case failed < 0:
			s.settle(jobs, err)
			return
		case jobs[failed].debt != nil:
			s.runAll(jobs[:failed])
			s.settle(jobs[failed:], err)
			return
		}
		s.settle(jobs[failed:failed+1], err)
		jobs = slices.Delete(jobs, failed, failed+1)
	}
}

// attempt is one transaction. failed is the job that it failed with, -1 for none.
func (s *Store) attempt(jobs []*job) (failed int, err error) {
	began := time.Now()
	failed = -1
	err = guard(func() error {
		return s.engine.Update(func(tx Tx) error {
			for i, j := range jobs {
				failed = i
				j.counts, j.err = nil, nil
				if err := j.run(tx, &j.counts); errors.Is(err, ErrTooLarge) || errors.Is(err, fs.ErrNameTooLong) {
					j.err = err
				} else if err != nil {
					return err
				}
			}
			failed = -1
			return nil
		})
	})
	s.commits.Add(time.Since(began))
	return failed, err
}

// settle tells the owners of jobs that have become durable, or failed with err.
func (s *Store) settle(jobs []*job, err error) {
	for _, j := range jobs {
		if err != nil {
			j.err = err
		}
		if j.err == nil {
			s.apply(j.counts)
		} else if j.debt != nil {
			s.owe(j)
		}
		close(j.done)
	}
}
