//go:build !arm

// go-fuse does not build for 32 bits.

package loop

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Recorded is a disk that remembers what was written to it, in which order, and when it was told to flush. It is a file in a
// file system of its own, and the kernel makes a disk of it. Safe for concurrent use.
type Recorded struct {
	fs.Inode
	sizeBytes int64

	mu      sync.Mutex
	now     []byte     // guarded by mu; what it holds
	records []recorded // guarded by mu
}

// recorded is one write, or a flush: then there are no bytes.
type recorded struct {
	at    int64
	bytes []byte
}

// Record makes a disk of so many bytes, until the test ends; image is the path of it. What is made of it is unmounted before.
func Record(t testing.TB, sizeBytes int64) (disk *Recorded, image string) {
	t.Helper()
	mustBeRoot(t)
	disk = &Recorded{sizeBytes: sizeBytes, now: make([]byte, sizeBytes)}
	dir := t.TempDir()
	// By fusermount, whose descriptor no child of ours inherits: the kernel gives up what waits for this disk when we are killed.
	server, err := fs.Mount(dir, &recordedDir{disk: disk}, &fs.Options{MountOptions: fuse.MountOptions{MaxWrite: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return disk, filepath.Join(dir, "image")
}

// Now is how much it has recorded. What was acknowledged by then must survive when the power is cut at Now or later.
func (d *Recorded) Now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.records)
}

// Cut writes to image what the disk can hold when the power is cut after so many records: all that was written before the last
// flush of them, and of each write since then none or all or some pieces.
func (d *Recorded) Cut(t testing.TB, image string, after int, random *rand.Rand) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	flushed := after
	for flushed > 0 && d.records[flushed-1].bytes != nil {
		flushed--
	}
	file, err := os.Create(image)
	if err == nil {
		defer file.Close()
		err = file.Truncate(d.sizeBytes)
	}
	likely := float64(random.IntN(5)) / 4
	for i, r := range d.records[:after] {
		for at := 0; at < len(r.bytes) && err == nil; at += pieceBytes {
			if i < flushed || random.Float64() < likely {
				_, err = file.WriteAt(r.bytes[at:min(at+pieceBytes, len(r.bytes))], r.at+int64(at))
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pieceBytes are written as a whole or not at all.
const pieceBytes = 4 << 10

func (d *Recorded) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (d *Recorded) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Size, out.Mode = uint64(d.sizeBytes), syscall.S_IFREG|0o600
	return 0
}

func (d *Recorded) Setattr(ctx context.Context, f fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return d.Getattr(ctx, f, out)
}

func (d *Recorded) Read(_ context.Context, _ fs.FileHandle, p []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fuse.ReadResultData(p[:copy(p, d.now[off:])]), 0
}

func (d *Recorded) Write(_ context.Context, _ fs.FileHandle, p []byte, off int64) (uint32, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	copy(d.now[off:], p)
	d.records = append(d.records, recorded{off, append([]byte{}, p...)})
	return uint32(len(p)), 0
}

func (d *Recorded) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records = append(d.records, recorded{})
	return 0
}

// Allocate is not there, so that nothing is discarded unseen.
func (d *Recorded) Allocate(context.Context, fs.FileHandle, uint64, uint64, uint32) syscall.Errno {
	return syscall.ENOTSUP
}

// recordedDir is the directory that holds the image.
type recordedDir struct {
	fs.Inode
	disk *Recorded
}

func (d *recordedDir) OnAdd(ctx context.Context) {
	d.AddChild("image", d.NewPersistentInode(ctx, d.disk, fs.StableAttr{Mode: syscall.S_IFREG}), true)
}
