package etagfs

import "ifmatch/fs"

// Stats is what an FS did since it was made, and what it holds now, for whoever watches a server. Reading it
// costs the requests nothing.
type Stats struct {
	fs.Stats
	LatchWaits fs.DurationCounts // of operations that found a latch held

	// With content tags: whether a digest was known where a tag was asked for, and what was read to find others.
	DigestHits, DigestMisses uint64
	HashedFiles, HashedBytes uint64

	Events, Overflows uint64 // reports of changes by other programs; how often some were lost

	// What it holds now.
	HashBacklog, HashPasses, Watches int
}

// Stats is safe for concurrent use, also after Close.
func (f *FS) Stats() Stats {
	s := Stats{Stats: f.base.Stats(), LatchWaits: f.latch.waits.Counts(), HashBacklog: f.Backlog()}
	if c := f.hashes.Load(); c != nil {
		s.DigestHits, s.DigestMisses = c.hits.Load(), c.misses.Load()
		s.HashPasses = int(c.passing.Load())
		s.HashedFiles, s.HashedBytes = c.hashedFiles.Load(), c.hashedBytes.Load()
	}
	w := f.reports.stats()
	s.Events, s.Overflows, s.Watches = w.Events, w.Losses, w.Watches
	return s
}

// Plus is the sum of both.
func (s Stats) Plus(o Stats) Stats {
	s.Syncs, s.LatchWaits = s.Syncs.Plus(o.Syncs), s.LatchWaits.Plus(o.LatchWaits)
	s.DigestHits += o.DigestHits
	s.DigestMisses += o.DigestMisses
	s.HashedFiles += o.HashedFiles
	s.HashedBytes += o.HashedBytes
	s.Events += o.Events
	s.Overflows += o.Overflows
	s.HashBacklog += o.HashBacklog
	s.HashPasses += o.HashPasses
	s.Watches += o.Watches
	return s
}

// Ended is what stays counted of an FS that was closed.
func (s Stats) Ended() Stats {
	s.HashBacklog, s.HashPasses, s.Watches = 0, 0, 0
	return s
}
