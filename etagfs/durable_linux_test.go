package etagfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"ifmatch/fs"
)

// BenchmarkDurablePut compares a durable Put of 4 KiB over an existing file with a bare program that does the
// same fsyncs: write a file, fsync it, rename it over, fsync the directory.
func BenchmarkDurablePut(b *testing.B) {
	body := make([]byte, 4096)
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("bare/writers=%d", writers), func(b *testing.B) {
			dir := b.TempDir()
			parallel(b, writers, func(id, i int) {
				if err := bareDurable(dir, fmt.Sprintf("f%d", id), body); err != nil {
					b.Error(err)
				}
			})
		})
		b.Run(fmt.Sprintf("ifmatch/writers=%d", writers), func(b *testing.B) {
			base, err := fs.OpenRoot(b.TempDir(), fs.RootOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer base.Close()
			f := New(base, Options{})
			defer f.Close()
			parallel(b, writers, func(id, i int) {
				if _, _, err := f.Put(ctx, fmt.Sprintf("/f%d", id), bytes.NewReader(body), PutOptions{}); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// parallel runs do b.N times, spread over so many goroutines.
func parallel(b *testing.B, writers int, do func(id, i int)) {
	var next, id atomic.Int64
	b.SetParallelism(max(1, writers/2))
	b.ResetTimer()
	if writers == 1 {
		for i := range b.N {
			do(0, i)
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		me := int(id.Add(1))
		for pb.Next() {
			do(me, int(next.Add(1)))
		}
	})
}

func bareDurable(dir, name string, body []byte) error {
	tmp := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
