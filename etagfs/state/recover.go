package state

import "errors"

// LockTable is told by Recover what is gone; it is the one that SaveLocks serves.
type LockTable interface {
	RemoveTree(name string) error    // locks at name and below it end
	RemoveMembers(name string) error // those below it end
}

// Recover ends what a crash interrupted. It is called once, before requests, and returns how many steps were found.
// It only logs what it cannot end, since a server that does not start is worse: that comes before the next change of the
// store or, where the tree does not tell whether the step was taken, is left for a later start, unless Overtake ends it before.
// Errors: ErrDamaged.
func (s *Store) Recover(tree Tree, locks LockTable) (steps int, err error) {
	found, err := s.interrupted()
	if err != nil {
		return 0, err
	}
	root, rootErr := tree.Node("/")
	if rootErr != nil {
		s.opts.Log.Warn("the root of the tree cannot be looked at", "err", rootErr)
	}
	s.tree, s.root = tree, root
	for _, in := range found {
		taken, err := false, rootErr
		if err == nil {
			taken, err = in.taken(tree, root)
		}
		if err == nil && in.Step == Stamp {
			err = tree.Stamp(in.Src, in.Was, in.ModTime)
		}
		in.end(taken, err, locks)
	}
	return len(found), nil
}

// interrupted are the intents that were not ended, in their order.
func (s *Store) interrupted() (found []*Intent, err error) {
	err = s.view(func(tx Tx) error {
		return tx.Scan(Intents, nil, func(key, value []byte) error {
			in, err := decodeIntent(key, value)
			if err == nil {
				in.store = s
				found = append(found, in)
			}
			return err
		})
	})
	return found, err
}

// end does what the handler would have done after the step, unless it was not taken; the intent goes last. It stays
// when that is not known, for which err is the cause.
func (in *Intent) end(taken bool, err error, locks LockTable) {
	log := in.store.opts.Log.With("step", in.Step, "src", in.Src, "dst", in.Dst)
	if err != nil {
		log.Warn("a crash interrupted a change; whether it was made is left for a later start to find out", "err", err)
		in.store.left.leave(in)
		return
	}
	if !taken {
		in.Abandon()
		return
	}
	switch in.Step {
	case Move:
		err = errors.Join(locks.RemoveTree(in.Src), locks.RemoveMembers(in.Dst))
	case Copy:
		err = locks.RemoveMembers(in.Dst)
	case Remove:
		err = locks.RemoveTree(in.Src)
	}
	if err = errors.Join(err, in.Done()); err != nil {
		log.Error("state could not follow a change that a crash interrupted; it will before the next", "err", err)
		return
	}
	log.Info("state follows a change that a crash interrupted")
}

// taken tells from what the names hold after a crash whether the step was taken. root is that of the tree now.
func (in *Intent) taken(tree Tree, root Node) (bool, error) {
	if in.Step == Move && in.Root != (Node{}) && in.Root != root {
		if gone, err := in.movedAway(tree); gone || err != nil {
			return gone, err
		}
	}
	if in.otherRoot(tree, root) {
		return false, errors.New("the root is not the directory that it was; its disk may not be mounted")
	}
	if in.Step == Stamp {
		return true, nil // the time may be missing, and is set then
	}
	name := in.Dst
	if in.Step == Remove {
		name = in.Src
	}
	now, err := tree.Node(name)
	if err != nil {
		return false, err
	}
	switch in.Step {
	case Move: // a rename keeps the node
		return in.same(now, in.SrcNode, root), nil
	case Copy: // a copy is made beside what it replaces, so it cannot have the same node
		return now != (Node{}) && !in.same(now, in.DstNode, root), nil
	}
	return !in.same(now, in.SrcNode, root), nil
}

// movedAway tells whether the source is not there and the destination is. That says it of a copy of the tree, too, such as one
// that was put on another disk after the crash, where all inodes are others.
func (in *Intent) movedAway(tree Tree) (bool, error) {
	src, err := tree.Node(in.Src)
	if err != nil || src != (Node{}) {
		return false, err
	}
	dst, err := tree.Node(in.Dst)
	return dst != (Node{}), err
}

// otherRoot tells whether the tree seems to be another one than that of the intent.
func (in *Intent) otherRoot(tree Tree, root Node) bool {
	if in.Root != (Node{}) && in.Root.Ino != root.Ino {
		return true
	}
	return in.Root.Dev != root.Dev && tree.Empty()
}

// same tells whether a name holds now what it did. The number of a device says only whether it is that of the root; a
// record of before does not know that one.
func (in *Intent) same(now, was, root Node) bool {
	if in.Root != (Node{}) && (now.Dev == root.Dev) != (was.Dev == in.Root.Dev) {
		return false
	}
	return now.Ino == was.Ino
}
