package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"strings"
	"sync"
	"time"
)

// portable is a directory on disk, served by what every system has: [os.Root] keeps names inside it.
//
// Bytes are staged in a reserved file beside their name. A new name is given by giveName, which fails
// where somebody was faster, and an old one by Rename. What no portable call can do is said by
// Features: without an exchange, a change that another program makes between the last look at the
// state and the rename, a few microseconds, is lost. Requests of this process cannot get there:
// the look and the step share a latch of the tree.
//
// BUG(ifmatch): where OpenPortable serves, ACL and extended attributes are not kept by a replace, only mode and owner.
type portable struct {
	disk
	flush  flusher
	opened time.Time
	unlock func()       // others may take themselves for alone again
	step   sync.RWMutex // held by the last look at the state and the step that follows
}

// OpenPortable serves dir by the calls that every system has.
// Errors: of the operating system; ErrNotDir.
func OpenPortable(dir string, opts RootOptions) (FS, error) {
	if opts.ownership() {
		return nil, noOwnership(dir)
	}
	p := &portable{opened: time.Now(), unlock: func() {}}
	if err := p.open(dir); err != nil {
		return nil, err
	}
	unlock, alone, err := lockTree(p.dir)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: lock: %w", dir, err)
	}
	p.unlock = unlock
	now, err := p.probe(opts)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	now.features.Notify = notifies(dir, now.features.Kind)
	now.features.Beside = !alone
	p.tried.Store(now)
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
	was := p.tried.Load()
	now := new(tried)
	*now = *was
	o.Hook, o.Left, o.ReadOnly = was.Hook, was.Left, o.ReadOnly && was.ReadOnly
	now.RootOptions = o
	if was.ReadOnly && !o.ReadOnly {
		if now, err = p.probe(o); err != nil {
			return nil, fmt.Errorf("%s: %w", p.root.Name(), err)
		}
		now.features.Notify, now.features.Beside = was.features.Notify, was.features.Beside
	}
	return func() { p.tried.Store(now) }, nil
}

// Close gives back descriptors; running operations fail.
func (p *portable) Close() error {
	p.unlock()
	return p.disk.Close()
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

// Resolve follows the links of name.
func (p *portable) Resolve(name string) (string, error) {
	real, _, err := p.Way(name)
	return real, err
}

// Way is Resolve with the links. os.Root keeps the operation that follows inside the tree whatever happens in between.
func (p *portable) Way(name string) (real string, links []string, err error) {
	if _, err := p.rel(name); err != nil {
		return "", nil, pathError("resolve", name, err)
	}
	real, links, err = follow(name, p.readlink)
	if err == nil {
		err = p.oneName(real)
	}
	return real, links, pathError("resolve", name, err)
}

// oneName refuses a real name where the file system has it, or its parent when it is unmapped, by another spelling.
func (p *portable) oneName(name string) error {
	if !p.tried.Load().features.Folds {
		return nil
	}
	if _, err := p.root.Lstat(faceName(name)); errors.Is(err, iofs.ErrNotExist) {
		name = path.Dir(name)
	}
	return p.spelled(name)
}

// readlink is for follow.
func (p *portable) readlink(name string, more bool) (target string, link bool, err error) {
	fi, err := p.root.Lstat(name[1:])
	if err != nil {
		return "", false, err
	}
	if fi.Mode()&iofs.ModeSymlink == 0 {
		if more && !fi.IsDir() {
			err = ErrNotDir
		}
		return "", false, err
	}
	target, err = p.root.Readlink(name[1:])
	return slashed(target), true, err
}
