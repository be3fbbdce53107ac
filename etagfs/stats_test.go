package etagfs

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/fs"
)

// Only who finds a latch held is counted, with the time that it waited.
func TestLatchWaitsAreCounted(t *testing.T) {
	ls := latches{Latches: new(Latches)}
	first := ls.hold("/a/b")
	ls.hold("/a/c").release()
	first.release()
	if c := ls.waits.Counts(); c.Count() != 0 {
		t.Fatalf("%d waits where nobody was in the way", c.Count())
	}
	for try := 1; ; try++ {
		h := ls.hold("/a/b")
		var other sync.WaitGroup
		other.Go(func() { ls.hold("/a").release() }) // waits, unless it comes after all is over
		time.Sleep(5 * time.Millisecond)
		h.release()
		other.Wait()
		switch c := ls.waits.Counts(); {
		case c.Count() == 1 && c.Sum > 0:
			return
		case c.Count() > 1 || try == 200:
			t.Fatalf("%d waits of %v", c.Count(), c.Sum)
		}
	}
}

func TestDurationsFallIntoBuckets(t *testing.T) {
	var d fs.Durations
	for _, took := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 10 * time.Second, time.Hour} {
		d.Add(took)
	}
	c := d.Counts()
	if c.Buckets[0] != 2 || c.Buckets[1] != 1 || c.Buckets[10] != 1 || c.Buckets[11] != 1 || c.Count() != 5 {
		t.Errorf("%v", c.Buckets)
	}
}

// A durable PUT of a new file makes its bytes and its name durable; one that is not durable neither.
func TestSyncsAreCounted(t *testing.T) {
	for _, relaxed := range []bool{false, true} {
		base, err := fs.OpenRoot(t.TempDir(), fs.RootOptions{})
		must(t, err)
		defer base.Close()
		f := New(base, Options{Settings: Settings{Relaxed: relaxed, NoNotify: withoutNotify}})
		defer f.Close()
		before := f.Stats().Syncs // of the probe
		put(t, f, "/a", "a")
		after := f.Stats().Syncs
		if n := after.Count() - before.Count(); n != 2 && !relaxed || n != 0 && relaxed {
			t.Errorf("relaxed %v: %d fsyncs", relaxed, n)
		}
		if took := after.Sum - before.Sum; (took > 0) == relaxed {
			t.Errorf("relaxed %v: fsyncs took %v", relaxed, took)
		}
	}
}

// A digest that is known is a hit; one that is not is a miss, and the file is read.
func TestDigestsAreCounted(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true}})
	put(t, f, "/ours", "12345")
	must(t, os.WriteFile(filepath.Join(dir, "theirs"), []byte(strings.Repeat("x", 1000)), 0o600))
	time.Sleep(f.base.Features().Granularity + 5*time.Millisecond) // or the digest cannot be kept
	before := f.Stats()
	for range 3 {
		for _, name := range []string{"/ours", "/theirs"} {
			if info, err := f.Stat(name); err != nil || info.Tag.IsZero() {
				t.Fatal(name, info, err)
			}
		}
	}
	s := f.Stats()
	if hits, misses := s.DigestHits-before.DigestHits, s.DigestMisses-before.DigestMisses; hits != 5 || misses != 1 {
		t.Errorf("%d hits and %d misses, want 5 and 1", hits, misses)
	}
	if files, bytes := s.HashedFiles-before.HashedFiles, s.HashedBytes-before.HashedBytes; files != 1 || bytes != 1000 {
		t.Errorf("%d files of %d bytes hashed, want 1 of 1000", files, bytes)
	}
	if s.Watches == 0 && f.reports.watcher.Load() != nil {
		t.Error("no watch is counted")
	}
	twice := s.Plus(s)
	if twice.DigestHits != 2*s.DigestHits || twice.Watches != 2*s.Watches || twice.Syncs.Sum != 2*s.Syncs.Sum {
		t.Errorf("twice %+v is %+v", s, twice)
	}
	if e := s.Ended(); e.Watches != 0 || e.DigestHits != s.DigestHits {
		t.Errorf("of %+v stays %+v", s, e)
	}
}
