package etagfs

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ifmatch/fs"
)

// statTag encodes an identity so that two identities never share a tag: every field is in it,
// each in a self-delimiting form. The leading letter tells stat tags from hash tags, and keeps the
// tag from looking like a hex digest, which clients take for a checksum of the content.
func statTag(id fs.Identity, w *words) string {
	var raw [5 * binary.MaxVarintLen64]byte
	b := binary.AppendUvarint(raw[:0], id.Dev)
	b = binary.AppendUvarint(b, id.Ino)
	b = binary.AppendVarint(b, id.SizeBytes)
	b = binary.AppendVarint(b, id.Mtime)
	b = binary.AppendVarint(b, id.Ctime-id.Mtime) // mostly small
	var out [1 + (len(raw)*8+5)/6]byte
	out[0] = 's'
	base64.RawURLEncoding.Encode(out[1:], b)
	return w.keep(out[:1+base64.RawURLEncoding.EncodedLen(len(b))])
}

// statTagger makes tags of identities. Where the clock of the file system is too coarse to tell
// two changes apart, the tag of a state that somebody else made a moment ago is weak until the
// clock has moved on (RFC 9110 §8.8.1). States of our own commits are strong at once, where
// fs could stamp them with an mtime of their own (not Info.Unsure). Safe for concurrent use.
type statTagger struct {
	granularity func(dev uint64) time.Duration // that of the clock, as fs.FS has it
	now         func() time.Time
	last        atomic.Int64 // what moment returned

	mu     sync.Mutex
	own    map[fs.Identity]struct{} // guarded by mu; commits younger than granularity, and some that were
	lookAt int                      // guarded by mu; how many of them have those dropped that are no longer young
}

func (s *statTagger) tag(i *fs.Info, w *words) ETag {
	if !s.sure(i.Identity) {
		return s.unsure(i)
	}
	return ETag{Opaque: statTag(i.Identity, w)}
}

// sure tells whether no change from now on can leave this identity as it is.
func (s *statTagger) sure(id fs.Identity) bool { return !s.young(id) || s.mine(id) }

// unsure is a tag for bytes that may change without changing the identity. It is weak, and no two are
// alike: a weak tag that came back would match weakly, and earn a 304 for changed bytes.
func (s *statTagger) unsure(i *fs.Info) ETag {
	return ETag{Opaque: statTag(i.Identity, nil) + "." + strconv.FormatInt(s.moment(), 36), Weak: true}
}

// moment is the time now, or a little later: two calls get two, however coarse our own clock is.
func (s *statTagger) moment() int64 {
	for {
		last := s.last.Load()
		if next := max(s.now().UnixNano(), last+1); s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// coarse tells whether two changes may get the same times at all.
func (s *statTagger) coarse(id fs.Identity) bool { return s.granularity(id.Dev) > 1 || ended(id) }

// ended tells whether a state has the last time that its file system keeps, where that is the one of seconds in 32 bits (ext4 with
// inodes of 128 bytes, XFS without bigtime): after that, in 2038, each change leaves it so.
func ended(id fs.Identity) bool { return id.Ctime == math.MaxInt32*int64(time.Second) }

// young tells whether another change could still get the same times.
func (s *statTagger) young(id fs.Identity) bool {
	return s.coarse(id) && s.youngAt(id, s.now())
}

// youngAt tells whether a change at that time or later could have got the same times.
func (s *statTagger) youngAt(id fs.Identity, at time.Time) bool {
	return s.coarse(id) && (ended(id) || s.left(id, at) >= 0)
}

// left is how long it takes from that time until no change can get the same times; negative: none can. The ctime alone says
// so: a change moves it, whatever the mtime is set to. One a day ahead is of no clock but a mtime, where the file system has no
// other, unless it is the first of FAT: that is given to each change while our clock is not set.
func (s *statTagger) left(id fs.Identity, at time.Time) time.Duration {
	const (
		day    = 24 * time.Hour
		fatDay = (3652 + 1) * int64(day) // 1980 has begun everywhere
	)
	age := at.Sub(time.Unix(0, id.Ctime)) // a difference of nanoseconds overflows for dates before 1735
	if age <= -day && id.Ctime > fatDay {
		return -1
	}
	return s.granularity(id.Dev) - max(age, 0)
}

func (s *statTagger) mine(id fs.Identity) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.own[id]
	return ok
}

// committed remembers an identity as our own for as long as it is young.
func (s *statTagger) committed(id fs.Identity) {
	if !s.coarse(id) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		s.own = make(map[fs.Identity]struct{})
	}
	if len(s.own) >= s.lookAt { // each time twice as many, or each commit would look at all that came in two seconds
		maps.DeleteFunc(s.own, func(old fs.Identity, _ struct{}) bool { return !s.young(old) })
		s.lookAt = max(64, 2*len(s.own))
	}
	s.own[id] = struct{}{}
}
