package state

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	bolt "go.etcd.io/bbolt"
)

// pages are those of a file of bbolt (v1.5.0, internal/common), in the byte order of the machine:
//
//	page     number 8, flags 2, elements 2, how many pages it goes on in 4 | elements | keys and values
//	branch   at 4, key 4, page 8                    at counts from the element
//	leaf     flags 4, at 4, key 4, value 4          the value follows the key
//	bucket   page 8, sequence 8 | if that page is 0: its only page, in the value of a leaf
type pages struct {
	data      []byte
	sizeBytes uint64 // of one
	seen      []bool
	used      uint64
}

const (
	pageHeader, element = 16, 16
	branchPage, leaf    = 1, 2 // flags of a page
	bucketIn            = 1    // flag of an element of a leaf
)

// fit finds what would have tx.Check read what is not there, or never end, and tells how many bytes hold no records.
// Errors: ErrDamaged. It panics where the file is too short.
func fit(db *bolt.DB, tx *bolt.Tx) (freeBytes int64, err error) {
	info := db.Info()
	data := unsafe.Slice((*byte)(unsafe.Add(nil, info.Data)), tx.Size()) // no pointer into what Go moves
	p := &pages{data: data, sizeBytes: uint64(info.PageSize), seen: make([]bool, tx.Size()/int64(info.PageSize))}
	err = p.tree(uint64(tx.Cursor().Bucket().RootPage()))
	return tx.Size() - int64(p.used*p.sizeBytes), err
}

// tree looks at a page and those below it.
func (p *pages) tree(number uint64) error {
	count := uint64(len(p.seen))
	if number >= count || p.seen[number] {
		return fmt.Errorf("%w: page %d is not there, or in use twice", ErrDamaged, number)
	}
	p.seen[number] = true
	page := p.data[number*p.sizeBytes:]
	more := uint64(binary.NativeEndian.Uint32(page[12:]))
	if more >= count-number {
		return fmt.Errorf("%w: page %d goes on beyond the end", ErrDamaged, number)
	}
	p.used += 1 + more
	return p.elements(page[:(1+more)*p.sizeBytes])
}

// elements looks at a page that may be in a value.
func (p *pages) elements(page []byte) error {
	if len(page) < pageHeader {
		return fmt.Errorf("%w: a page in %d bytes", ErrDamaged, len(page))
	}
	flags, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if flags != leaf && (flags != branchPage || count == 0) {
		return fmt.Errorf("%w: a page is of no tree", ErrDamaged)
	}
	for i := range count {
		at := pageHeader + i*element
		if len(page) < at+element {
			return fmt.Errorf("%w: more elements than the page has room for", ErrDamaged)
		}
		word := func(n int) uint64 { return uint64(binary.NativeEndian.Uint32(page[at+4*n:])) }
		var err error
		switch flags {
		case branchPage:
			if word(1) == 0 || uint64(at)+word(0)+word(1) > uint64(len(page)) {
				return fmt.Errorf("%w: a key is not in its page", ErrDamaged)
			}
			err = p.tree(binary.NativeEndian.Uint64(page[at+8:]))
		case leaf:
			value := uint64(at) + word(1) + word(2)
			if word(2) == 0 || value+word(3) > uint64(len(page)) {
				return fmt.Errorf("%w: a key or a value is not in its page", ErrDamaged)
			}
			if word(0)&bucketIn != 0 {
				err = p.bucket(page[value : value+word(3)])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) bucket(value []byte) error {
	if len(value) < 16 {
		return fmt.Errorf("%w: a bucket of %d bytes", ErrDamaged, len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return p.tree(root)
	}
	return p.elements(value[16:])
}
