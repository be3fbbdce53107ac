package fstest

import (
	"errors"
	iofs "io/fs"
	"sync"
	"time"

	"ifmatch/fs"
)

// ErrCrashed is the error of the operation at which a [Faults] crashes and of all after it.
var ErrCrashed = errors.New("crashed")

// Faults is an fs.FS whose n-th operation fails, or is the last one before a crash. Operations
// are the calls of the methods and, where the tree below takes a hook (fs.RootOptions.Hook), the
// system calls that each of them makes. After a crash nothing reaches the disk any more; what
// it left is seen by whoever opens the directory anew.
// Safe for concurrent use.
type Faults struct {
	fs.FS

	mu      sync.Mutex
	count   int
	at      int   // 0: never
	err     error // nil: crash
	hit     bool
	crashed bool
	trace   []string
}

// NewFaults wraps what open returns. open should give the hook to the tree; one in memory has
// no use for it.
func NewFaults(open func(hook func(step, name string) error) (fs.FS, error)) (*Faults, error) {
	f := &Faults{}
	base, err := open(f.step)
	if err != nil {
		return nil, err
	}
	f.FS = base
	return f, nil
}

// FailAt makes the n-th operation from now fail with err, and no other.
func (f *Faults) FailAt(n int, err error) { f.plan(n, err) }

// CrashAt makes the n-th operation from now, and all after it, fail with ErrCrashed.
func (f *Faults) CrashAt(n int) { f.plan(n, nil) }

func (f *Faults) plan(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count, f.at, f.err, f.hit, f.crashed, f.trace = 0, n, err, false, false, nil
}

// Hit tells whether the operation that was to fail has come.
func (f *Faults) Hit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit
}

// Trace returns the operations since FailAt or CrashAt, for the message of a failed test.
func (f *Faults) Trace() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.trace...)
}

const traceLimit = 200

func (f *Faults) step(step, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.trace) < traceLimit {
		f.trace = append(f.trace, step+" "+name)
	}
	switch {
	case f.crashed:
		return ErrCrashed
	case f.at == 0 || f.count != f.at:
		return nil
	}
	f.hit = true
	if f.err == nil {
		f.crashed = true
		return ErrCrashed
	}
	return f.err
}

// op is step for a method: a *iofs.PathError, as all errors of an fs.FS.
func (f *Faults) op(step, name string) error {
	if err := f.step(step, name); err != nil {
		return &iofs.PathError{Op: step, Path: name, Err: err}
	}
	return nil
}

func (f *Faults) Resolve(name string) (string, error) {
	if err := f.op("resolve", name); err != nil {
		return "", err
	}
	return f.FS.Resolve(name)
}

func (f *Faults) Way(name string) (string, []string, error) {
	if err := f.op("resolve", name); err != nil {
		return "", nil, err
	}
	return f.FS.Way(name)
}

func (f *Faults) Lookup(name string) (fs.Info, error) {
	if err := f.op("lookup", name); err != nil {
		return fs.Info{}, err
	}
	return f.FS.Lookup(name)
}

func (f *Faults) OpenRead(name string) (fs.File, error) {
	if err := f.op("open", name); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenRead(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{aferoFile{file, f}, file}, nil
}

// List may also fail between two members.
func (f *Faults) List(name string, fn func(base string, info *fs.Info) error) error {
	if err := f.op("list", name); err != nil {
		return err
	}
	return f.FS.List(name, func(base string, info *fs.Info) error {
		if err := f.op("list", name); err != nil {
			return err
		}
		return fn(base, info)
	})
}

func (f *Faults) Stage(name string) (fs.Staged, error) {
	if err := f.op("stage", name); err != nil {
		return nil, err
	}
	s, err := f.FS.Stage(name)
	if err != nil {
		return nil, err
	}
	return &faultStaged{s, f, name}, nil
}

func (f *Faults) MakeCollection(name string) (fs.Info, error) {
	if err := f.op("mkdir", name); err != nil {
		return fs.Info{}, err
	}
	return f.FS.MakeCollection(name)
}

func (f *Faults) Retire(name string, exact bool, check func(*fs.Info) error) (func(), error) {
	if err := f.op("retire", name); err != nil {
		return nil, err
	}
	return f.FS.Retire(name, exact, check)
}

func (f *Faults) Move(src, dst string, exact bool, check func(src, dst *fs.Info) error) (fs.Info, func(), error) {
	if err := f.op("move", src); err != nil {
		return fs.Info{}, nil, err
	}
	return f.FS.Move(src, dst, exact, check)
}

func (f *Faults) SyncDir(name string) error {
	if err := f.op("sync", name); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

func (f *Faults) SetModTime(name string, t time.Time) (was fs.Identity, now fs.Info, err error) {
	if err := f.op("settime", name); err != nil {
		return was, now, err
	}
	return f.FS.SetModTime(name, t)
}

func (f *Faults) Usage(name string) (fs.Usage, error) {
	if err := f.op("usage", name); err != nil {
		return fs.Usage{}, err
	}
	return f.FS.Usage(name)
}

func (f *Faults) Sweep() (int, error) {
	if err := f.op("sweep", "/"); err != nil {
		return 0, err
	}
	return f.FS.Sweep()
}
