package state

import (
	"bytes"
	"path"
)

// counts are what a transaction does to the numbers that a Store keeps in memory, so that a name
// without properties costs no read.
type counts []count

type count struct {
	name  string
	bytes int
	held
}

// held is how many resources have dead properties, and how many of them DAV:getcontentlanguage.
type held struct{ resources, languages int }

func (h held) plus(d held) held { return held{h.resources + d.resources, h.languages + d.languages} }

// add counts that the record of key, until now old, becomes value; empty is none.
func (c *counts) add(key, old, value []byte) {
	n := count{name: nameOf(key), bytes: len(value) - len(old)}
	if len(old) > 0 {
		n.resources, n.bytes = -1, n.bytes-len(key)
	}
	if len(value) > 0 {
		n.resources, n.bytes = n.resources+1, n.bytes+len(key)
	}
	n.languages = tellsLanguage(value) - tellsLanguage(old)
	*c = append(*c, n)
}

// tellsLanguage is 1 for a record with DAV:getcontentlanguage, else 0. Neither names nor XML hold the bytes before these.
func tellsLanguage(record []byte) int {
	if bytes.Contains(record, languageField) {
		return 1
	}
	return 0
}

var languageField = appendField(appendField(nil, ContentLanguage.Space), ContentLanguage.Local)

// apply takes over the counts of a durable transaction.
func (s *Store) apply(c counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range c {
		s.bytes += int64(n.bytes)
		if n.held == (held{}) {
			continue
		}
		dir := path.Dir(n.name)
		if s.dirs[dir] = s.dirs[dir].plus(n.held); s.dirs[dir] == (held{}) {
			delete(s.dirs, dir)
		}
		s.resources.Add(int64(n.resources))
		s.languages.Add(int64(n.languages))
	}
}

// size is the number of bytes that all dead properties take.
func (s *Store) size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bytes
}
