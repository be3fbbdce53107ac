package etagfs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/afero"

	"ifmatch/fs"
)

// bounded is a tree on disk with a quota of 1000 bytes that has been counted.
func bounded(t *testing.T, o Options) *FS {
	t.Helper()
	base, err := fs.OpenRoot(t.TempDir(), fs.RootOptions{})
	must(t, err)
	o.Relaxed, o.QuotaBytes, o.NoNotify = true, 1000, withoutNotify
	f := New(base, o)
	f.count(ctx)
	t.Cleanup(func() { f.Close(); base.Close() })
	return f
}

// used tells what the quota has counted, and that a new count finds the same.
func used(t *testing.T, f *FS) int64 {
	t.Helper()
	before := f.quota.used
	f.count(ctx)
	if f.quota.used != before || f.quota.reserved != 0 {
		t.Errorf("added up %d, a count finds %d; %d reserved", before, f.quota.used, f.quota.reserved)
	}
	return f.quota.used
}

func xs(n int) string { return strings.Repeat("x", n) }

func TestQuota(t *testing.T) {
	for mode, o := range map[string]Options{"stat": {}, "content": {Settings: Settings{Content: true}}} {
		t.Run(mode, func(t *testing.T) {
			f := bounded(t, o)
			put := func(name string, n int, o PutOptions) error {
				_, _, err := f.Put(ctx, name, strings.NewReader(xs(n)), o)
				return err
			}
			copied := func(src, dst string) error {
				_, _, err := f.Copy(ctx, src, dst, CopyOptions{})
				return err
			}
			mkcol := func(name string) error {
				_, err := f.MakeCollection(ctx, name, time.Time{}, Write{})
				return err
			}
			for i, step := range []struct {
				do   func() error
				full bool
				used int64
			}{
				{func() error { return mkcol("/d") }, false, 0},
				{func() error { return put("/d/a", 400, PutOptions{}) }, false, 400},
				{func() error { return put("/b", 601, PutOptions{}) }, true, 400},
				{func() error { return put("/b", 601, PutOptions{SizeBytes: 601}) }, true, 400},
				{func() error { return put("/b", 1, PutOptions{SizeBytes: math.MaxInt64}) }, true, 400}, // with what is used, more than an int64 holds
				{func() error { return put("/b", 600, PutOptions{SizeBytes: 600}) }, false, 1000},
				{func() error { return put("/none", 0, PutOptions{}) }, false, 1000},
				{func() error { return mkcol("/e") }, true, 1000},
				{func() error { return put("/b", 600, PutOptions{SizeBytes: 600}) }, false, 1000}, // a save of the same size
				{func() error { return put("/b", 601, PutOptions{SizeBytes: 601}) }, true, 1000},
				{func() error { return put("/b", 100, PutOptions{SizeBytes: 600}) }, false, 500},
				{func() error { return copied("/d", "/e") }, false, 900},
				{func() error { return copied("/d", "/g") }, true, 900},
				{func() error { return copied("/d", "/e") }, false, 900}, // over itself
				{func() error { return copied("/b", "/c") }, false, 1000},
				{func() error { return copied("/b", "/e") }, false, 700}, // a file over a collection
				{func() error { _, _, err := f.Move(ctx, "/c", "/d/a", Write2{}); return err }, false, 300},
				{func() error { return f.Remove(ctx, "/d", Write{}) }, false, 200},
			} {
				err := step.do()
				if errors.Is(err, ErrQuota) != step.full || err != nil && !step.full {
					t.Fatalf("step %d: %v", i, err)
				}
				if n := used(t, f); n != step.used {
					t.Fatalf("step %d: %d bytes used, want %d", i, n, step.used)
				}
			}
			names := ""
			f.List("/", func(base string, i *Info) error { names += base + " "; return nil })
			if strings.Contains(names, "g") {
				t.Errorf("what was refused is there: %s", names)
			}
		})
	}
}

// A MOVE can make names that are too long for the system to list. What is there is not given away a second time.
func TestQuotaOfNamesThatAreTooLong(t *testing.T) {
	f := bounded(t, Options{})
	ends := map[string]string{"/a": "", "/b": ""}
	for top := range ends {
		name := top
		for range 14 {
			_, err := f.MakeCollection(ctx, name, time.Time{}, Write{})
			must(t, err)
			ends[top], name = name, name+"/"+xs(250)
		}
		put(t, f, ends[top]+"/f", xs(400))
	}
	if _, _, err := f.Move(ctx, "/a", ends["/b"]+"/a", Write2{}); err != nil {
		t.Fatal(err)
	}
	if n := used(t, f); n != 800 {
		t.Errorf("%d bytes used, want 800", n)
	}
	// What another program removes elsewhere is found all the same.
	put(t, f, "/c", xs(100))
	must(t, f.base.Remove("/c"))
	for range 2 {
		if f.count(ctx); f.quota.used != 800 {
			t.Errorf("%d bytes used, want 800", f.quota.used)
		}
	}
	must(t, f.Remove(ctx, "/b", Write{}))
	if f.count(ctx); f.quota.used != 0 {
		t.Errorf("%d bytes used, want 0", f.quota.used)
	}
}

// A client that has sent all and left waits for a count that is under way, and for none that has ended.
func TestQuotaOfClientThatLeft(t *testing.T) {
	f := bounded(t, Options{})
	ctx, leave := context.WithCancel(ctx)
	leave()
	for range 50 {
		if _, err := f.quota.room(ctx); err != nil {
			t.Fatal(err)
		}
	}
	f.quota.bound(0)
	f.quota.bound(1000)
	if _, err := f.quota.room(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// before reads nothing before fn has returned.
type before struct {
	io.Reader
	fn func()
}

func (b *before) Read(p []byte) (int, error) {
	if b.fn != nil {
		b.fn()
		b.fn = nil
	}
	return b.Reader.Read(p)
}

// A body that cannot fit is not read. One that would have fitted over what was there when it began may not at the step.
func TestQuotaBeforeTheBodyAndAtTheStep(t *testing.T) {
	f := bounded(t, Options{})
	_, _, err := f.Put(ctx, "/a", &before{strings.NewReader(""), func() { t.Error("the body is read") }}, PutOptions{SizeBytes: 1001})
	if !errors.Is(err, ErrQuota) {
		t.Errorf("1001 bytes: %v", err)
	}
	put(t, f, "/a", xs(900))
	_, _, err = f.Put(ctx, "/a", &before{strings.NewReader(xs(900)), func() {
		put(t, f, "/a", xs(10))
		put(t, f, "/b", xs(900))
	}}, PutOptions{SizeBytes: 900})
	if !errors.Is(err, ErrQuota) {
		t.Errorf("900 bytes where only 100 are left by now: %v", err)
	}
	if n := used(t, f); n != 910 {
		t.Errorf("%d bytes used, want 910", n)
	}
}

// Two uploads whose sizes nobody knows do not pass the bound together.
func TestQuotaOfUploadsAtOnce(t *testing.T) {
	f := bounded(t, Options{})
	var all sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for i := range 20 {
		all.Go(func() {
			body := io.MultiReader(strings.NewReader(xs(50)), strings.NewReader(xs(50)), strings.NewReader(xs(50)))
			_, _, err := f.Put(ctx, "/"+string(rune('a'+i)), body, PutOptions{})
			if err != nil && !errors.Is(err, ErrQuota) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				stored++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if n := used(t, f); n > 1000 || n != int64(stored)*150 || stored == 0 {
		t.Errorf("%d uploads of 150 bytes, %d bytes used", stored, n)
	}
}

// What other programs add and remove is found by the next count; links count nothing.
func TestQuotaCountsWhatOthersChange(t *testing.T) {
	dir := t.TempDir()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	f := New(base, Options{Settings: Settings{Relaxed: true, QuotaBytes: 1000, NoNotify: withoutNotify}})
	t.Cleanup(func() { f.Close(); base.Close() })
	waits, stop := context.WithCancel(ctx)
	stop()
	if _, _, err := f.Put(waits, "/a", strings.NewReader("x"), PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("before the first count: %v", err)
	}
	must(t, errors.Join(os.Mkdir(dir+"/d", 0o777), afero.WriteFile(base, "/d/f", []byte(xs(900)), 0o666), os.Symlink("d", dir+"/l")))
	keeping, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { f.KeepCounted(keeping); close(done) }()
	if _, _, err := f.Put(ctx, "/a", strings.NewReader(xs(101)), PutOptions{}); !errors.Is(err, ErrQuota) {
		t.Errorf("with 900 bytes of somebody else: %v", err)
	}
	u, err := f.Usage("/")
	if err != nil || u.UsedBytes != 900 || u.AvailableBytes != 100 {
		t.Errorf("usage: %+v, %v", u, err)
	}
	stop()
	<-done
	if err := base.Remove("/d/f"); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		t.Fatal(err)
	}
	f.count(ctx)
	if _, _, err := f.Put(ctx, "/a", strings.NewReader(xs(1000)), PutOptions{}); err != nil {
		t.Errorf("after it was removed: %v", err)
	}
}

// A count beside writes sees each of them once: what it listed before it happened is added, the rest is not.
func TestQuotaCountBesideWrites(t *testing.T) {
	f := bounded(t, Options{})
	for _, d := range []string{"/1", "/2"} {
		if _, err := f.MakeCollection(ctx, d, time.Time{}, Write{}); err != nil {
			t.Fatal(err)
		}
	}
	q := f.quota
	q.since = map[string]int64{}
	put(t, f, "/1/early", xs(10)) // the list shows it
	sum, _ := f.weigh(ctx, "/", func(dir string) { delete(q.since, dir) })
	put(t, f, "/2/late", xs(20)) // too late for the list
	for _, growth := range q.since {
		sum += growth
	}
	if q.since = nil; sum != 30 {
		t.Errorf("counted %d bytes, want 30", sum)
	}
	if n := used(t, f); n != 30 {
		t.Errorf("%d bytes used", n)
	}
}

// What clients do at once is added up: in the end the sum is what a count finds.
func TestQuotaOfOverlappingWrites(t *testing.T) {
	for which, names := range map[string][]string{
		"ppd":      {"/a"},
		"pppm":     {"/a", "/b"},
		"pppc":     {"/a", "/b"},
		"pppkkdmc": {"/a", "/b", "/a/x", "/b/x", "/a/y", "/b/y"},
	} {
		t.Run(which, func(t *testing.T) {
			f, _ := disk(t, Options{Settings: Settings{QuotaBytes: 1 << 30, Relaxed: true}})
			f.count(ctx)
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					r := rand.New(rand.NewPCG(1, uint64(i)))
					for range 1000 { // most are refused or find nothing, which is as well
						a, b := names[r.IntN(len(names))], names[r.IntN(len(names))]
						switch which[r.IntN(len(which))] {
						case 'p':
							f.Put(ctx, a, strings.NewReader(xs(r.IntN(5000))), PutOptions{})
						case 'd':
							f.Remove(ctx, a, Write{})
						case 'm':
							f.Move(ctx, a, b, Write2{})
						case 'c':
							f.Copy(ctx, a, b, CopyOptions{})
						case 'k':
							f.MakeCollection(ctx, a, time.Time{}, Write{})
						}
					}
				})
			}
			all.Wait()
			used(t, f)
		})
	}
}
