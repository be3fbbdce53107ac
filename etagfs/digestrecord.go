package etagfs

import (
	"encoding/binary"
	"strconv"
	"strings"

	"ifmatch/fs"
)

// Records keeps small records by key, written late and in batches; package state has them.
type Records interface {
	Digest(key string) []byte
	NoteDigest(key string, record []byte)
	EachDigest(fn func(key string, record []byte) error) error
	ForgetDigests(records map[string][]byte) error // each only if it is still the one given
}

// KeepDigests is a DigestStore in r. A record belongs to a device and inode, not to a name, so
// that it survives a MOVE of the collections above.
func KeepDigests(r Records) DigestStore { return digestRecords{r} }

type digestRecords struct{ r Records }

func recordKey(dev, ino uint64) string {
	return "/" + strconv.FormatUint(dev, 16) + "/" + strconv.FormatUint(ino, 16)
}

// inodeOf reads what recordKey wrote.
func inodeOf(key string) (dev, ino uint64, ok bool) {
	a, b, _ := strings.Cut(strings.TrimPrefix(key, "/"), "/")
	dev, err1 := strconv.ParseUint(a, 16, 64)
	ino, err2 := strconv.ParseUint(b, 16, 64)
	return dev, ino, err1 == nil && err2 == nil
}

// LoadDigest reads a record; one that cannot be read is as good as none.
func (s digestRecords) LoadDigest(dev, ino uint64) (id fs.Identity, d Digest, ok bool) {
	return decodeRecord(dev, ino, s.r.Digest(recordKey(dev, ino)))
}

func decodeRecord(dev, ino uint64, b []byte) (id fs.Identity, d Digest, ok bool) {
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

// PruneDigests drops the records that dead says, and those that cannot be read.
func (s digestRecords) PruneDigests(dead func(fs.Identity) bool) (dropped int, err error) {
	drop := make(map[string][]byte)
	err = s.r.EachDigest(func(key string, record []byte) error {
		dev, ino, ok := inodeOf(key)
		id, _, ok2 := decodeRecord(dev, ino, record)
		if !ok || !ok2 || dead(id) {
			drop[key] = record
		}
		return nil
	})
	if err == nil && len(drop) > 0 {
		err = s.r.ForgetDigests(drop)
	}
	if err != nil {
		return 0, err
	}
	return len(drop), nil
}
