// Package etagfs is the tree of resources: their state, and the only way to change it.
//
// It promises that a change happens only if a [Check] accepted the very state that is changed,
// and then happens completely: the Check runs under the latch of every name involved, and package
// fs makes the step that follows atomic, also against programs beside the server as far as [fs.Features]
// says. It knows no HTTP: the handler builds a Check from preconditions, state tokens and locks.
//
// Entry points: [New], [FS.Stat] and [FS.Open] to read, [FS.Put] and its siblings in write.go to change.
package etagfs

import (
	"cmp"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"ifmatch/fs"
)

// Check accepts (nil) or refuses the state that is about to change; nil Info: the URL is unmapped.
// It runs under the latch, possibly more than once, and must not call back into the FS's writers.
type Check func(current *Info) error

// Check2 is a Check of the source and the destination of a COPY or MOVE. to is the real name of the
// destination, mapped or not: links are resolved as far as the step follows them.
type Check2 func(src, dst *Info, to string) error

// Info is the state of a resource and its validator.
type Info struct {
	fs.Info
	Name string // real name: links resolved
	Tag  ETag   // zero for collections, and where it is not known yet
	// Digest is the SHA-256 of the representation; nil where it is not known.
	Digest *Digest
	// Same tells the Check of a Put that the new bytes are the ones that are there already, as far
	// as that is known: the repetition of a request whose answer was lost (RFC 9110 §13.1.1).
	Same bool
}

// Options of an FS; the zero value is durable and uses stat tags.
type Options struct {
	Settings
	Log *slog.Logger     // nil: discard
	Now func() time.Time // nil: that of base, if it is an fs.Clock, else time.Now

	// Digests keeps those of content tags across restarts; nil: they are computed anew.
	Digests DigestStore
	// Latches are shared with the trees that this one may lie inside of, or they inside of it; nil: there are none. Within
	// is where it lies in what they have in common ("/srv/photos"), links resolved.
	Latches *Latches
	Within  string
}

// Settings are what can be changed while a tree is open. The first three are those of an FS (With), the others those of the
// whole tree (Use).
type Settings struct {
	Relaxed bool // acknowledge before the bytes are durable (--durability none)
	// Content makes tags of the bytes (--etag content) instead of the identity.
	Content bool
	// HashLimitBytes is the size up to which a Stat or Open waits for a digest; 0 stands for 256 MiB, less for no limit.
	// StatTagged and OpenTagged always wait.
	HashLimitBytes int64

	// NoNotify does without reports of changes; the answers are the same.
	NoNotify bool
	// QuotaBytes bounds the sum of the sizes of all files; 0: no bound. It needs KeepCounted.
	QuotaBytes int64
}

const defaultHashLimitBytes = 256 << 20

// Write says under which condition a change may happen.
type Write struct {
	Check Check // nil accepts everything
	// Exact: the request names a state (If-Match, If-Unmodified-Since, If with an ETag), so the
	// step must be safe against programs beside the server, too.
	Exact bool
	// Tags: the Check looks at the Tag, so it must be known.
	Tags bool
	// Beside are names of other resources whose state the Check asks for, links unresolved: no request
	// changes them between the Check and the step.
	Beside []string
	// Then runs under the latch after the step, with the new state (nil: now unmapped), so that
	// locks and dead properties change together with the tree. Its error is returned, but the step stays. The time of
	// an Update is set after it, if it does not fail.
	Then func(now *Info) error
	// Back takes back, under the latch, what was done before a step that was not taken: what Then has done when the time of an
	// Update could not be set, what Check has done when a collection could not be made. It may be called without need.
	Back func()
}

func (w *Write) back() {
	if w.Back != nil {
		w.Back()
	}
}

// PutOptions of one Put.
type PutOptions struct {
	Write
	ModTime time.Time // zero: now
	// Real is what a Stat of a moment ago found the name to lead to, which saves finding it once more. Should it
	// have changed, the step says so. "": not known.
	Real string
	// SizeBytes is that of the body where it is known before: so much room is reserved at once.
	SizeBytes int64
}

// FS is a tree of resources, seen with one choice of Settings. Safe for concurrent use.
type FS struct {
	*tree
	relaxed    bool
	content    *content // nil: stat tags
	limitBytes int64    // a Stat or Open hashes files up to this size
}

// tree is what all FS of a tree have in common.
type tree struct {
	base    fs.FS
	number  uint64 // no two have the same; it orders the latches of trees with nothing in common
	log     *slog.Logger
	latch   latches
	tags    *statTagger
	store   DigestStore
	subs    subscribers
	quota   *quota
	renames renames
	// States that we have made: no write(2) of another program can be under way, for it would have moved the times. That is known
	// without a lease, which is not always to be had.
	own states[met]
	// States in which no other program had the file open for writing, nor mapped: whoever opens it from then on moves the times
	// before he changes a byte.
	unwritten states[met]
	hashes    atomic.Pointer[content] // of those with content tags; nil: there was none yet
	reports   reporter
}

var numbers atomic.Uint64

// New returns the tree of resources in base. Close gives back what it holds.
func New(base fs.FS, o Options) *FS {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
		if c, ok := base.(fs.Clock); ok {
			o.Now = c.Now
		}
	}
	o.Latches = cmp.Or(o.Latches, new(Latches))
	t := &tree{
		base:   base,
		latch:  latches{Latches: o.Latches, within: strings.TrimSuffix(o.Within, "/")},
		number: numbers.Add(1),
		log:    o.Log,
		quota:  newQuota(),
		tags:   &statTagger{granularity: base.Granularity, now: o.Now},
		store:  o.Digests,

		renames:   renames{states[fs.Identity]{atLeast: renamesAtLeast}},
		own:       states[met]{atLeast: 256},
		unwritten: states[met]{atLeast: 1 << 14},
	}
	f := (&FS{tree: t}).With(o.Settings)
	f.Use(o.Settings)
	return f
}

// With is the same tree with those of the settings that an FS has for itself. What was begun with f goes on as it is,
// and neither of them loses an edit of the other: their latches are the same, and so are the states of which they make tags.
// Tags of one kind match none of the other.
func (f *FS) With(s Settings) *FS {
	other := &FS{tree: f.tree, relaxed: s.Relaxed, limitBytes: s.HashLimitBytes}
	switch {
	case s.HashLimitBytes == 0:
		other.limitBytes = defaultHashLimitBytes
	case s.HashLimitBytes < 0:
		other.limitBytes = math.MaxInt64
	}
	if s.Content {
		if other.content = f.hashes.Load(); other.content == nil {
			f.hashes.CompareAndSwap(nil, &content{digests: newDigests(f.store, f.tags), wanted: newBacklog(), shut: states[met]{atLeast: 1 << 12}})
			other.content = f.hashes.Load()
		}
	}
	return other
}

// Use applies those of the settings that concern the whole tree.
func (f *FS) Use(s Settings) {
	f.quota.bound(s.QuotaBytes)
	f.report(!s.NoNotify)
}

// SameTree tells whether both are the same tree.
func (f *FS) SameTree(other *FS) bool { return f.tree == other.tree }

// Close stops the reports of changes for good; base stays open.
func (f *FS) Close() error { return f.reports.close() }

// File is an open representation: bytes and validator of one state.
type File struct {
	fs.File
	info Info
	of   *FS
}

// State returns the state that belongs to the bytes.
func (f *File) State() *Info { return &f.info }

// Witness begins to look whether the bytes are changed; nil where that is not to be had.
func (f *File) Witness() fs.Witness {
	if w, ok := f.File.(fs.Witnessed); ok {
		return w.Witness()
	}
	return nil
}

// BodyError is a failure of the reader given to Put, not of the tree: nothing has changed.
type BodyError struct{ Err error }

func (e *BodyError) Error() string { return "body: " + e.Err.Error() }
func (e *BodyError) Unwrap() error { return e.Err }

// AfterError is a failure after the step that cannot be undone: the tree has changed, but it is
// not certain that the change is durable or that what goes with it (Write.Then) was kept.
type AfterError struct{ Err error }

func (e *AfterError) Error() string { return "after the change: " + e.Err.Error() }
func (e *AfterError) Unwrap() error { return e.Err }
