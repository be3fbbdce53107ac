package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Root is a directory on disk. The kernel keeps every name inside it (openat2 RESOLVE_BENEATH),
// also while another program swaps directories for links: an operation opens the parent of a
// real name without following any link and then works on that descriptor and the base name.
//
// It holds a shared flock on the directory, by which the sweep of another server knows that it lives.
type Root struct {
	disk
	fd  int    // of the directory
	dev uint64 // of its file system

	leaseless sync.Map // numbers of file systems that have no leases
	kept      sync.Map // each inode on which a commit has a lease
}

// OpenRoot serves dir and tries what its file system can.
// A kernel before 5.6, or a sandbox, may not have openat2: then it is [OpenPortable].
// Errors: of the operating system, with dir as given; ErrNotDir.
func OpenRoot(dir string, opts RootOptions) (FS, error) {
	r := new(Root)
	if err := r.open(dir); err != nil {
		return nil, err
	}
	r.fd = int(r.dir.Fd())
	if err := r.start(opts); err != nil {
		r.Close()
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EPERM) {
			return OpenPortable(dir, opts)
		}
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := r.tryOwner(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Ready tries the tree with other options. Hook and Left stay.
func (r *Root) Ready(o RootOptions) (use func(), err error) {
	was := r.tried.Load()
	o.Hook, o.Left, o.ReadOnly = was.Hook, was.Left, o.ReadOnly && was.ReadOnly
	// What it makes has names of r, so that a sweep leaves them alone.
	t := &Root{disk: disk{root: r.root, dir: r.dir, instance: r.reserved() + "-"}, fd: r.fd}
	now := *was
	now.RootOptions = o
	t.tried.Store(&now)
	if was.ReadOnly && !o.ReadOnly {
		if err := t.probe(o); err != nil {
			return nil, fmt.Errorf("%s: %w", r.root.Name(), err)
		}
		found := &t.tried.Load().features
		found.Notify, found.Beside = was.features.Notify, was.features.Beside
	}
	if was.ReadOnly != o.ReadOnly || !sameOwner(was.Owner, o.Owner) {
		if err := t.tryOwner(); err != nil {
			return nil, err
		}
	}
	return func() { r.tried.Store(t.tried.Load()) }, nil
}

func (r *Root) start(opts RootOptions) error {
	_, alone, err := lockTree(r.dir)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	fd, err := openInside(r.fd, ".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("openat2: %w", err)
	}
	var st unix.Statx_t
	err = statFD(fd, &st)
	unix.Close(fd)
	if err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	r.dev = device64(&st)
	if err := r.probe(opts); err != nil {
		return err
	}
	found := &r.tried.Load().features
	found.Notify = notifies(r.root.Name(), found.Kind)
	found.Beside = !alone
	return nil
}

// Now is the time that the kernel would give to a change that has none of its own: that of its last tick.
func (r *Root) Now() time.Time {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts) != nil {
		return time.Now()
	}
	return time.Unix(ts.Unix())
}

// rel is name as the kernel wants it, relative to the root.
func rel(name string) string {
	if len(name) <= 1 {
		return "."
	}
	return name[1:]
}

// parent is the directory that holds a name, as a descriptor of O_PATH.
type parent struct {
	fd    int
	owned bool // to be closed
}

func (p parent) close() {
	if p.owned {
		unix.Close(p.fd)
	}
}

// openParent opens the directory that holds name. Errors: iofs.ErrNotExist, ErrNotDir, ErrBadName.
func (r *Root) openParent(name string) (p parent, base string, err error) {
	if err := checkName(name); err != nil {
		return parent{}, "", err
	}
	i := strings.LastIndexByte(name, '/')
	if i == 0 {
		return parent{fd: r.fd}, rel(name), nil
	}
	fd, err := openInside(r.fd, name[1:i], unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == ErrSpecial {
		err = ErrNotDir
	}
	return parent{fd, true}, name[i+1:], err
}

func checkName(name string) error {
	if name == "" || name[0] != '/' {
		return iofs.ErrInvalid
	}
	if strings.IndexByte(name, 0) >= 0 {
		return ErrBadName
	}
	return nil
}
