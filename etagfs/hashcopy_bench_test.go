package etagfs_test

import (
	"context"
	"crypto/sha256"
	"io"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// repeated is a body of n bytes, as fast as memory.
type repeated struct {
	piece []byte
	n     int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	k := copy(p[:min(int64(len(p)), r.n)], r.piece)
	r.n -= int64(k)
	return k, nil
}

// BenchmarkHashedPut compares a large PUT with content tags to hashing alone and to a PUT with stat tags: it takes
// little more than the slower of the two, given two cores for it.
func BenchmarkHashedPut(b *testing.B) {
	const size = 1 << 30
	piece := make([]byte, 256<<10)
	for i := range piece {
		piece[i] = byte(i * 7)
	}
	body := func() io.Reader { return &repeated{piece, size} }
	b.Run("hash", func(b *testing.B) {
		b.SetBytes(size)
		buf := make([]byte, len(piece))
		for b.Loop() {
			io.CopyBuffer(struct{ io.Writer }{sha256.New()}, body(), buf)
		}
	})
	for name, content := range map[string]bool{"stat": false, "content": true} {
		b.Run(name, func(b *testing.B) {
			base, err := fs.OpenRoot(b.TempDir(), fs.RootOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer base.Close()
			tree := etagfs.New(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true, Content: content}})
			defer tree.Close()
			b.SetBytes(size)
			for b.Loop() {
				if _, _, err := tree.Put(context.Background(), "/f", body(), etagfs.PutOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
