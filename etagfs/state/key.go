package state

import (
	"bytes"
	"strings"
)

// The key of a name is its collection, NUL, its base name: "/a/b" is "/a" NUL "b", so the members
// of a collection stand together, and all below it in one more range. No name holds a NUL. "/" is NUL.

func keyOf(name string) []byte {
	if name == "/" {
		return []byte{0}
	}
	i := strings.LastIndexByte(name, '/')
	key := make([]byte, 0, len(name))
	key = append(key, name[:i]...)
	key = append(key, 0)
	return append(key, name[i+1:]...)
}

func nameOf(key []byte) string {
	dir, base, _ := bytes.Cut(key, []byte{0})
	return string(dir) + "/" + string(base)
}

// maxKeyBytes is what bbolt takes. The tree has longer names: a MOVE puts the end of one chain of collections below the
// end of another, and no request has to spell what comes out.
const maxKeyBytes = 32768

// ranges are the prefixes of the keys of all that is below a collection, which is not among them.
func ranges(name string) [][]byte {
	if name == "/" {
		return [][]byte{{0}, {'/'}}
	}
	return [][]byte{append([]byte(name), 0), append([]byte(name), '/')}
}

// eachBelow calls fn for the properties of name and, when deep, of all below it.
func eachBelow(tx Tx, name string, deep bool, fn func(key, value []byte) error) error {
	own := keyOf(name)
	if v := tx.Get(Properties, own); v != nil {
		if err := fn(own, v); err != nil {
			return err
		}
	}
	if !deep {
		return nil
	}
	for _, prefix := range ranges(name) {
		err := tx.Scan(Properties, prefix, func(k, v []byte) error {
			if bytes.Equal(k, own) { // "/" is in its own range
				return nil
			}
			return fn(k, v)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
