package etagfs

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ifmatch/fs"
)

var errStale = errors.New("another state")

// Writers that came with different settings, while those of the tree change, lose no edit of each other.
func TestSettingsChangeUnderWriters(t *testing.T) {
	f, _ := disk(t, Options{})
	put(t, f, "/n", "0")
	during, stop := context.WithCancel(ctx)
	var beside, all sync.WaitGroup
	beside.Go(func() { f.KeepCounted(during) })
	beside.Go(func() {
		for i := 0; during.Err() == nil; i++ {
			f.Use(Settings{NoNotify: withoutNotify || i%2 == 0, QuotaBytes: int64(i % 3 * 1000)})
			time.Sleep(time.Millisecond)
		}
	})
	const writers, times = 6, 40
	for i := range writers {
		all.Go(func() {
			for n := 0; n < times; {
				with := f.With(Settings{Content: rand.N(2) == 0, Relaxed: (i+n)%2 == 0})
				err := increment(with, "/n")
				switch {
				case err == nil:
					n++
				case !errors.Is(err, errStale) && !errors.Is(err, fs.ErrBusy):
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	stop()
	beside.Wait()
	if text, _ := read(t, f, "/n"); text != strconv.Itoa(writers*times) {
		t.Errorf("%s, want %d", text, writers*times)
	}
}

// increment is GET, and PUT with If-Match. Error: errStale when somebody was faster.
func increment(f *FS, name string) error {
	file, err := f.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	was := file.State().Tag
	same := func(now *Info) error {
		if now == nil || was.IsZero() || was.Weak || now.Tag != was {
			return errStale
		}
		return nil
	}
	_, _, err = f.Put(ctx, name, strings.NewReader(strconv.Itoa(n+1)), PutOptions{Write: Write{Check: same, Exact: true, Tags: true}})
	return err
}

// Each FS of a tree has the tags that it was asked for, of the same files.
func TestTagsOfEachSetting(t *testing.T) {
	f, _ := disk(t, Options{})
	stat := put(t, f, "/a", "a").Tag
	by := f.With(Settings{Content: true, Relaxed: true})
	if !by.SameTree(f) {
		t.Error("another tree")
	}
	if info := put(t, by, "/b", "a"); info.Tag.Opaque[0] != 'h' {
		t.Errorf("put: %+v", info.Tag)
	}
	for name := range map[string]bool{"/a": true, "/b": true} {
		if info, err := by.Stat(name); err != nil || info.Tag != hashTag(*info.Digest) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		if info, err := f.Stat(name); err != nil || info.Tag.Opaque[0] != 's' {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	if info, err := f.Stat("/a"); err != nil || info.Tag != stat {
		t.Errorf("%+v, %v", info, err)
	}
	// A COPY finds that it is the same tree, and latches both ends at once.
	if _, _, err := by.Copy(ctx, "/a", "/b", CopyOptions{From: f}); err != nil {
		t.Error(err)
	}
}

func TestHashLimit(t *testing.T) {
	f, _ := disk(t, Options{})
	for limit, over := range map[int64]int64{1: 2, 0: 256<<20 + 1, -1: 0} {
		by := f.With(Settings{Content: true, HashLimitBytes: limit})
		for _, sizeBytes := range []int64{1, 2, 256 << 20, 256<<20 + 1, 1 << 50} {
			want := over > 0 && sizeBytes >= over
			if got := by.tooLarge(&Info{Info: fs.Info{Identity: fs.Identity{SizeBytes: sizeBytes}}}); got != want {
				t.Errorf("limit %d: %d bytes are too large: %v", limit, sizeBytes, got)
			}
		}
	}
}

// A bound that comes is one for what begins afterwards; what was under way is counted, and what waits for
// a count goes on when the bound goes.
func TestBoundComesAndGoes(t *testing.T) {
	f, dir := disk(t, Options{})
	during, stop := context.WithCancel(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() { f.KeepCounted(during) })
	defer func() { stop(); keeper.Wait() }()

	r, w := io.Pipe()
	slow := make(chan error, 1)
	go func() {
		_, _, err := f.Put(ctx, "/slow", r, PutOptions{})
		slow <- err
	}()
	io.WriteString(w, xs(600))
	write := func(name string, n int) error {
		_, _, err := f.Put(ctx, name, strings.NewReader(xs(n)), PutOptions{})
		return err
	}
	f.Use(Settings{NoNotify: withoutNotify, QuotaBytes: 1000})
	if err := write("/a", 500); err != nil {
		t.Error(err)
	}
	io.WriteString(w, xs(600))
	w.Close()
	if err := <-slow; err != nil {
		t.Errorf("what began before: %v", err)
	}
	if err := write("/b", 1); !errors.Is(err, ErrQuota) {
		t.Errorf("with 1700 of 1000 bytes: %v", err)
	}
	f.Use(Settings{NoNotify: withoutNotify, QuotaBytes: 1701})
	if err := write("/b", 1); err != nil {
		t.Errorf("with 1700 of 1701 bytes: %v", err)
	}
	f.Use(Settings{NoNotify: withoutNotify})
	if err := write("/c", 5000); err != nil {
		t.Errorf("without a bound: %v", err)
	}
	if u, err := f.Usage("/"); err != nil || u.AvailableBytes < 1<<20 {
		t.Errorf("without a bound: %+v %v", u, err)
	}
	must(t, os.Remove(filepath.Join(dir, "slow")))
	f.Use(Settings{NoNotify: withoutNotify, QuotaBytes: 6000})
	if err := write("/d", 500); !errors.Is(err, ErrQuota) {
		t.Errorf("with 5501 of 6000 bytes: %v", err)
	}
	if err := write("/d", 499); err != nil {
		t.Errorf("with 5501 of 6000 bytes: %v", err)
	}
}

// counted is a tree that tells how often it is counted.
type counted struct {
	fs.FS
	times *atomic.Int32
}

func (c counted) List(name string, fn func(string, *fs.Info) error) error {
	c.times.Add(1)
	return c.FS.List(name, fn)
}

// A tree that has a bound from the start is counted once at the start, however large it is.
func TestBoundIsCountedOnce(t *testing.T) {
	base := counted{fs.NewMemory(), new(atomic.Int32)}
	f := New(base, Options{Settings: Settings{QuotaBytes: 1000}})
	during, stop := context.WithCancel(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() { f.KeepCounted(during) })
	put(t, f, "/a", "x") // it waits for the count
	time.Sleep(10 * time.Millisecond)
	stop()
	keeper.Wait()
	if n := base.times.Load(); n != 1 {
		t.Errorf("%d times", n)
	}
}

// Who waits for the first count goes on when there is no bound any more.
func TestBoundGoesBeforeTheCount(t *testing.T) {
	f, _ := disk(t, Options{Settings: Settings{QuotaBytes: 1}})
	done := make(chan error, 1)
	go func() {
		_, _, err := f.Put(ctx, "/a", strings.NewReader(xs(10)), PutOptions{})
		done <- err
	}()
	time.Sleep(10 * time.Millisecond) // it mostly waits by now
	f.Use(Settings{NoNotify: withoutNotify})
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A file that is read while its reports end must not keep a digest of bytes that have changed since.
func TestReportsEndWhileAFileIsRead(t *testing.T) {
	f, _ := disk(t, Options{Settings: Settings{Content: true}})
	f.Use(Settings{}) // with reports, also where the other tests run without
	f.Follow("/")
	put(t, f, "/f", "one")
	var events uint64
	for until := time.Now().Add(time.Minute); events == 0 && time.Now().Before(until); time.Sleep(time.Millisecond) {
		events = f.Stats().Events
	}
	if events == 0 {
		t.Fatal("nothing was reported")
	}
	info, err := f.base.Lookup("/f")
	must(t, err)
	reading := f.content.begin("/f")
	f.Use(Settings{NoNotify: true})
	if reading.end(info.Identity, Digest{1}, true) {
		t.Error("it is kept")
	}
	if s := f.Stats(); s.Watches != 0 {
		t.Errorf("%d watches", s.Watches)
	}
	f.Use(Settings{})
	f.Follow("/")
	if s := f.Stats(); s.Watches == 0 || s.Events < events {
		t.Errorf("%d watches, %d events after %d", s.Watches, s.Events, events)
	}
	f.Close()
	f.Use(Settings{NoNotify: true})
	f.Use(Settings{})
	if f.Follow("/"); f.Stats().Watches != 0 {
		t.Error("it is watched although it was closed")
	}
}
