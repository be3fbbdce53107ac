package fs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Root is a directory on disk. The kernel keeps every name inside it (openat2 RESOLVE_BENEATH),
// also while another program swaps directories for links: an operation opens the parent of a
// real name without following any link and then works on that descriptor and the base name.
//
// A Root holds a shared flock on the directory, by which the sweep of another server knows that it lives.
type Root struct {
	face         // afero's methods
	fd       int // the directory, also flock'd
	dir      *os.File
	instance string // begins every reserved name of this Root
	serial   atomic.Uint64
	clock    clock
	syncs    Durations
	below    devices

	leaseless sync.Map // numbers of file systems that have no leases
	kept      sync.Map // each inode on which a commit has a lease

	tried atomic.Pointer[tried]
}

// tried is how a Root was told to be, and what was found when its file system was tried so. It does not change.
type tried struct {
	RootOptions
	features  Features
	root      *device // that of the directory itself; unknown: it could not be tried
	linkEmpty bool    // linkat with AT_EMPTY_PATH works for us; else by /proc
	noTmpfile bool    // what has no name cannot be given one
	ordered   bool    // no name that is on the disk lacks bytes that were there before the step (ordered_linux.go)
}

// OpenRoot serves dir and tries what its file system can.
// A kernel before 5.6, or a sandbox, may not have openat2: then it is [OpenPortable].
// Errors: of the operating system, with dir as given; ErrNotDir.
func OpenRoot(dir string, opts RootOptions) (FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	r := &Root{dir: f, fd: int(f.Fd())}
	r.face = face{root, func() bool { return r.tried.Load().ReadOnly }}
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
	t := &Root{face: r.face, dir: r.dir, fd: r.fd, instance: r.reserved() + "-"}
	now := *was
	now.RootOptions = o
	t.tried.Store(&now)
	if was.ReadOnly && !o.ReadOnly {
		if err := t.probe(o); err != nil {
			return nil, fmt.Errorf("%s: %w", r.face.root.Name(), err)
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
	alone, err := lockTree(r.dir)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	fd, err := openInside(r.fd, ".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("openat2: %w", err)
	}
	unix.Close(fd)
	var id [8]byte
	rand.Read(id[:])
	r.instance = ReservedPrefix + hex.EncodeToString(id[:]) + "-"
	if err := r.probe(opts); err != nil {
		return err
	}
	found := &r.tried.Load().features
	found.Notify = notifies(r.face.root.Name(), found.Kind)
	found.Beside = !alone
	return nil
}

// Close gives back descriptors; running operations fail.
func (r *Root) Close() error {
	err := r.dir.Close()
	if e := r.face.root.Close(); err == nil {
		err = e
	}
	return err
}

// Features says what was found when the file system was tried.
func (r *Root) Features() Features { return r.tried.Load().features }

// Granularity is that of the file system with this number.
func (r *Root) Granularity(dev uint64) time.Duration { return r.device(dev).granularity }

// Now is the time that the kernel would give to a change that has none of its own: that of its last tick.
func (r *Root) Now() time.Time {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts) != nil {
		return time.Now()
	}
	return time.Unix(ts.Unix())
}

func (r *Root) device(dev uint64) *device {
	if root := r.tried.Load().root; root.dev == dev {
		return root
	}
	return r.below.get(dev)
}

// Stats counts what was done since it was opened.
func (r *Root) Stats() Stats { return Stats{Syncs: r.syncs.Counts()} }

// reserved returns a new base name that no URL maps to.
func (r *Root) reserved() string { return r.instance + strconv.FormatUint(r.serial.Add(1), 16) }

// Hidden returns a new reserved name beside name.
func (r *Root) Hidden(name string) string {
	return name[:strings.LastIndexByte(name, '/')+1] + r.reserved()
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

// writable refuses changes of a read-only Root, and those of the root itself.
func (r *Root) writable(name string) error {
	switch {
	case r.tried.Load().ReadOnly:
		return ErrReadOnly
	case name == "/":
		return iofs.ErrPermission
	}
	return nil
}
