package etagfs

import (
	"testing"
	"testing/synctest"
	"time"

	"ifmatch/fs"
)

// coarse is a tree in memory whose clock is as coarse as that of real file systems: times are cut to steps of
// granularity, and an inode is used again as soon as it is free.
type coarse struct {
	fs.FS
	granularity time.Duration
}

func (c coarse) Granularity(uint64) time.Duration { return c.granularity }

// identity is the state of one file that another program wrote at t, as a coarse clock shows it.
func identity(granularity time.Duration, t time.Time) *fs.Info {
	ns := t.Truncate(granularity).UnixNano()
	return &fs.Info{Identity: fs.Identity{Dev: 1, Ino: 7, SizeBytes: 3, Mtime: ns, Ctime: ns}}
}

// Two writes of the same size by another program within one step of the clock, or a file removed and another
// made with the same inode: their states look alike, so the tag is weak until the clock has moved on.
func TestYoungTagIsWeakUntilTheClockHasMovedOn(t *testing.T) {
	for _, granularity := range []time.Duration{time.Nanosecond, 4 * time.Millisecond, time.Second, 2 * time.Second} {
		t.Run(granularity.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := New(coarse{fs.NewMemory(), granularity}, Options{Settings: Settings{NoNotify: true}})
				seen := map[string]int{} // strong tags, by the write they stood for
				for write := range 200 {
					state := identity(granularity, time.Now())
					tag := f.tags.tag(state, nil)
					if old, ok := seen[tag.Opaque]; ok && !tag.Weak && old != write {
						t.Fatalf("the strong tag %s stood for write %d and now for write %d", tag, old, write)
					}
					if !tag.Weak {
						seen[tag.Opaque] = write
					}
					if granularity > time.Nanosecond && !tag.Weak {
						t.Fatalf("write %d: strong at once", write)
					}
					time.Sleep(granularity/3 + 1)
				}
				state := identity(granularity, time.Now())
				time.Sleep(2*granularity + 1)
				if tag := f.tags.tag(state, nil); tag.Weak {
					t.Errorf("still weak after the clock has moved on: %s", tag)
				}
			})
		})
	}
}

// A file that is dated ahead is young for no longer than any other, since a change moves its ctime. Where there is no ctime
// but the mtime, a date that our own stamps may have run ahead to can come again when its time comes; one later than that
// would leave the file without a strong tag for years.
func TestFileDatedAheadIsNotYoungUntilThen(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	f := New(coarse{fs.NewMemory(), 4 * time.Millisecond}, Options{Settings: Settings{NoNotify: true}, Now: func() time.Time { return now }})
	for _, tt := range []struct {
		mtime, ctime time.Duration // from now
		weak         bool
	}{
		{time.Second, -4 * time.Millisecond, true},
		{time.Second, -5 * time.Millisecond, false},
		{10 * 365 * 24 * time.Hour, -5 * time.Millisecond, false},
		{time.Hour, time.Hour, true},
		{10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour, false},
	} {
		state := identity(1, now)
		state.Mtime, state.Ctime = now.Add(tt.mtime).UnixNano(), now.Add(tt.ctime).UnixNano()
		if tag := f.tags.tag(state, nil); tag.Weak != tt.weak {
			t.Errorf("mtime in %v, ctime in %v: %s", tt.mtime, tt.ctime, tag)
		}
	}
}

// Our own commits are strong at once, on any clock: each is stamped with an mtime of its own.
func TestOwnCommitIsStrongAtOnce(t *testing.T) {
	for _, granularity := range []time.Duration{4 * time.Millisecond, time.Second, 2 * time.Second} {
		f := New(coarse{fs.NewMemory(), granularity}, Options{Settings: Settings{NoNotify: true}})
		seen := map[string]bool{}
		for range 500 {
			info := put(t, f, "/f", "abc")
			if info.Tag.Weak {
				t.Fatalf("%s: weak after our own commit: %s", granularity, info.Tag)
			}
			if seen[info.Tag.Opaque] {
				t.Fatalf("%s: the tag %s stood for two commits", granularity, info.Tag)
			}
			seen[info.Tag.Opaque] = true
		}
	}
}

// With content tags a young state has the tag of its bytes, but the digest is not kept: another write could
// have the same times.
func TestYoungDigestIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const granularity = 2 * time.Second
		f := New(coarse{fs.NewMemory(), granularity}, Options{Settings: Settings{NoNotify: true, Content: true}})
		state := identity(granularity, time.Now())
		begin := f.content.begin("/f")
		if begin.end(state.Identity, Digest{1}, true) {
			t.Error("the digest of a young state was kept")
		}
		time.Sleep(2*granularity + 1)
		begin = f.content.begin("/f")
		if !begin.end(state.Identity, Digest{1}, true) {
			t.Error("the digest of an old state was not kept")
		}
	})
}

// A report that comes while the bytes are read keeps their digest out of the cache.
func TestReportWhileReadingKeepsTheDigestOut(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{NoNotify: true, Content: true}})
	state := identity(time.Nanosecond, time.Unix(1, 0))
	for _, name := range []string{"/d/f", "/d/another name of it"} {
		begin := f.content.begin("/d/f")
		f.content.changed(name, state)
		if begin.end(state.Identity, Digest{1}, true) {
			t.Errorf("kept although a report of %s came", name)
		}
	}
	begin := f.content.begin("/d/f")
	f.content.changed("/d/f", nil)
	if begin.end(state.Identity, Digest{1}, true) {
		t.Error("kept although it was gone for a moment")
	}
	begin = f.content.begin("/d/f")
	f.content.forgetAll()
	if begin.end(state.Identity, Digest{1}, true) {
		t.Error("kept although reports were lost")
	}
	other := *state
	other.Ino++
	begin = f.content.begin("/d/f")
	f.content.changed("/d/g", &other)
	if !begin.end(state.Identity, Digest{1}, true) {
		t.Error("not kept although nothing happened to it")
	}
	f.content.changed("/d/f", state) // the echo of what is known
	if _, ok := f.content.get(state.Identity); !ok {
		t.Error("the echo of a known change dropped the digest")
	}
	newer := *state
	newer.Mtime++
	f.content.changed("/d/f", &newer)
	if _, ok := f.content.get(state.Identity); ok {
		t.Error("a report of a change left the digest")
	}
}
