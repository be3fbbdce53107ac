package etagfs

import (
	"path"
	"sync"

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
// only if the directory was watched before the bytes were read and no report came meanwhile
// (or nothing can be watched there, and stat alone decides), and never while another change could
// still get the same times. Reports drop it; lost reports drop everything.
//
// BUG(ifmatch): a store through a shared mapping moves mtime when a page is first written, not
// again until the kernel has written the page back (and never on tmpfs): no stat and no report
// tells of what is stored in between.
//
// Safe for concurrent use.
type digests struct {
	store DigestStore // nil: none
	young func(fs.Identity) bool

	mu       sync.RWMutex
	known    map[inode]digestEntry // guarded by mu
	reported map[string]uint64     // guarded by mu; reports by directory while somebody reads there
	readers  map[string]int        // guarded by mu; tickets out, by directory
	lost     uint64                // guarded by mu; counts Lost
	fresh    int                   // guarded by mu; inodes that came in since the last pass (prune.go)
	passAt   int                   // guarded by mu; how many of them make one due
	due      chan struct{}         // holds a token when a pass is due
}

type inode struct{ dev, ino uint64 }

type digestEntry struct {
	sizeBytes, mtime, ctime int64
	digest                  Digest
}

func newDigests(store DigestStore, young func(fs.Identity) bool) *digests {
	return &digests{
		store: store, young: young,
		known:    make(map[inode]digestEntry),
		reported: make(map[string]uint64),
		readers:  make(map[string]int),
		passAt:   passEvery, due: make(chan struct{}, 1),
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
	if d.store == nil {
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
	if save && d.store != nil {
		d.store.SaveDigest(id, digest)
	}
}

// ticket remembers what had been reported for a directory before bytes were read.
type ticket struct {
	d        *digests
	dir      string
	reported uint64
	lost     uint64
}

// begin is called after the directory is watched and before bytes are read; end must follow.
func (d *digests) begin(dir string) ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readers[dir]++
	return ticket{d, dir, d.reported[dir], d.lost}
}

// end enters the digest of bytes read since begin, unless a report came meanwhile or the
// identity is so young that another change could share it. It tells whether it did.
func (t ticket) end(id fs.Identity, digest Digest, ok bool) bool {
	d := t.d
	d.mu.Lock()
	ok = ok && d.lost == t.lost && d.reported[t.dir] == t.reported
	if d.readers[t.dir]--; d.readers[t.dir] == 0 {
		delete(d.readers, t.dir)
		delete(d.reported, t.dir)
	}
	d.mu.Unlock()
	if ok = ok && !d.young(id); ok {
		d.put(id, digest, true)
	}
	return ok
}

// changed takes a report: what is now at name (nil: nothing) has this identity. The echo of a change
// that is known already, such as our own commit, drops nothing.
func (d *digests) changed(name string, now *fs.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if dir := path.Dir(name); d.readers[dir] > 0 {
		d.reported[dir]++
	}
	if now == nil {
		return // whatever was there is confirmed by stat where it is met again
	}
	key := inode{now.Dev, now.Ino}
	if e, ok := d.known[key]; ok && (!e.confirmedBy(now.Identity) || d.young(now.Identity)) {
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
