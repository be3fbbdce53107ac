package state

// counts are what a transaction does to the numbers that a Store keeps in memory, so that a name
// without properties costs no read.
type counts []count

type count struct {
	name      string
	bytes     int
	resources int // +1: it has got properties; -1: it has none any more
}

func (c *counts) add(key []byte, bytes int, created, removed bool) {
	n := count{name: nameOf(key), bytes: bytes}
	switch {
	case created:
		n.resources, n.bytes = 1, bytes+len(key)
	case removed:
		n.resources, n.bytes = -1, bytes-len(key)
	}
	*c = append(*c, n)
}

// apply takes over the counts of a durable transaction.
func (s *Store) apply(c counts) {
	for _, n := range c {
		s.counted(n.name, n.bytes, n.resources)
	}
}

func (s *Store) counted(name string, bytes, resources int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += int64(bytes)
	if resources == 0 {
		return
	}
	dir := dirOf(name)
	if s.dirs[dir] += resources; s.dirs[dir] == 0 {
		delete(s.dirs, dir)
	}
	s.resources.Add(int64(resources))
}

// size is the number of bytes that all dead properties take.
func (s *Store) size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bytes
}
