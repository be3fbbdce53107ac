package etagfs

import (
	"cmp"
	"errors"
	"fmt"
	iofs "io/fs"
	"math"
	"slices"
	"time"

	"ifmatch/fs"
)

// A record of a digest belongs to an inode, and nobody tells when an inode vanishes: other programs delete
// files, too. So who has gone over the whole tree drops the records of inodes that were not met. One that is
// dropped although the file lives (it moved behind the back of the walk) costs hashing it again, nothing else.

// passEvery is how many inodes must have come in before another pass is made; where more files are met than
// that, as many as those. So dead records are never more than the living ones or this, and the walks cost a
// fraction of the hashing.
const passEvery = 1024

// awayLimit bounds the records kept for file systems that the pass did not meet: a disk that is not mounted
// today, whose digests scrub will want tomorrow.
const awayLimit = 1 << 20

// rootRecord is the inode, of no file, at which the store says which directory its records are of. A pass over another one
// (a part of it, or one that was named by mistake) meets none of their files, so it drops nothing.
var rootRecord = inode{dev: math.MaxUint64}

// rooted tells whether the records are of the tree with this root. When own is set they are so from now on; when the store does not
// say, too, but what is in it already may be of another one. foreign: it says another one.
func (d *digests) rooted(root inode, own bool) (same, foreign bool) {
	if d.store == nil {
		return true, false
	}
	was, _, noted := d.store.LoadDigest(rootRecord.dev, rootRecord.ino)
	if noted && (inode{uint64(was.SizeBytes), uint64(was.Mtime)}) == root {
		return true, false
	}
	if own || !noted {
		d.store.SaveDigest(fs.Identity{
			Dev: rootRecord.dev, Ino: rootRecord.ino,
			SizeBytes: int64(root.dev), Mtime: int64(root.ino),
		}, Digest{})
	}
	return own, noted && !own
}

// pass is one walk over the whole tree.
type pass struct {
	began       int64   // nanoseconds since 1970; what changed since then may stand where the walk had been already
	seen        []inode // 16 bytes a file; sorted by prune
	devs        map[uint64]bool
	broken      bool // a collection could not be listed, or the records are of another tree
	away        int
	granularity func(dev uint64) time.Duration // of the clock
}

// newPass begins one.
func (d *digests) newPass(t *statTagger) *pass {
	const margin = 10 * time.Millisecond // a tick of the clock that the kernel stamps with
	return &pass{began: t.now().Add(-margin).UnixNano(), granularity: t.granularity, devs: make(map[uint64]bool)}
}

// meet notes what the walk came by.
func (p *pass) meet(i *fs.Info) {
	p.devs[i.Dev] = true
	if !i.IsCollection() {
		p.seen = append(p.seen, inode{i.Dev, i.Ino})
	}
}

// missed notes that a collection could not be listed. What vanished, or is for others to see, has nothing whose
// digest we could use; every other reason will pass, and the records must still be there then.
func (p *pass) missed(err error) {
	if !errors.Is(err, iofs.ErrNotExist) && !errors.Is(err, iofs.ErrPermission) {
		p.broken = true
	}
}

// dead tells whether a record of this identity may go.
func (p *pass) dead(id fs.Identity) bool {
	if id.Ctime >= p.began-int64(p.granularity(id.Dev)) || (inode{id.Dev, id.Ino}) == rootRecord {
		return false
	}
	if !p.devs[id.Dev] {
		p.away++
		return p.away > awayLimit
	}
	_, met := slices.BinarySearchFunc(p.seen, inode{id.Dev, id.Ino}, inode.compare)
	return !met
}

func (i inode) compare(o inode) int {
	return cmp.Or(cmp.Compare(i.dev, o.dev), cmp.Compare(i.ino, o.ino))
}

// prune drops what a pass over the whole tree has found dead, here and in the store, and tells how many
// records of the store that were.
func (d *digests) prune(p *pass) (dropped int, err error) {
	slices.SortFunc(p.seen, inode.compare)
	p.seen = slices.Compact(p.seen)
	d.mu.Lock()
	d.fresh, d.passAt = 0, max(passEvery, len(p.seen))
	select {
	case <-d.due: // what this pass itself brought in
	default:
	}
	if !p.broken {
		for key, e := range d.known {
			if p.dead(fs.Identity{Dev: key.dev, Ino: key.ino, Ctime: e.ctime}) {
				delete(d.known, key)
			}
		}
	}
	d.mu.Unlock()
	if p.broken || d.store == nil {
		return 0, nil
	}
	p.away = 0
	if dropped, err = d.store.PruneDigests(p.dead); err != nil {
		err = fmt.Errorf("drop digests of files that are gone: %w", err)
	}
	return dropped, err
}

// grown counts a digest of an inode that was not known, and makes a pass due after many. d.mu is held.
func (d *digests) grown() {
	if d.fresh++; d.fresh < d.passAt {
		return
	}
	nudge(d.due)
}
