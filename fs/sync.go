package fs

import "sync"

// flusher lets concurrent callers share the cost of making one thing durable.
//
// A caller is served by a run that starts after it asked, so what it did before is covered. While
// one run is under way, all who ask wait for the next one, which the first of them leads.
// Safe for concurrent use; the zero value is ready.
type flusher struct {
	mu   sync.Mutex
	next map[string]*flushRun // by key, while a run is under way: who asked after it started; nil: nobody
}

type flushRun struct {
	start chan struct{} // closed for the leader when its turn has come
	done  chan struct{} // closed for the others when err is there
	err   error
}

// do returns after one run of flush for key that started after the call, with its error.
func (f *flusher) do(key string, flush func() error) error {
	f.mu.Lock()
	run, running := f.next[key]
	if !running {
		if f.next == nil {
			f.next = make(map[string]*flushRun)
		}
		f.next[key] = nil
		f.mu.Unlock()
		return f.lead(key, nil, flush)
	}
	if run != nil {
		f.mu.Unlock()
		<-run.done
		return run.err
	}
	run = &flushRun{start: make(chan struct{}), done: make(chan struct{})}
	f.next[key] = run
	f.mu.Unlock()
	<-run.start
	return f.lead(key, run, flush)
}

// lead runs flush, tells those who joined run, and hands over to who leads the next run.
func (f *flusher) lead(key string, run *flushRun, flush func() error) error {
	err := flush()
	f.mu.Lock()
	if next := f.next[key]; next != nil {
		f.next[key] = nil
		close(next.start)
	} else {
		delete(f.next, key)
	}
	f.mu.Unlock()
	if run != nil {
		run.err = err
		close(run.done)
	}
	return err
}
