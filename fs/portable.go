package fs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// portable is a directory on disk, served by what every system has: [os.Root] keeps names inside it.
//
// Bytes are staged in a reserved file beside their name. A new name is given by Link, which fails
// where somebody was faster, and an old one by Rename. What no portable call can do is said by
// Features: without an exchange, a change that another program makes between the last look at the
// state and the rename, a few microseconds, is lost. Requests of this process cannot get there:
// the look and the step share a latch of the tree.
//
// BUG(ifmatch): where OpenPortable serves, ACL and extended attributes are not kept by a replace, only mode and owner; and
// where names that differ in case lead to one file, they are two names to WebDAV locks.
type portable struct {
	face
	dir      *os.File // the directory, held so that other servers know that somebody is here
	instance string   // begins every reserved name of this tree
	serial   atomic.Uint64
	clock    clock
	flush    flusher
	syncs    Durations
	below    devices
	found    atomic.Pointer[found]

	step sync.RWMutex // held by the last look at the state and the step that follows
}

// found is how a portable tree was told to be, and what was found when its file system was tried so. It does not change.
type found struct {
	RootOptions
	features Features
	root     *device // that of the directory itself; unknown: it was not tried
	links    bool    // Link works
}

// OpenPortable serves dir by the calls that every system has.
// Errors: of the operating system; ErrNotDir.
func OpenPortable(dir string, opts RootOptions) (FS, error) {
	if opts.ownership() {
		return nil, noOwnership(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	var id [8]byte
	rand.Read(id[:])
	p := &portable{dir: f, instance: ReservedPrefix + hex.EncodeToString(id[:]) + "-"}
	p.face = face{root, func() bool { return p.found.Load().ReadOnly }}
	alone, err := lockTree(f)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: lock: %w", dir, err)
	}
	now, err := p.probe(opts)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	now.features.Notify = notifies(dir, now.features.Kind)
	now.features.Beside = !alone
	p.found.Store(now)
	return p, nil
}

func noOwnership(dir string) error {
	return errors.New(dir + ": owner, group and umask of new files can be chosen on Linux only")
}

// Ready tries the tree with other options. Hook and Left stay.
func (p *portable) Ready(o RootOptions) (use func(), err error) {
	if o.ownership() {
		return nil, noOwnership(p.root.Name())
	}
	was := p.found.Load()
	now := new(found)
	*now = *was
	o.Hook, o.Left, o.ReadOnly = was.Hook, was.Left, o.ReadOnly && was.ReadOnly
	now.RootOptions = o
	if was.ReadOnly && !o.ReadOnly {
		if now, err = p.probe(o); err != nil {
			return nil, fmt.Errorf("%s: %w", p.root.Name(), err)
		}
		now.features.Notify, now.features.Beside = was.features.Notify, was.features.Beside
	}
	return func() { p.found.Store(now) }, nil
}

// Close gives back descriptors.
func (p *portable) Close() error {
	return errors.Join(p.dir.Close(), p.face.root.Close())
}

func (p *portable) Features() Features { return p.found.Load().features }

// Granularity is that of the file system with this number.
func (p *portable) Granularity(dev uint64) time.Duration { return p.device(dev).granularity }

func (p *portable) device(dev uint64) *device {
	if root := p.found.Load().root; root.dev == dev {
		return root
	}
	return p.below.get(dev)
}

func (p *portable) Stats() Stats { return Stats{Syncs: p.syncs.Counts()} }

func (p *portable) Hidden(name string) string {
	return name[:strings.LastIndexByte(name, '/')+1] + p.reserved()
}

func (p *portable) reserved() string {
	return p.instance + strconv.FormatUint(p.serial.Add(1), 16)
}

// hook is called before every step that changes the disk.
func (p *portable) hook(step, name string) error {
	return p.found.Load().hook(step, name)
}

// rel is name as os.Root wants it. Errors: ErrBadName, iofs.ErrInvalid.
func (p *portable) rel(name string) (string, error) {
	switch {
	case name == "" || name[0] != '/':
		return "", iofs.ErrInvalid
	case name == "/":
		return ".", nil
	case strings.IndexByte(name, 0) >= 0 || badBase(name):
		return "", ErrBadName
	}
	return name[1:], nil
}

// writable refuses changes of a read-only tree, and those of the root itself.
func (p *portable) writable(name string) error {
	switch {
	case p.found.Load().ReadOnly:
		return ErrReadOnly
	case name == "/":
		return iofs.ErrPermission
	}
	return nil
}

// portableLinks bounds the links that one name may lead through.
const portableLinks = 40

// Resolve follows the links of name.
func (p *portable) Resolve(name string) (string, error) {
	real, _, err := p.Way(name)
	return real, err
}

// Way follows the links of name by hand, component by component. Its answer was true at some
// moment of the walk; os.Root keeps the operation that follows inside the tree whatever happened since.
func (p *portable) Way(name string) (real string, links []string, err error) {
	if _, err := p.rel(name); err != nil {
		return "", nil, pathError("resolve", name, err)
	}
	real, links, err = p.walk(name)
	return real, links, pathError("resolve", name, err)
}

func (p *portable) resolve(name string) (string, error) {
	real, _, err := p.walk(name)
	return real, err
}

func (p *portable) walk(name string) (real string, links []string, err error) {
	todo := strings.Split(name[1:], "/")
	real = "/"
	for len(todo) > 0 {
		base := todo[0]
		todo = todo[1:]
		switch {
		case base == "" || base == ".":
			continue
		case base == ".." && real == "/": // only a link can bring it here
			return "", nil, iofs.ErrNotExist
		case base == "..":
			real = path.Dir(real)
			continue
		case len(links) > 0 && Reserved(base):
			return "", nil, iofs.ErrNotExist
		}
		next := path.Join(real, base)
		fi, err := p.root.Lstat(next[1:])
		switch {
		case errors.Is(err, iofs.ErrNotExist) && len(todo) == 0: // unmapped
			return next, links, nil
		case err != nil:
			return "", nil, err
		case fi.Mode()&iofs.ModeSymlink == 0:
			if len(todo) > 0 && !fi.IsDir() {
				return "", nil, ErrNotDir
			}
			real = next
			continue
		}
		target, err := p.root.Readlink(next[1:])
		if err != nil {
			return "", nil, err
		}
		target = slashed(target)
		if target == "" || target[0] == '/' { // leads out
			return "", nil, iofs.ErrNotExist
		}
		if links = append(links, next); len(links) > portableLinks {
			return "", nil, ErrLoop
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return real, links, nil
}
