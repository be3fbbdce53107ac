package state

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ifmatch/fs"
)

// Step is a change of the tree that state follows.
type Step string

// The steps.
const (
	Move   Step = "move"   // src is now at dst; what was at dst is gone
	Copy   Step = "copy"   // dst is a copy of src; what was at dst is gone
	Remove Step = "remove" // src is gone
	Stamp  Step = "stamp"  // src has another modification time
)

// Node tells, right after a crash, whether a name holds what it held before the step. Zero: unmapped. A device may have
// another number after it was mounted anew.
type Node struct{ Dev, Ino uint64 }

// Change describes a step before it is taken. Names are real.
type Change struct {
	Step     Step
	Src, Dst string

	// What they hold now, as far as it tells afterwards whether the step was taken; and the root of the tree, which a record of
	// before does not know. Begin asks the tree.
	SrcNode, DstNode Node
	Root             Node `json:",omitzero"`

	// Carries: a Copy, and Carried are all properties that come with it. In a record of before that is said only of a source
	// in another tree; otherwise what the source has is meant, unless Shallow without what its members have.
	Carries bool      `json:"Foreign,omitempty"`
	Carried []Carried `json:",omitempty"`
	Shallow bool

	// Of a Stamp: the state that was to get the time.
	Was     fs.Identity `json:",omitzero"`
	ModTime time.Time   `json:",omitzero"`
}

// names that the change is about.
func (c *Change) names() []string {
	if c.Step == Remove || c.Step == Stamp {
		return []string{c.Src}
	}
	return []string{c.Src, c.Dst}
}

// Intent is a change of the tree that is under way. A nil Intent is a change that has no state to
// carry along; its methods do nothing.
type Intent struct {
	Change
	number uint64
	store  *Store
	props  []byte // of a Stamp: the record of before
}

// Begin is called when the step has been accepted and before it is taken, under the latches of its
// names; it is durable when it returns, but costs nothing (and returns nil) where neither name has
// dead properties or, as the caller says, locks. The step follows, then Done; or Abandon.
// Errors: ErrTooLarge for a Copy when there would be too many properties; fs.ErrNameTooLong when properties would
// come to a name that is too long for them; those of Tree.Node; as Patch.
func (s *Store) Begin(c Change, locked bool) (*Intent, error) {
	if err := s.Overtake(c.names()...); err != nil {
		return nil, err
	}
	has := s.brings(&c) || c.Step != Remove && s.HasBelow(c.Dst)
	if !has && !locked {
		return nil, nil
	}
	if c.Step == Copy && s.size()+carriedBytes(c.Carried) > s.opts.MaxStoreBytes {
		return nil, fmt.Errorf("copy %s: %w", c.Src, ErrTooLarge)
	}
	if err := s.reach(&c); err != nil {
		return nil, err
	}
	if err := s.look(&c); err != nil {
		return nil, err
	}
	in := &Intent{Change: c, number: s.intents.Add(1), store: s}
	if err := s.begin(func(tx Tx, _ *counts) error { return in.save(tx) }).wait(); err != nil {
		return nil, err
	}
	return in, nil
}

// Stamp carries out ops as Patch does before a modification time is set as well, which Recover does when a crash comes
// first, if was is still the state of name. The time follows, and Stamped when that is durable; or TakeBack.
// A time alone is one step and costs nothing here.
// Errors: as Patch.
func (s *Store) Stamp(name string, ops []Op, was fs.Identity, modTime time.Time) (*Intent, error) {
	if len(ops) == 0 {
		return nil, s.Overtake(name)
	}
	c := Change{Step: Stamp, Src: name, Root: s.root, Was: was, ModTime: modTime}
	in := &Intent{Change: c, number: s.intents.Add(1), store: s}
	var err error
	if in.props, err = s.patch(name, ops, in); err != nil {
		return nil, err
	}
	return in, nil
}

// TakeBack ends a Stamp whose time was not set: the properties are those of before. When it fails, it is done before the
// next change of the store, as what follows a step is.
func (in *Intent) TakeBack() {
	if in == nil {
		return
	}
	in.store.follow(func(tx Tx, c *counts) error {
		if err := put(tx, c, keyOf(in.Src), in.props); err != nil {
			return err
		}
		return in.drop(tx, c)
	}, in.Src).wait()
}

// look notes what taken asks for.
func (s *Store) look(c *Change) (err error) {
	c.Root = s.root
	switch {
	case s.tree == nil: // nobody recovers
	case c.Step == Copy:
		c.DstNode, err = s.tree.Node(c.Dst)
	default:
		c.SrcNode, err = s.tree.Node(c.Src)
	}
	return err
}

func (in *Intent) save(tx Tx) error {
	value, err := json.Marshal(in.Change)
	if err != nil {
		return err
	}
	return tx.Put(Intents, in.key(), value)
}

// Done makes the properties follow the step, which has been taken, and ends the intent, in one durable
// transaction. Locks are dropped by their owner before. When it fails, it is done before the next change of the store.
func (in *Intent) Done() error {
	if in == nil {
		return nil
	}
	return in.store.follow(in.follow, in.names()...).wait()
}

// Abandon ends the intent of a step that was not taken. It need not be durable: Recover would see that
// nothing happened; but only as long as nothing else does, so it comes before the next change.
func (in *Intent) Abandon() {
	if in != nil {
		in.store.follow(in.drop)
	}
}

// Stamped ends a Stamp whose time is durable. Nobody pays for that alone: it goes with the next change, before which Recover
// finds a state that is not the one that was to get the time.
func (in *Intent) Stamped() {
	if in != nil {
		in.store.later(in.drop)
	}
}

func (in *Intent) drop(tx Tx, _ *counts) error { return tx.Delete(Intents, in.key()) }

func (in *Intent) follow(tx Tx, c *counts) error {
	var err error
	switch in.Step {
	case Move:
		err = errors.Join(
			forget(tx, c, in.Dst),
			in.transfer(tx, c),
			forget(tx, c, in.Src))
	case Copy:
		err = forget(tx, c, in.Dst)
		if in.Carries {
			err = errors.Join(err, in.deliver(tx, c))
		} else {
			err = errors.Join(err, in.transfer(tx, c))
		}
	case Remove:
		err = forget(tx, c, in.Src)
	}
	if err != nil {
		return err
	}
	return in.drop(tx, c)
}

func (in *Intent) key() []byte { return binary.BigEndian.AppendUint64(nil, in.number) }

// decodeIntent reads one record. Errors: ErrDamaged.
func decodeIntent(key, value []byte) (*Intent, error) {
	in := new(Intent)
	if len(key) != 8 || json.Unmarshal(value, &in.Change) != nil {
		return nil, fmt.Errorf("%w: an intent cannot be read", ErrDamaged)
	}
	in.number = binary.BigEndian.Uint64(key)
	return in, nil
}
