package fs

import (
	"cmp"
	"container/list"
	"errors"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Notifier is an FS that can report changes made by whomever.
type Notifier interface {
	// Watch starts a Watcher of the tree.
	Watch(o WatchOptions) (*Watcher, error)
}

// WatchOptions of a Watcher.
type WatchOptions struct {
	// Changed is told the name of each resource that changed, came or went; a change of a
	// collection concerns all below it. Called from one goroutine.
	Changed func(name string)
	// Lost is called when reports were lost or watches were given up: anything may have changed
	// below dir ("/" for everything). It must not ask the Watcher for anything.
	Lost func(dir string)
	// Limit is the number of directories watched at once, or of descriptors where that takes one for each member, too (watchCost); 0
	// stands for 8192. The one that was not asked for the longest makes room.
	Limit int
	Log   *slog.Logger
}

const defaultWatchLimit = 8192

// Watcher reports changes in the directories it was asked to watch. Reports come late, and can be
// lost: they let a cache forget early, they never prove that something is unchanged.
// Safe for concurrent use.
type Watcher struct {
	root string // osPath of "/"
	opts WatchOptions

	running sync.WaitGroup
	losses  atomic.Uint64

	// changing is held by who begins or ends watches of fsn, which on Windows wait until the reports before are taken. So who takes
	// them waits for mu alone, which nobody holds meanwhile.
	changing sync.Mutex
	fsn      *fsnotify.Watcher // guarded by changing; nil until something is watched, for a user can have few (fs.inotify.max_user_instances)
	closed   bool              // guarded by changing

	mu     sync.Mutex
	dirs   map[string]*list.Element // guarded by mu; watched, by name
	names  map[any]string           // guarded by mu; of what is watched, by watchKey
	recent *list.List               // guarded by mu; watched, the last asked for in front
	cost   int                      // guarded by mu; of all that is watched
	below  map[string]int           // guarded by mu; number of watched directories below a name
	over   []string                 // guarded by mu; no longer watched, which fsn has not been told
	looked time.Time                // guarded by mu; when watches that have ended were last looked for
	full   bool                     // guarded by mu; the system has no watch left
	said   bool                     // guarded by mu; the log has it
	events uint64                   // guarded by mu
}

// watched is a directory that is watched, and what that takes.
type watched struct {
	dir    string
	is     os.FileInfo
	losses uint64 // of the Watcher, before it was watched
	cost   int
}

// Watch starts a Watcher of the tree.
func (d *disk) Watch(o WatchOptions) (*Watcher, error) { return newWatcher(d.root.Name(), o) }

// silent are the kinds of file system whose changes by other machines or by the process behind
// them are not reported.
var silent = []string{"nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs"}

// reporting tells whether a kind of file system reports all changes.
func reporting(kind string) bool {
	return !slices.ContainsFunc(silent, func(s string) bool { return strings.HasPrefix(kind, s) })
}

// notifies tells whether changes below osRoot are reported, as far as can be told beforehand.
func notifies(osRoot, kind string) bool {
	if !reporting(kind) {
		return false
	}
	fsn, err := fsnotify.NewWatcher()
	if err != nil {
		return false
	}
	defer fsn.Close()
	return fsn.Add(osRoot) == nil
}

// newWatcher watches directories below osRoot.
func newWatcher(osRoot string, o WatchOptions) (*Watcher, error) {
	if o.Limit <= 0 {
		o.Limit = defaultWatchLimit
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	osRoot, err := filepath.EvalSymlinks(osRoot)
	if err != nil {
		return nil, err
	}
	return &Watcher{
		root: osRoot, opts: o,
		dirs: make(map[string]*list.Element), names: make(map[any]string), recent: list.New(), below: make(map[string]int),
	}, nil
}

// Close ends the reports.
func (w *Watcher) Close() error {
	w.changing.Lock()
	var err error
	if w.closed = true; w.fsn != nil {
		err = w.fsn.Close()
	}
	w.changing.Unlock()
	w.running.Wait()
	return err
}

// start tells whether there can be reports; w.changing is held.
func (w *Watcher) start() bool {
	if w.closed || w.fsn != nil {
		return !w.closed
	}
	fsn, err := fsnotify.NewWatcher()
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.said {
			w.said = true
			w.opts.Log.Warn("changes by other programs are not reported: answers stay right and get slower", "err", err)
		}
		return false
	}
	w.fsn = fsn
	w.running.Go(func() { w.reported(fsn.Events) })
	w.running.Go(func() { w.failed(fsn.Errors) })
	return true
}

// Watch makes sure that changes in the directory dir are reported from now on, and tells whether
// they are. It is false when no watch can be had: the caller is then on its own.
func (w *Watcher) Watch(dir string) bool {
	one := watched{dir: dir, losses: w.losses.Load()}
	var err error
	if one.is, err = os.Stat(w.osPath(dir)); err != nil {
		return false
	}
	for _, dir := range w.ended() {
		w.opts.Lost(dir)
	}
	if w.watches(one) {
		return true
	}
	ok, lost := w.begin(one)
	for _, dir := range lost {
		w.opts.Lost(dir)
	}
	return ok
}

// endedEvery bounds how often ended looks, which takes a millisecond where thousands are watched.
const endedEvery = 2 * time.Second

// ended forgets what the system no longer watches, and returns it: when a disk is unmounted, fsnotify (v1.10.1, handleEvent) tells
// nobody, and its directories are the same ones when it is mounted again.
func (w *Watcher) ended() (lost []string) {
	w.mu.Lock()
	soon := !unmountsUntold || time.Since(w.looked) < endedEvery
	if !soon {
		w.looked = time.Now()
	}
	w.mu.Unlock()
	if soon {
		return nil
	}
	if !w.changing.TryLock() { // no watch must begin or end meanwhile; one that does, on a disk that is slow, is not waited for
		return nil
	}
	defer w.changing.Unlock()
	if w.fsn == nil {
		return nil
	}
	there := make(map[string]bool)
	for _, osPath := range w.fsn.WatchList() {
		there[osPath] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir, e := range w.dirs {
		if !there[w.osPath(dir)] {
			lost = append(lost, w.forget(e))
		}
	}
	return lost
}

// watches tells whether that directory is watched. It is not when there is another one by its name, as when a directory above was
// renamed, of which nothing is reported here; or when reports were lost, which may have told of its end.
func (w *Watcher) watches(one watched) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.dirs[one.dir]
	if !ok {
		return false
	}
	if was := e.Value.(watched); was.losses != one.losses || !os.SameFile(was.is, one.is) {
		return false
	}
	w.recent.MoveToFront(e)
	return true
}

// begin begins to watch a directory. What was watched as lost is no more, to make room.
func (w *Watcher) begin(one watched) (ok bool, lost []string) {
	w.changing.Lock()
	defer w.changing.Unlock()
	if w.watches(one) { // somebody else was faster
		return true, nil
	}
	if one.cost = watchCost(w.osPath(one.dir), w.opts.Limit); one.cost > w.opts.Limit || !w.start() {
		return false, nil
	}
	key := watchKey(one.dir, one.is)
	w.mu.Lock()
	if e, ok := w.dirs[one.dir]; ok {
		w.forget(e)
	}
	if name, ok := w.names[key]; ok { // it was renamed with one above it: reports would have the old name
		lost = append(lost, w.forget(w.dirs[name]))
	}
	full := w.full
	w.mu.Unlock()
	w.end()
	if full {
		return false, lost
	}
	if err := w.fsn.Add(w.osPath(one.dir)); err != nil {
		w.fsn.Remove(w.osPath(one.dir)) // kqueue keeps what it has opened so far
		w.refused(err)
		return false, lost
	}
	w.mu.Lock()
	w.dirs[one.dir] = w.recent.PushFront(one)
	w.names[key] = one.dir
	w.cost += one.cost
	w.count(one.dir, 1)
	for w.cost > w.opts.Limit {
		lost = append(lost, w.forget(w.recent.Back()))
	}
	w.mu.Unlock()
	w.end()
	return true, lost
}

// end tells fsn what is no longer watched; w.changing is held.
func (w *Watcher) end() {
	w.mu.Lock()
	over := w.over
	w.over = nil
	w.mu.Unlock()
	for _, dir := range over {
		w.fsn.Remove(w.osPath(dir)) // an error means that it is gone already
	}
}

// WatchStats of a Watcher: watches held, and reports and losses since it was started.
type WatchStats struct {
	Watches        int
	Events, Losses uint64
}

// Stats counts what the Watcher did.
func (w *Watcher) Stats() WatchStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return WatchStats{Watches: len(w.dirs), Events: w.events, Losses: w.losses.Load()}
}

// refused takes note of a watch that could not be had. That the system's limit is reached is said
// once, with what raises it; the server is slower from then on, never wrong.
func (w *Watcher) refused(err error) {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EMFILE) {
		return // the directory vanished, or may not be read
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full = true
	if !w.said {
		w.said = true
		w.opts.Log.Warn("no more directories can be watched: answers stay right and get slower; raise the limit with `sysctl fs.inotify.max_user_watches=1048576`",
			"watched", len(w.dirs), "err", err)
	}
}

// forget drops the watch that e stands for, which end will end; w.mu is held.
func (w *Watcher) forget(e *list.Element) string {
	one := w.recent.Remove(e).(watched)
	dir := one.dir
	w.cost -= one.cost
	delete(w.dirs, dir)
	delete(w.names, watchKey(dir, one.is))
	w.count(dir, -1)
	w.over = append(w.over, dir)
	w.full = false
	return dir
}

// count keeps the number of watched directories below each ancestor of dir; w.mu is held.
func (w *Watcher) count(dir string, n int) {
	for dir != "/" {
		dir = path.Dir(dir)
		if w.below[dir] += n; w.below[dir] == 0 {
			delete(w.below, dir)
		}
	}
}

func (w *Watcher) reported(events <-chan fsnotify.Event) {
	for e := range events {
		w.report(e)
	}
}

// failed takes the errors. fsnotify (v1.10.1, handleEvent) waits for that with its mutex held, for which who begins or ends a
// watch waits: so it has a goroutine of its own, which takes no mutex.
func (w *Watcher) failed(errs <-chan error) {
	for err := range errs {
		if errors.Is(err, syscall.EINVAL) {
			continue // a directory was moved and removed, and its watch with it, before fsnotify came to remove that
		}
		// After a lost report nothing is known of anything (fsnotify.ErrEventOverflow), and
		// any other error is no better.
		w.losses.Add(1)
		w.opts.Log.Warn("reports of changes were lost: everything cached is forgotten", "err", err)
		w.opts.Lost("/")
	}
}

func (w *Watcher) report(e fsnotify.Event) {
	name := path.Clean("/" + filepath.ToSlash(strings.TrimPrefix(e.Name, w.root)))
	w.mu.Lock()
	w.events++
	before := len(w.over)
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		// What was watched at or below this name is now elsewhere or nowhere: watch it anew
		// when it is asked for, by its new name.
		w.forgetBelow(name)
	}
	ends := len(w.over) > before
	w.mu.Unlock()
	if ends {
		w.running.Go(func() {
			w.changing.Lock()
			defer w.changing.Unlock()
			w.end()
		})
	}
	if Reserved(path.Base(name)) {
		return
	}
	w.opts.Changed(name)
}

// forgetBelow drops the watches of a directory and all below it; w.mu is held.
func (w *Watcher) forgetBelow(name string) {
	if e, ok := w.dirs[name]; ok {
		w.forget(e)
	}
	if w.below[name] == 0 {
		return
	}
	prefix := strings.TrimSuffix(name, "/") + "/"
	for dir, e := range w.dirs {
		if strings.HasPrefix(dir, prefix) {
			w.forget(e)
		}
	}
}

func (w *Watcher) osPath(name string) string {
	return filepath.Join(w.root, filepath.FromSlash(name))
}
