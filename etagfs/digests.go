package etagfs

import (
	"path"
	"sync"
	"time"

	"ifmatch/fs"
)

// Digest is the SHA-256 of a representation.
type Digest = [32]byte

// DigestStore keeps digests across restarts. Losing some costs time, nothing else, so
// implementations may write late and in batches. Safe for concurrent use.
type DigestStore interface {
	LoadDigest(dev, ino uint64) (id fs.Identity, d Digest, ok bool)
	SaveDigest(id fs.Identity, d Digest)
	// PruneDigests asks dead about the identity of each record and drops those that are; it tells how many.
	// dead must not call the store.
	PruneDigests(dead func(fs.Identity) bool) (dropped int, err error)
}

// digests is the cache of content validators: it tells what the bytes of an identity are. It
// is keyed by device and inode, so that renaming a collection costs nothing.
//
// A digest is used only while stat confirms the identity that it was computed from. It enters
// only if the directory was watched before the bytes were read and no report of the file came meanwhile
// (or nothing can be watched there, and stat alone decides), and never if a change after the reading began
// could have left the same times. Reports drop it; lost reports drop everything.
//
// Safe for concurrent use.
//
// BUG(ifmatch): a store through a shared mapping moves mtime when a page is first written, not
// again until the kernel has written the page back (and never on tmpfs): no stat and no report
// tells of what is stored in between.
type digests struct {
	store DigestStore // nil: none
	now   func() time.Time
	young func(id fs.Identity, at time.Time) bool // whether a change at that time could leave the same times

	mu      sync.RWMutex
	known   map[inode]digestEntry           // guarded by mu
	readers map[string]map[*ticket]struct{} // guarded by mu; by the directory of what they read
	lost    uint64                          // guarded by mu; counts Lost
	fresh   int                             // guarded by mu; inodes that came in since the last pass (prune.go)
	passAt  int                             // guarded by mu; how many of them make one due
	due     chan struct{}                   // holds a token when a pass is due
}

type inode struct{ dev, ino uint64 }

type digestEntry struct {
	sizeBytes, mtime, ctime int64
	digest                  Digest
}

func newDigests(store DigestStore, tags *statTagger) *digests {
	return &digests{
		store: store, now: tags.now,
		young:   func(id fs.Identity, at time.Time) bool { return tags.youngAt(id, at) && !tags.mine(id) },
		known:   make(map[inode]digestEntry),
		readers: make(map[string]map[*ticket]struct{}),
		passAt:  passEvery, due: make(chan struct{}, 1),
	}
}

func (e *digestEntry) confirmedBy(id fs.Identity) bool {
	return e.sizeBytes == id.SizeBytes && e.mtime == id.Mtime && e.ctime == id.Ctime
}

// get returns the digest of the bytes with this identity, if it is known.
func (d *digests) get(id fs.Identity) (Digest, bool) {
	d.mu.RLock()
	e, ok := d.known[inode{id.Dev, id.Ino}]
	d.mu.RUnlock()
	if ok && e.confirmedBy(id) {
		return e.digest, true
	}
	if d.store == nil || !lasting(id) {
		return Digest{}, false
	}
	stored, digest, ok := d.store.LoadDigest(id.Dev, id.Ino)
	if !ok || stored != id {
		return Digest{}, false
	}
	d.put(id, digest, false)
	return digest, true
}

// put enters a digest.
func (d *digests) put(id fs.Identity, digest Digest, save bool) {
	key := inode{id.Dev, id.Ino}
	d.mu.Lock()
	if _, ok := d.known[key]; !ok && save {
		d.grown()
	}
	d.known[key] = digestEntry{id.SizeBytes, id.Mtime, id.Ctime, digest}
	d.mu.Unlock()
	if save && d.store != nil && lasting(id) {
		d.store.SaveDigest(id, digest)
	}
}

// lasting tells whether a record can be kept for the next start. FAT and sshfs number their files anew with each mount, so the identity
// may be that of another file then: of one that was changed in the same second, for these keep whole seconds.
func lasting(id fs.Identity) bool { return id.Ctime%int64(time.Second) != 0 }

// ticket is of one who reads a file, and remembers whether it was reported meanwhile.
type ticket struct {
	d     *digests
	name  string
	began time.Time
	lost  uint64

	inode inode // guarded by d.mu; of the file, when it is open: it may have other names
	told  bool  // guarded by d.mu; it was reported
}

// begin is called after the directory of name is watched and before its bytes are read; end must follow.
func (d *digests) begin(name string) *ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &ticket{d: d, name: name, began: d.now(), lost: d.lost}
	dir := path.Dir(name)
	if d.readers[dir] == nil {
		d.readers[dir] = make(map[*ticket]struct{})
	}
	d.readers[dir][t] = struct{}{}
	return t
}

// opened is called before the bytes are read. A nil ticket is of one who keeps no digest.
func (t *ticket) opened(id fs.Identity) {
	if t == nil {
		return
	}
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	t.inode = inode{id.Dev, id.Ino}
}

// end enters the digest of bytes read since begin, unless the file was reported meanwhile, or the
// identity was so young then that another change could share it. It tells whether it did.
func (t *ticket) end(id fs.Identity, digest Digest, ok bool) bool {
	d := t.d
	d.mu.Lock()
	dir := path.Dir(t.name)
	ok = ok && d.lost == t.lost && !t.told
	if delete(d.readers[dir], t); len(d.readers[dir]) == 0 {
		delete(d.readers, dir)
	}
	d.mu.Unlock()
	if ok = ok && !d.young(id, t.began); ok {
		d.put(id, digest, true)
	}
	return ok
}

// changed takes a report: what is now at name (nil: nothing) has this identity. The echo of a change
// that is known already, such as our own commit, drops nothing.
func (d *digests) changed(name string, now *fs.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for t := range d.readers[path.Dir(name)] {
		t.told = t.told || name == t.name || now != nil && t.inode == inode{now.Dev, now.Ino}
	}
	if now == nil {
		return // whatever was there is confirmed by stat where it is met again
	}
	key := inode{now.Dev, now.Ino}
	if e, ok := d.known[key]; ok && (!e.confirmedBy(now.Identity) || d.young(now.Identity, d.now())) {
		delete(d.known, key)
	}
}

// forgetAll is for lost reports.
func (d *digests) forgetAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost++
	clear(d.known)
}
