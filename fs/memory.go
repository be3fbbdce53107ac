package fs

import (
	iofs "io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/afero"
)

// memoryBytes is how much a tree in memory holds before it answers ErrNoSpace.
const memoryBytes = 1 << 30

// NewMemory returns an empty tree in memory, for demos and tests.
func NewMemory() FS { return newMemory(memoryBytes) }

// newMemory is NewMemory for at most capacityBytes.
func newMemory(capacityBytes int64) FS {
	m := &memory{heap: afero.NewMemMapFs(), capacity: capacityBytes, dev: memoryDevs.Add(1), stepNS: 1}
	m.root = m.newDir(0o755)
	return m
}

// NewMemoryCoarse is NewMemory for tests of what holds on a disk whose clock has steps, to which all times are cut, and which
// gives the inode of a file that is gone to the next one.
func NewMemoryCoarse(step time.Duration) FS {
	m := NewMemory().(*memory)
	m.stepNS = int64(step)
	return m
}

// memoryDevs numbers the trees of this process, so that no two have a state in common.
var memoryDevs atomic.Uint64

// memory keeps names, states and times itself and the bytes of each inode as one file of afero's
// memory file system, named by the inode number. The names are not kept there too, since afero's
// Rename visits every name of the tree, its Create makes missing parents, and its states have no
// inode and no time that an equal-sized write is sure to change. A replace gives the name to
// another inode, so whoever has the old one open keeps the old bytes.
type memory struct {
	heap     afero.Fs
	capacity int64
	used     atomic.Int64 // bytes in the heap
	dev      uint64
	stepNS   int64 // of the clock
	clock    clock // of stamps, where stepNS is more than 1
	hidden   atomic.Uint64

	mu   sync.RWMutex
	root *node
	ino  uint64   // the last one given
	free []uint64 // those to be given again
	last int64    // the last time given, nanoseconds since 1970
}

// tick returns a time later than every one before, if the clock has no steps. m.mu is held (or the tree is not shared yet).
func (m *memory) tick() int64 {
	now := time.Now().UnixNano()
	if m.stepNS > 1 {
		return now - now%m.stepNS
	}
	m.last = max(m.last+1, now)
	return m.last
}

// stamp is as clock.mtime. m.mu is held.
func (m *memory) stamp(chosen time.Time, replaced int64) (mtime int64, unsure bool) {
	switch {
	case m.stepNS > 1:
		return m.clock.mtime(chosen, replaced, &device{storeNS: m.stepNS})
	case chosen.IsZero():
		return max(m.tick(), replaced+1), false
	}
	return chosenTime(chosen, m.tick()), false
}

func (m *memory) blob(n *node) string { return "/" + strconv.FormatUint(n.Ino, 16) }

// lookup finds the node of a name. m.mu is held.
func (m *memory) lookup(name string) (*node, error) {
	n := m.root
	for rest := strings.Trim(name, "/"); rest != ""; {
		var base string
		base, rest, _ = strings.Cut(rest, "/")
		if n.dir == nil {
			return nil, ErrNotDir
		}
		if err := checkMemoryBase(base); err != nil {
			return nil, err
		}
		if n = n.dir.get(base); n == nil {
			return nil, iofs.ErrNotExist
		}
	}
	return n, nil
}

// parent finds the directory that holds, or would hold, name. m.mu is held.
func (m *memory) parent(name string) (dir *node, base string, err error) {
	name = "/" + strings.Trim(name, "/")
	i := strings.LastIndexByte(name, '/')
	base = name[i+1:]
	if base == "" {
		return nil, "", iofs.ErrInvalid // the root has no parent
	}
	if err := checkMemoryBase(base); err != nil {
		return nil, "", err
	}
	dir, err = m.lookup(name[:i])
	if err == nil && dir.dir == nil {
		err = ErrNotDir
	}
	return dir, base, err
}

// find returns where name is or would be. m.mu is held.
func (m *memory) find(name string) (at place, err error) {
	at.dir, at.base, err = m.parent(name)
	if err == nil {
		at.node = at.dir.dir.get(at.base)
	}
	return at, err
}

// checkMemoryBase refuses what the disks of the trees refuse, so that tests in memory see it too.
func checkMemoryBase(base string) error {
	switch {
	case len(base) > 255:
		return ErrNameTooLong
	case base == "." || base == ".." || strings.IndexByte(base, 0) >= 0:
		return ErrBadName
	}
	return nil
}

// Ready has nothing to try: files in memory have no owner, and can always be written.
func (m *memory) Ready(RootOptions) (use func(), err error) { return func() {}, nil }

// Way finds no links, since a tree in memory has none.
func (m *memory) Way(name string) (real string, links []string, err error) {
	real, err = m.Resolve(name)
	return real, nil, err
}

// Resolve finds no links.
func (m *memory) Resolve(name string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	real := "/" + strings.Trim(name, "/")
	if real == "/" {
		return real, nil
	}
	if _, _, err := m.parent(real); err != nil {
		return "", pathError("resolve", name, err)
	}
	return real, nil
}

func (m *memory) Lookup(name string) (Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.lookup(name)
	if err != nil {
		return Info{}, pathError("lookup", name, err)
	}
	return n.Info, nil
}

// listBatch members are read under one hold of the latch of the tree.
const listBatch = 128

// List shows members in the order in which their names appeared. It holds no latch while fn runs.
func (m *memory) List(name string, fn func(base string, info *Info) error) error {
	m.mu.RLock()
	n, err := m.lookup(name)
	if err == nil && n.dir == nil {
		err = ErrNotDir
	}
	m.mu.RUnlock()
	if err != nil {
		return pathError("list", name, err)
	}
	type member struct {
		base string
		info Info
	}
	var batch [listBatch]member
	for after := uint64(0); ; {
		count := 0
		m.mu.RLock()
		for _, e := range n.dir.from(after) {
			if count == len(batch) {
				break
			}
			after = e.seq
			if e.node != nil && !Reserved(e.base) {
				batch[count] = member{e.base, e.node.Info}
				count++
			}
		}
		m.mu.RUnlock()
		for i := range batch[:count] {
			if err := fn(batch[i].base, &batch[i].info); err != nil {
				return err
			}
		}
		if count < len(batch) {
			return nil
		}
	}
}

const memoryPrefix = ReservedPrefix + "memory-"

func (m *memory) Hidden(name string) string {
	dir := name[:strings.LastIndexByte(name, '/')+1]
	return dir + memoryPrefix + strconv.FormatUint(m.hidden.Add(1), 16)
}

// SyncAll has nothing to do.
func (m *memory) SyncAll() error { return nil }

// SyncDir has nothing to do but to find the directory.
func (m *memory) SyncDir(name string) error {
	info, err := m.Lookup(name)
	if err == nil && !info.IsCollection() {
		err = pathError("sync", name, ErrNotDir)
	}
	return err
}

func (m *memory) Usage(name string) (Usage, error) {
	if _, err := m.Lookup(name); err != nil {
		return Usage{}, err
	}
	used := m.used.Load()
	return Usage{AvailableBytes: max(0, m.capacity-used), UsedBytes: used}, nil
}

// Features are perfect but for Sync, since nobody but this process can reach the tree.
func (m *memory) Features() Features {
	return Features{
		Tmpfile: true, Exchange: true, Lease: true, Beneath: true,
		Granularity: time.Duration(m.stepNS), Kind: "memory",
	}
}

// Granularity is that of Features.
func (m *memory) Granularity(uint64) time.Duration { return time.Duration(m.stepNS) }

// Stats of what is never made durable.
func (m *memory) Stats() Stats { return Stats{} }

func (m *memory) Close() error { return nil }
