package state

import (
	"encoding/binary"
	"fmt"
)

// A record is the properties one after the other: length and bytes of namespace, local name, XML.

func encodeProperties(ps []Property) []byte {
	var b []byte
	for _, p := range ps {
		b = appendField(b, p.Name.Space)
		b = appendField(b, p.Name.Local)
		b = appendField(b, string(p.XML))
	}
	return b
}

func appendField(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decodeProperties returns properties whose XML is part of b. Errors: ErrDamaged.
func decodeProperties(b []byte) ([]Property, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := fields{left: b, names: string(b)} // one copy for all names
	ps := make([]Property, 0, 4)
	for len(r.left) > 0 {
		p := Property{Name: Name{Space: r.name(), Local: r.name()}}
		from, to := r.next()
		p.XML = b[from:to:to]
		ps = append(ps, p)
	}
	if r.broken {
		return nil, fmt.Errorf("%w: a record of properties ends early", ErrDamaged)
	}
	return ps, nil
}

// fields reads a record.
type fields struct {
	left   []byte
	names  string // the whole record
	broken bool
}

// next is where in the record the next field is.
func (r *fields) next() (from, to int) {
	n, used := binary.Uvarint(r.left)
	if used <= 0 || n > uint64(len(r.left)-used) {
		r.broken, r.left = true, nil
		return 0, 0
	}
	from = len(r.names) - len(r.left) + used
	to = from + int(n)
	r.left = r.left[used+int(n):]
	return from, to
}

func (r *fields) name() string {
	from, to := r.next()
	return r.names[from:to]
}
