package state

import (
	"bytes"
	"slices"
	"sync"
)

// memoryEngine is an Engine that ends with the process.
type memoryEngine struct {
	mu      sync.RWMutex
	records map[Bucket][]record // guarded by mu; sorted by key
}

type record struct{ key, value []byte }

func newMemory() *memoryEngine { return &memoryEngine{records: make(map[Bucket][]record)} }

func (m *memoryEngine) View(fn func(Tx) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return fn((*memoryTx)(m))
}

// Relax has nothing to do: nothing of it is ever durable.
func (m *memoryEngine) Relax(bool) error { return nil }

// Update undoes by putting back the slices of before, which nobody changes in place.
func (m *memoryEngine) Update(fn func(Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := make(map[Bucket][]record, len(m.records))
	for b, rs := range m.records {
		before[b] = rs
		m.records[b] = slices.Clone(rs)
	}
	done := false
	defer func() {
		if !done { // it failed, or panicked
			m.records = before
		}
	}()
	err := fn((*memoryTx)(m))
	done = err == nil
	return err
}

func (m *memoryEngine) Close() error { return nil }

type memoryTx memoryEngine

func (m *memoryTx) find(b Bucket, key []byte) (int, bool) {
	return slices.BinarySearchFunc(m.records[b], key, func(r record, k []byte) int { return bytes.Compare(r.key, k) })
}

func (m *memoryTx) Get(b Bucket, key []byte) []byte {
	if i, ok := m.find(b, key); ok {
		return m.records[b][i].value
	}
	return nil
}

func (m *memoryTx) Put(b Bucket, key, value []byte) error {
	r := record{bytes.Clone(key), append([]byte{}, value...)}
	if i, ok := m.find(b, key); ok {
		m.records[b][i] = r
	} else {
		m.records[b] = slices.Insert(m.records[b], i, r)
	}
	return nil
}

func (m *memoryTx) Delete(b Bucket, key []byte) error {
	if i, ok := m.find(b, key); ok {
		m.records[b] = slices.Delete(m.records[b], i, i+1)
	}
	return nil
}

func (m *memoryTx) Scan(b Bucket, prefix []byte, fn func(key, value []byte) error) error {
	i, _ := m.find(b, prefix)
	for ; i < len(m.records[b]) && bytes.HasPrefix(m.records[b][i].key, prefix); i++ {
		if err := fn(m.records[b][i].key, m.records[b][i].value); err != nil {
			return err
		}
	}
	return nil
}
