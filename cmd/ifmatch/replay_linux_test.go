//go:build !arm

// go-fuse does not build for 32 bits.

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"ifmatch/fs/fstest/loop"
)

// history is what one editor was acknowledged, and how much the disk had recorded by then.
type history struct {
	*editor
	is    []content
	since []int
}

func (h *history) note(recorded int) {
	h.is, h.since = append(h.is, h.acked), append(h.since, recorded)
}

// possible tells whether the editor's file may hold v when the power is cut after so many records: what was acknowledged
// by then, or what was asked for later.
func (h *history) possible(v content, recorded int) bool {
	last := 0
	for i, since := range h.since {
		if since <= recorded {
			last = i
		}
	}
	return slices.Contains(h.is[last:], v)
}

// The power is cut at any moment of a load: a disk has what it had taken when it was last told to flush, and of what came since
// then it has any part. Every acknowledged write is there, and every file is one whole version.
func TestPowerCutAtAnyMoment(t *testing.T) {
	t.Parallel()
	const sizeBytes, enough, cuts = 64 << 20, 400, 40
	disk, image := loop.Record(t, sizeBytes)
	loop.Run(t, "mkfs.ext4", "-q", image)
	dir := t.TempDir()
	unmount := loop.Mount(t, image, dir)
	p := start(t, nil, "--durability=full", dir)
	began := disk.Now()
	var editors []*history
	var all sync.WaitGroup
	var acknowledged atomic.Int64
	for i := range 4 {
		h := &history{editor: &editor{name: fmt.Sprintf("/f%d", i)}, is: []content{0}, since: []int{0}}
		editors = append(editors, h)
		all.Go(func() {
			err := h.work(p.url, func() {
				h.note(disk.Now())
				if acknowledged.Add(1) == enough {
					p.cmd.Process.Kill()
				}
			})
			if err != nil {
				t.Error(err)
			}
			h.acked = h.asked // perhaps
			h.note(math.MaxInt)
		})
	}
	all.Wait()
	<-p.exit
	ended := disk.Now()
	unmount()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	left := loop.Image(t, sizeBytes)
	for range cuts {
		after := began + random.IntN(ended-began+1)
		disk.Cut(t, left, after, random)
		unmount := loop.Mount(t, left, dir)
		for _, h := range editors {
			switch v, err := h.found(dir); {
			case err != nil:
				t.Errorf("seed %d, cut after %d of %d records: %v", seed, after-began, ended-began, err)
			case !h.possible(v, after):
				t.Errorf("seed %d, cut after %d of %d records: %s holds version %d, which is older than what was acknowledged",
					seed, after-began, ended-began, h.name, v)
			}
		}
		unmount()
	}
}
