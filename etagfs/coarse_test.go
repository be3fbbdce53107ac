package etagfs

import (
	"crypto/sha256"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ifmatch/fs"
)

// identity is the state of one file that another program wrote at t, as a coarse clock shows it.
func identity(granularity time.Duration, t time.Time) *fs.Info {
	ns := t.Truncate(granularity).UnixNano()
	return &fs.Info{Identity: fs.Identity{Dev: 1, Ino: 7, SizeBytes: 3, Mtime: ns, Ctime: ns}}
}

// All of an identity is in its tag, and no two are written alike.
func TestStatTagTellsIdentitiesApart(t *testing.T) {
	of := make(map[string]fs.Identity)
	for n := range 4 * 4 * 4 * 4 * 4 {
		digit := func() (v int64) {
			v = []int64{0, 1, 200, 1 << 40}[n%4] // in one byte, two and six
			n /= 4
			return v
		}
		id := fs.Identity{Dev: uint64(digit()), Ino: uint64(digit()), SizeBytes: digit(), Mtime: digit(), Ctime: digit()}
		tag := statTag(id, nil)
		if other, taken := of[tag]; taken {
			t.Fatalf("%s is that of %v and %v", tag, other, id)
		}
		of[tag] = id
	}
}

// Two writes of the same size by another program within one step of the clock, or a file removed and another
// made with the same inode: their states look alike, so the tag is weak until the clock has moved on.
func TestYoungTagIsWeakUntilTheClockHasMovedOn(t *testing.T) {
	for _, granularity := range []time.Duration{time.Nanosecond, 4 * time.Millisecond, time.Second, 2 * time.Second} {
		t.Run(granularity.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := New(fs.NewMemoryCoarse(granularity), Options{Settings: Settings{NoNotify: true}})
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
	f := New(fs.NewMemoryCoarse(4*time.Millisecond), Options{Settings: Settings{NoNotify: true}, Now: func() time.Time { return now }})
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

// Where the times of a file system have come to their end, as those of 32 bits do in 2038, no change moves them: two contents look
// alike for ever. So it is on FAT, whose times begin with 1980, while the clock of a machine is not set.
func TestTimesBeyondWhatAFileSystemKeeps(t *testing.T) {
	last := time.Unix(1<<31-1, 0)
	for _, tt := range []struct {
		now, ctime time.Time
		weak       bool
	}{
		{last.AddDate(1, 0, 0), last, true},
		{last.AddDate(1, 0, 0), last.Add(-time.Second), false},
		{time.Unix(86400, 0), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), false}, // dated ahead
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-9223372035, 0), false},                   // as fs shows the time zero of Go
		{time.Unix(86400, 0), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		for _, granularity := range []time.Duration{time.Nanosecond, 2 * time.Second} {
			f := New(fs.NewMemoryCoarse(granularity), Options{Settings: Settings{NoNotify: true}, Now: func() time.Time { return tt.now }})
			tag, weak := f.tags.tag(identity(1, tt.ctime), nil), tt.weak && (granularity > 1 || tt.ctime == last)
			if tag.Weak != weak {
				t.Errorf("in %v, changed in %v, steps of %v: %s", tt.now, tt.ctime, granularity, tag)
			}
		}
	}
}

// A commit that gets the last time of a file system is as unsure as any other state with it, also where each change had a time of
// its own before.
func TestCommitAtTheEndOfTimes(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{NoNotify: true}})
	now := identity(1, time.Unix(1<<31-1, 0))
	if info := f.committed("/f", now, nil); !info.Tag.Weak {
		t.Errorf("strong: %s", info.Tag)
	}
}

// Our own commits are strong at once, on any clock: each is stamped with an mtime of its own.
func TestOwnCommitIsStrongAtOnce(t *testing.T) {
	for _, granularity := range []time.Duration{4 * time.Millisecond, time.Second, 2 * time.Second} {
		f := New(fs.NewMemoryCoarse(granularity), Options{Settings: Settings{NoNotify: true}})
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

// seconds runs a test on a tree whose clock has steps of a second, in the middle of one.
func seconds(t *testing.T, test func(t *testing.T, f *FS)) {
	for kind, set := range map[string]Settings{"stat": {NoNotify: true}, "content": {NoNotify: true, Content: true}} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(300 * time.Millisecond)
				f := New(fs.NewMemoryCoarse(time.Second), Options{Settings: set})
				defer f.Close()
				test(t, f)
			})
		})
	}
}

func putDated(t *testing.T, f *FS, name, body string, modTime time.Time) *Info {
	t.Helper()
	info, _, err := f.Put(ctx, name, strings.NewReader(body), PutOptions{ModTime: modTime})
	must(t, err)
	return info
}

// beside is another program that writes in place.
func beside(t *testing.T, f *FS, name, body string) {
	t.Helper()
	file, err := f.base.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	must(t, err)
	_, err = file.WriteString(body)
	must(t, err)
	must(t, file.Close())
}

func tagNow(t *testing.T, f *FS, name string) ETag {
	t.Helper()
	info, err := f.Stat(name)
	must(t, err)
	return info.Tag
}

// Saves of one size within a second, all dated alike by their client: where seconds are all that is stored, their
// states look the same. None of them may have a strong tag that stands for another; the last has one when the second is over.
func TestSavesDatedAlikeWithinASecond(t *testing.T) {
	seconds(t, func(t *testing.T, f *FS) {
		seen := datedAlike(t, f, "/f")
		time.Sleep(3 * time.Second)
		if tag := tagNow(t, f, "/f"); !strong(tag) || seen[tag] != "" && seen[tag] != "b2" {
			t.Errorf("in the end it has the tag %s, as %q had", tag, seen[tag])
		}
	})
}

// datedAlike saves one version after the other, and returns the tags that they had.
func datedAlike(t *testing.T, f *FS, name string) map[ETag]string {
	t.Helper()
	chosen := time.Unix(1_700_000_000, 0)
	seen := map[ETag]string{}
	for _, body := range []string{"v0", "b1", "b2"} {
		info := putDated(t, f, name, body, chosen)
		if old, ok := seen[info.Tag]; ok || info.Tag.IsZero() {
			t.Errorf("%q has the tag %q, as %q had", body, info.Tag, old)
		}
		if got, now := read(t, f, name); strong(now.Tag) && seen[now.Tag] != "" {
			t.Errorf("%q is read with the tag of %q", got, seen[now.Tag])
		}
		seen[info.Tag] = body
		if info.Mtime/1e9 != chosen.Unix() {
			t.Errorf("dated %v", info.ModTime())
		}
	}
	return seen
}

// A save or a PROPPATCH dates a file to this very second, and then another program writes in place.
func TestDatedNowAndWrittenBesideWithinASecond(t *testing.T) {
	for way, date := range map[string]func(t *testing.T, f *FS) *Info{
		"PUT": func(t *testing.T, f *FS) *Info { return putDated(t, f, "/f", "ours", time.Now()) },
		"PROPPATCH": func(t *testing.T, f *FS) *Info {
			put(t, f, "/f", "ours")
			info, err := f.Update(ctx, "/f", time.Now(), Write{})
			must(t, err)
			return info
		},
	} {
		t.Run(way, func(t *testing.T) {
			seconds(t, func(t *testing.T, f *FS) {
				before := []ETag{date(t, f).Tag, tagNow(t, f, "/f")}
				beside(t, f, "/f", "them")
				for range 2 {
					body, now := read(t, f, "/f")
					if body != "them" || slices.Contains(before, now.Tag) {
						t.Errorf("%q has the tag %s, as what was there before had", body, now.Tag)
					}
					time.Sleep(3 * time.Second)
				}
			})
		})
	}
}

// Another program has written a moment ago and may write again within the second: to move the file makes its state no surer.
func TestMoveOfAYoungFile(t *testing.T) {
	seconds(t, func(t *testing.T, f *FS) {
		beside(t, f, "/a", "AAAA")
		moved, _, err := f.Move(ctx, "/a", "/b", Write2{})
		must(t, err)
		before := []ETag{moved.Tag, tagNow(t, f, "/b")}
		beside(t, f, "/b", "BBBB")
		if _, now := read(t, f, "/b"); strong(now.Tag) && slices.Contains(before, now.Tag) {
			t.Errorf("the tag %s stood for what was there before", now.Tag)
		}
		time.Sleep(3 * time.Second)
		if tag := tagNow(t, f, "/b"); !strong(tag) || slices.Contains(before, tag) {
			t.Errorf("in the end: %s", tag)
		}
	})
}

// What was sure before a MOVE has a strong tag after it, at once.
func TestMoveOfASureFile(t *testing.T) {
	seconds(t, func(t *testing.T, f *FS) {
		put(t, f, "/ours", "x")
		beside(t, f, "/old", "x")
		time.Sleep(3 * time.Second)
		tagNow(t, f, "/old")
		put(t, f, "/new", "x")
		for _, src := range []string{"/ours", "/old", "/new"} {
			moved, _, err := f.Move(ctx, src, "/b", Write2{})
			must(t, err)
			if now := tagNow(t, f, "/b"); !strong(moved.Tag) || now != moved.Tag {
				t.Errorf("%s: the move says %s, and the next look %s", src, moved.Tag, now)
			}
		}
	})
}

// With content tags a young state has the tag of its bytes, but the digest is not kept: another write could
// have the same times.
func TestYoungDigestIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const granularity = 2 * time.Second
		f := New(fs.NewMemoryCoarse(granularity), Options{Settings: Settings{NoNotify: true, Content: true}})
		state := identity(granularity, time.Now())
		begin := f.content.begin("/f")
		if begin.end(state.Identity, Digest{1}, true) {
			t.Error("the digest of a young state was kept")
		}
		f.tags.committed(state.Identity) // then no other write can have the same times
		begin = f.content.begin("/f")
		if !begin.end(state.Identity, Digest{1}, true) {
			t.Error("the digest of a young state of our own was not kept")
		}
		time.Sleep(2*granularity + 1)
		begin = f.content.begin("/f")
		if !begin.end(state.Identity, Digest{1}, true) {
			t.Error("the digest of an old state was not kept")
		}
	})
}

// A large file is read for hours, in a directory where another program makes a name a millisecond.
func TestReportsOfOtherFilesWhileReadingTakeNoMemory(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{NoNotify: true, Content: true}})
	state := identity(time.Nanosecond, time.Unix(1, 0))
	reading := f.content.begin("/d/f")
	other := *state
	names := make([]string, 20_000)
	for i := range names {
		names[i] = "/d/" + strconv.Itoa(i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, name := range names {
		other.Ino++
		f.content.changed(name, &other)
		f.content.changed(name, nil)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 100_000 {
		t.Errorf("%d bytes for %d names", n, len(names))
	}
	reading.end(state.Identity, Digest{1}, false)
}

// Reports reach each of those who read in one directory, also when others begin and end there meanwhile.
func TestReportsWhileOthersReadInTheDirectory(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{NoNotify: true, Content: true}})
	state := identity(time.Nanosecond, time.Unix(1, 0))
	a, b := f.content.begin("/d/a"), f.content.begin("/d/b")
	f.content.begin("/d/c").end(state.Identity, Digest{1}, false)
	f.content.changed("/d/a", nil)
	f.content.changed("/d/b", nil)
	for _, reading := range []*ticket{a, b} {
		if reading.end(state.Identity, Digest{1}, true) {
			t.Errorf("%s: kept although a report of it came", reading.name)
		}
	}
	if n := len(f.content.readers); n != 0 {
		t.Errorf("%d directories in which nobody reads are remembered", n)
	}
}

// A report that comes while the bytes are read keeps their digest out of the cache.
func TestReportWhileReadingKeepsTheDigestOut(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{NoNotify: true, Content: true}})
	state := identity(time.Nanosecond, time.Unix(1, 0))
	for _, name := range []string{"/d/f", "/d/another name of it"} {
		begin := f.content.begin("/d/f")
		begin.opened(state.Identity)
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
	begin.opened(state.Identity)
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

// late is a tree whose clock ticks late.
type late struct {
	fs.FS
	now *time.Time
}

func (l late) Now() time.Time { return *l.now }

// The clock that the file system stamps with ticks late: what another program writes now gets the times of long ago, and
// those of its next write may be the same.
func TestYoungUntilTheClockOfTheFileSystemHasMovedOn(t *testing.T) {
	const step = 4 * time.Millisecond
	tick := time.Now().Truncate(step)
	f := New(late{fs.NewMemoryCoarse(step), &tick}, Options{Settings: Settings{NoNotify: true}})
	state := identity(step, tick.Add(-time.Hour))
	if tag := f.tags.tag(state, nil); !strong(tag) {
		t.Errorf("of an hour ago: %s", tag)
	}
	tick = tick.Add(-time.Hour)
	if tag := f.tags.tag(state, nil); strong(tag) {
		t.Errorf("strong although the clock stands: %s", tag)
	}
	tick = tick.Add(2 * step)
	if tag := f.tags.tag(state, nil); !strong(tag) {
		t.Errorf("the clock has moved on: %s", tag)
	}
}

// With content tags another program writes twice within a second, and who opened the file in between reads the bytes of the
// second time.
func TestOpenOfYoungBytes(t *testing.T) {
	for name, limit := range map[string]int64{"small": 0, "above the limit": 1} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(300 * time.Millisecond)
			f := New(fs.NewMemoryCoarse(time.Second), Options{Settings: Settings{NoNotify: true, Content: true, HashLimitBytes: limit}})
			defer f.Close()
			beside(t, f, "/f", "AAAA")
			file, err := f.Open("/f")
			must(t, err)
			if tag := file.State().Tag; strong(tag) || file.State().Digest != nil {
				t.Errorf("%s: %s although the bytes may change and the state may not", name, tag)
			}
			beside(t, f, "/f", "BBBB")
			if now, err := file.Again(); err != nil || now.Identity != file.State().Identity {
				t.Errorf("%s: this tests nothing: %+v, %v", name, now, err)
			}
			must(t, file.Close())
			time.Sleep(3 * time.Second)
			file, err = f.OpenTagged(ctx, "/f")
			must(t, err)
			defer file.Close()
			if tag := file.State().Tag; tag != hashTag(sha256.Sum256([]byte("BBBB"))) {
				t.Errorf("%s: in the end %s", name, tag)
			}
		})
	}
}

// On FUSE and networks a commit is young for two seconds, so thousands of them are at a time.
func TestManyYoungCommitsCostNoMoreEach(t *testing.T) {
	const commits = 10000
	looks := 0
	start := time.Now()
	now := start
	s := &statTagger{granularity: func(uint64) time.Duration { return 2 * time.Second }, now: func() time.Time { looks++; return now }}
	id := func(n int) fs.Identity { return fs.Identity{Dev: 1, Ino: uint64(n), Ctime: start.UnixNano()} }
	for n := range commits {
		s.committed(id(n))
	}
	for n := range commits {
		if !s.mine(id(n)) {
			t.Fatalf("commit %d is forgotten, though it is young", n)
		}
	}
	if looks > 4*commits {
		t.Errorf("%d commits looked %d times whether one is young", commits, looks)
	}
	now = now.Add(time.Minute)
	for n := range 2 * commits {
		s.committed(id(commits + n)) // whatever is noted now is old at once
	}
	if len(s.own) > commits {
		t.Errorf("%d are kept", len(s.own))
	}
}

// Who depends on a digest waits until the clock has moved on since the last change, and no longer: the clock of a network file
// system may be behind ours by an hour.
func TestWaitForAYoungFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(fs.NewMemoryCoarse(time.Hour), Options{Settings: Settings{NoNotify: true, Content: true}})
		defer f.Close()
		beside(t, f, "/f", "them")
		time.Sleep(59 * time.Minute)
		began := time.Now()
		info, _, err := f.Put(ctx, "/f", strings.NewReader("ours"), PutOptions{Write: Write{Tags: true, Check: func(*Info) error { return nil }}})
		must(t, err)
		if waited := time.Since(began); waited > 2*time.Minute {
			t.Errorf("waited for %v, now %s", waited, info.Tag)
		}
	})
}
