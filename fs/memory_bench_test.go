package fs

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkMemory: what a test or a demo in memory pays for a file of 4 KiB.
func BenchmarkMemory(b *testing.B) {
	m := NewMemory()
	body := strings.Repeat("x", 4<<10)
	b.Run("replace", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s, err := m.Stage("/f")
			must(b, err)
			s.ReadFrom(strings.NewReader(body))
			s.Prepare(time.Time{}, true)
			_, _, release, err := s.Commit(true, accept)
			must(b, err)
			release()
		}
	})
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Lookup("/f"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
