package state

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// BenchmarkPatch is one durable transaction of one small property, alone and by many at once.
func BenchmarkPatch(b *testing.B) {
	value := make([]byte, 200)
	b.Run("alone", func(b *testing.B) {
		s := open(b, b.TempDir())
		for i := 0; b.Loop(); i++ {
			patch(b, s, fmt.Sprintf("/d/%d", i%5000), Op{Name{"u:", "p"}, value})
		}
	})
	b.Run("by 16", func(b *testing.B) {
		s := open(b, b.TempDir())
		b.SetParallelism(8)
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				patch(b, s, fmt.Sprintf("/d/%d", n.Add(1)%5000), Op{Name{"u:", "p"}, value})
			}
		})
	})
}

// BenchmarkProperties is what a PROPFIND asks for each member: of a store without properties, of a
// collection without any beside one with many, of a member with one.
func BenchmarkProperties(b *testing.B) {
	empty, s := open(b, b.TempDir()), open(b, b.TempDir())
	for i := range 10_000 {
		s.begin(func(tx Tx, c *counts) error {
			return put(tx, c, keyOf(fmt.Sprintf("/d/%d", i)), encodeProperties([]Property{{Name{"u:", "p"}, make([]byte, 100)}}))
		})
	}
	patch(b, s, "/d/x", Op{Name{"", "p"}, []byte("1")})
	for what, c := range map[string]struct {
		s    *Store
		name string
	}{"empty store": {empty, "/d/1"}, "elsewhere": {s, "/e/1"}, "here": {s, "/d/77"}} {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.s.Properties(c.name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen is a start with 100,000 names that have properties.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	for i := range 100_000 {
		s.begin(func(tx Tx, c *counts) error {
			return put(tx, c, keyOf(fmt.Sprintf("/d%d/%d", i/1000, i)), encodeProperties([]Property{{Name{"u:", "p"}, make([]byte, 100)}}))
		})
	}
	s.Close()
	for b.Loop() {
		s, err := Open(dir, Options{})
		must(b, err)
		s.Close()
	}
}
