package fs

import (
	iofs "io/fs"
	"sort"
)

// node is an inode of a tree in memory. The mutex of the tree guards it.
type node struct {
	Info
	dir *memoryDir // nil for a file
}

// newNode makes an inode that no name leads to yet. m.mu is held.
func (m *memory) newNode(mode iofs.FileMode) *node {
	now := m.tick()
	return &node{Info: Info{
		Identity: Identity{Dev: m.dev, Ino: m.newInode(), Mtime: now, Ctime: now},
		Mode:     mode, Birth: now, Links: 1,
	}}
}

func (m *memory) newInode() uint64 {
	if last := len(m.free) - 1; last >= 0 {
		ino := m.free[last]
		m.free = m.free[:last]
		return ino
	}
	m.ino++
	return m.ino
}

func (m *memory) newDir(perm iofs.FileMode) *node {
	n := m.newNode(iofs.ModeDir | perm.Perm())
	n.dir = &memoryDir{index: map[string]*entry{}}
	return n
}

// memoryDir holds members by name and, so that a listing can go on after changes, in the order in
// which the names appeared.
type memoryDir struct {
	index map[string]*entry
	order []*entry // ascending seq; removed ones have no node until they are squeezed out
	seq   uint64
}

type entry struct {
	seq  uint64
	base string
	node *node
}

func (d *memoryDir) get(base string) *node {
	if e := d.index[base]; e != nil {
		return e.node
	}
	return nil
}

// from returns the entries after a seq.
func (d *memoryDir) from(seq uint64) []*entry {
	return d.order[sort.Search(len(d.order), func(i int) bool { return d.order[i].seq > seq }):]
}

// put gives the name to n, whoever had it before.
func (d *memoryDir) put(base string, n *node) {
	if e := d.index[base]; e != nil {
		e.node = n
		return
	}
	d.seq++
	e := &entry{seq: d.seq, base: base, node: n}
	d.index[base] = e
	d.order = append(d.order, e)
}

func (d *memoryDir) remove(base string) {
	e := d.index[base]
	if e == nil {
		return
	}
	delete(d.index, base)
	e.node = nil
	if len(d.order) < 32 || len(d.order) < 2*len(d.index) {
		return
	}
	kept := make([]*entry, 0, len(d.index))
	for _, e := range d.order {
		if e.node != nil {
			kept = append(kept, e)
		}
	}
	d.order = kept // a new slice: a listing may be in the old one
}

// place is where a name is, or would be: node is nil when it is unmapped.
type place struct {
	dir  *node
	base string
	node *node
}

// info is a copy of the state, nil when unmapped.
func (p place) info() *Info {
	if p.node == nil {
		return nil
	}
	info := p.node.Info
	return &info
}

// link gives a place to n (nil: to nobody) and moves the times that a disk would move. m.mu is held.
func (m *memory) link(at place, n *node) {
	now := m.tick()
	at.dir.Mtime, at.dir.Ctime = now, now
	if n == nil {
		at.dir.dir.remove(at.base)
		return
	}
	at.dir.dir.put(at.base, n)
	n.Ctime = m.tick()
}

// drop gives back the bytes of a node that no name leads to any more, and of all below it.
func (m *memory) drop(n *node) {
	if n == nil {
		return
	}
	if n.dir == nil {
		m.mu.Lock()
		m.used.Add(-n.SizeBytes)
		n.Links = 0
		m.mu.Unlock()
		m.heap.Remove(m.blob(n))
		if m.stepNS > 1 {
			m.mu.Lock()
			m.free = append(m.free, n.Ino)
			m.mu.Unlock()
		}
		return
	}
	m.mu.RLock()
	members := n.dir.from(0)
	m.mu.RUnlock()
	for _, e := range members {
		m.drop(e.node)
	}
}
