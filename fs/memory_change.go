package fs

import (
	iofs "io/fs"
	"strings"
	"time"
)

// step reads two states, asks check about them without the latch of the tree, so that check may
// read the tree, and acts only if the states are still the ones that check saw.
func (m *memory) step(read func() (a, b *Info, err error), check func(a, b *Info) error, act func()) error {
	for {
		m.mu.RLock()
		a, b, err := read()
		m.mu.RUnlock()
		if err != nil {
			return err
		}
		wantA, wantB := copyInfo(a), copyInfo(b) // check may keep or change what it is given
		if err := check(a, b); err != nil {
			return err
		}
		m.mu.Lock()
		a, b, err = read()
		if err == nil && sameInfo(a, wantA) && sameInfo(b, wantB) {
			act()
			m.mu.Unlock()
			return nil
		}
		m.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func copyInfo(i *Info) *Info {
	if i == nil {
		return nil
	}
	c := *i
	return &c
}

func sameInfo(a, b *Info) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (m *memory) MakeCollection(name string) (Info, error) {
	return m.mkdir(name, 0o755)
}

func (m *memory) mkdir(name string, perm iofs.FileMode) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, err := m.find(name)
	if err == nil && at.node != nil || name == "/" {
		err = iofs.ErrExist
	}
	if err != nil {
		return Info{}, pathError("mkdir", name, err)
	}
	n := m.newDir(perm)
	m.link(at, n)
	return n.Info, nil
}

func (m *memory) Retire(name string, _ bool, check func(cur *Info) error) (release func(), err error) {
	var at place
	err = m.step(
		func() (_, cur *Info, err error) {
			if at, err = m.find(name); err == nil && at.node == nil {
				err = iofs.ErrNotExist
			}
			return nil, at.info(), pathError("retire", name, err)
		},
		func(_, cur *Info) error { return check(cur) },
		func() { m.link(at, nil) })
	if err != nil {
		return nil, err
	}
	return func() { m.drop(at.node) }, nil
}

func (m *memory) Move(src, dst string, _ bool, check func(src, dst *Info) error) (info Info, release func(), err error) {
	var from, to place
	err = m.step(
		func() (_, _ *Info, err error) {
			if from, err = m.find(src); err == nil && from.node == nil {
				err = iofs.ErrNotExist
			}
			if err != nil {
				return nil, nil, pathError("move", src, err)
			}
			if to, err = m.find(dst); err == nil && Overlap(src, dst) {
				err = iofs.ErrInvalid // a collection cannot move into itself or replace its parent
			}
			return from.info(), to.info(), pathError("move", dst, err)
		},
		check,
		func() {
			m.link(from, nil)
			m.link(to, from.node)
			info = from.node.Info
		})
	if err != nil {
		return Info{}, nil, err
	}
	return info, func() { m.drop(to.node) }, nil
}

func (m *memory) SetModTime(name string, t time.Time) (was Identity, now Info, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err != nil {
		return Identity{}, Info{}, pathError("set time", name, err)
	}
	was = n.Identity
	n.Ctime = m.tick()
	mtime, unsure := m.stamp(t, 0)
	n.Mtime = mtime
	now = n.Info
	now.Unsure = unsure
	return was, now, nil
}

// Sweep removes reserved names that this tree has not given: a crash leaves nothing in memory.
func (m *memory) Sweep() (removed int, err error) {
	var names []string
	other := ""
	m.mu.RLock()
	var visit func(dir string, n *node)
	visit = func(dir string, n *node) {
		for _, e := range n.dir.from(0) {
			switch {
			case e.node == nil, strings.HasPrefix(e.base, memoryPrefix):
			case Reserved(e.base) && !given.MatchString(e.base):
				other = dir + e.base
			case Reserved(e.base):
				names = append(names, dir+e.base)
			case e.node.dir != nil:
				visit(dir+e.base+"/", e.node)
			}
		}
	}
	visit("/", m.root)
	m.mu.RUnlock()
	for _, name := range names {
		release, err := m.Retire(name, false, func(*Info) error { return nil })
		if err == nil {
			release()
			removed++
		}
	}
	if other != "" {
		return removed, pathError("sweep", other, errNotGiven)
	}
	return removed, nil
}
