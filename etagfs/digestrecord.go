package etagfs

import (
	"encoding/binary"
	"strconv"

	"ifmatch/fs"
)

// Records keeps small records by key, written late and in batches; package state has them.
type Records interface {
	Digest(key string) []byte
	NoteDigest(key string, record []byte)
}

// KeepDigests is a DigestStore in r. A record belongs to a device and inode, not to a name, so
// that it survives a MOVE of the collections above.
func KeepDigests(r Records) DigestStore { return digestRecords{r} }

type digestRecords struct{ r Records }

func recordKey(dev, ino uint64) string {
	return "/" + strconv.FormatUint(dev, 16) + "/" + strconv.FormatUint(ino, 16)
}

// LoadDigest reads a record; one that cannot be read is as good as none.
func (s digestRecords) LoadDigest(dev, ino uint64) (id fs.Identity, d Digest, ok bool) {
	b := s.r.Digest(recordKey(dev, ino))
	if len(b) != 3*8+len(d) {
		return id, d, false
	}
	id = fs.Identity{
		Dev: dev, Ino: ino,
		SizeBytes: int64(binary.BigEndian.Uint64(b)),
		Mtime:     int64(binary.BigEndian.Uint64(b[8:])),
		Ctime:     int64(binary.BigEndian.Uint64(b[16:])),
	}
	copy(d[:], b[24:])
	return id, d, true
}

// SaveDigest writes a record over that of an earlier state of the inode.
func (s digestRecords) SaveDigest(id fs.Identity, d Digest) {
	b := make([]byte, 0, 3*8+len(d))
	b = binary.BigEndian.AppendUint64(b, uint64(id.SizeBytes))
	b = binary.BigEndian.AppendUint64(b, uint64(id.Mtime))
	b = binary.BigEndian.AppendUint64(b, uint64(id.Ctime))
	s.r.NoteDigest(recordKey(id.Dev, id.Ino), append(b, d[:]...))
}
