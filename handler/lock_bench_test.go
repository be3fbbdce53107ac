package handler_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkLockUnlock is a pair of LOCK and UNLOCK, a durable transaction each: alone, and by 16 clients
// who share them.
func BenchmarkLockUnlock(b *testing.B) {
	k := startKeeping(b, b.TempDir(), b.TempDir(), time.Now)
	defer k.stop()
	for i := range 16 {
		k.ask("PUT", fmt.Sprintf("/%d", i), "x")
	}
	pair := func(name string) {
		res := k.ask("LOCK", name, exclusive, asXML, "Depth: 0")
		if res = k.ask("UNLOCK", name, "", "Lock-Token: "+res.Header.Get("Lock-Token")); res.StatusCode != 204 {
			b.Error(res.Status)
		}
	}
	bench16(b, pair)
}

// BenchmarkProppatch sets one property, a durable transaction.
func BenchmarkProppatch(b *testing.B) {
	k := startKeeping(b, b.TempDir(), b.TempDir(), time.Now)
	defer k.stop()
	for i := range 16 {
		k.ask("PUT", fmt.Sprintf("/%d", i), "x")
	}
	bench16(b, func(name string) {
		if res := k.ask("PROPPATCH", name, setProp("1"), asXML); res.StatusCode != 207 {
			b.Error(res.Status)
		}
	})
}

func bench16(b *testing.B, do func(name string)) {
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			do("/0")
		}
	})
	b.Run("by 16", func(b *testing.B) {
		b.SetParallelism(8) // times two processors
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			name := fmt.Sprintf("/%d", n.Add(1)%16)
			for pb.Next() {
				do(name)
			}
		})
	})
}
