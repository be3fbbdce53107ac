package state

import (
	"errors"
	iofs "io/fs"
	"time"

	"ifmatch/fs"
)

// Tree is what Recover asks about the tree as it is now, and Begin. Safe for concurrent use.
type Tree interface {
	// Node is what a name holds itself, links not followed, zero where it is unmapped. It fails where that is not certain.
	Node(name string) (Node, error)
	// Stamp sets the modification time of the resource at name, if its state, but for the number of the device, is still was.
	Stamp(name string, was fs.Identity, modTime time.Time) error
	// Empty tells whether the root has no members, as that of a disk that is not mounted.
	Empty() bool
}

// TreeOf is the Tree that base holds.
func TreeOf(base fs.FS) Tree { return nodes{base} }

// nodes is an fs.FS as Recover sees it.
type nodes struct{ base fs.FS }

// Node takes nothing to be unmapped that only cannot be looked at. A symbolic link is itself what a name holds: MOVE and
// DELETE act on it.
func (n nodes) Node(name string) (Node, error) {
	info, err := n.base.Lookup(name)
	switch {
	case errors.Is(err, iofs.ErrNotExist), errors.Is(err, fs.ErrNotDir):
		return Node{}, nil
	case err != nil && !errors.Is(err, fs.ErrSpecial):
		return Node{}, err
	}
	return Node{Dev: info.Dev, Ino: info.Ino}, nil
}

// Stamp has nothing to do where the time was set, or something else happened since.
func (n nodes) Stamp(name string, was fs.Identity, modTime time.Time) error {
	info, err := n.base.Lookup(name)
	was.Dev = info.Dev
	switch {
	case errors.Is(err, iofs.ErrNotExist), errors.Is(err, fs.ErrNotDir), errors.Is(err, fs.ErrSpecial):
		return nil
	case err != nil, info.Identity != was:
		return err
	}
	_, _, err = n.base.SetModTime(name, modTime)
	return err
}

// Empty is true, too, where the root cannot be listed.
func (n nodes) Empty() bool {
	errMember, found := errors.New("it has one"), false
	n.base.List("/", func(string, *fs.Info) error {
		found = true
		return errMember
	})
	return !found
}
