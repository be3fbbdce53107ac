package etagfs

import (
	"sync"
	"sync/atomic"

	"ifmatch/fs"
)

// reporter has the changes by other programs reported, or does without. Safe for concurrent use.
type reporter struct {
	watcher atomic.Pointer[fs.Watcher]

	changing sync.Mutex // held by who begins or ends the reports
	closed   bool       // guarded by changing

	mu     sync.Mutex
	before fs.WatchStats // guarded by mu; of the watchers that were closed
}

// watch asks for reports of what happens in a collection, and tells whether there can be any.
func (r *reporter) watch(dir string) bool {
	w := r.watcher.Load()
	if w != nil {
		w.Watch(dir)
	}
	return w != nil
}

func (r *reporter) stats() fs.WatchStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.before
	if w := r.watcher.Load(); w != nil {
		now := w.Stats()
		s.Events += now.Events
		s.Losses += now.Losses
		s.Watches = now.Watches
	}
	return s
}

// stop ends the reports. r.changing is held.
func (r *reporter) stop() error {
	w := r.watcher.Load()
	if w == nil {
		return nil
	}
	err := w.Close()
	was := w.Stats()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watcher.Store(nil)
	r.before.Events += was.Events
	r.before.Losses += was.Losses
	return err
}

func (r *reporter) close() error {
	r.changing.Lock()
	defer r.changing.Unlock()
	r.closed = true
	return r.stop()
}

// report begins the reports of changes where base can give them, or ends them.
func (f *FS) report(wanted bool) {
	r := &f.reports
	r.changing.Lock()
	defer r.changing.Unlock()
	switch reported := r.watcher.Load() != nil; {
	case r.closed, wanted == reported:
	case wanted:
		f.notify()
	default:
		r.stop()
		// What is being read right now was to be told of changes, and is not any more.
		f.lost("/")
	}
}

// notify begins the reports. f.reports.changing is held.
func (f *FS) notify() {
	n, ok := f.base.(fs.Notifier)
	if !ok {
		return
	}
	w, err := n.Watch(fs.WatchOptions{Changed: f.changed, Lost: f.lost, Log: f.log})
	if err != nil {
		f.log.Warn("changes by other programs are not reported: answers stay right and get slower", "err", err)
		return
	}
	f.reports.watcher.Store(w)
}

// changed takes the report of one name.
func (t *tree) changed(name string) {
	t.subs.tell(name)
	c := t.hashes.Load()
	if c == nil {
		return
	}
	info, err := t.base.Lookup(name)
	if err != nil {
		c.changed(name, nil)
		return
	}
	c.changed(name, &info)
}

// lost says that anything may have changed below dir. Only lost reports ("/") drop what is known;
// a directory that is no longer watched leaves it to stat alone, as where nothing can be watched.
func (t *tree) lost(dir string) {
	t.subs.tell(dir)
	if c := t.hashes.Load(); c != nil && dir == "/" {
		c.forgetAll()
	}
}
