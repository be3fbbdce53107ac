package etagfs

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ifmatch/fs"
)

func disk(t *testing.T, o Options) (*FS, string) {
	t.Helper()
	dir := t.TempDir()
	return diskAt(t, dir, o), dir
}

func diskAt(t *testing.T, dir string, o Options) *FS {
	t.Helper()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	o.Relaxed, o.NoNotify = true, o.NoNotify || withoutNotify
	f := New(base, o)
	t.Cleanup(func() { f.Close(); base.Close() })
	return f
}

func TestContentTagFollowsTheBytes(t *testing.T) {
	for _, notify := range []bool{true, false} {
		f, dir := disk(t, Options{Settings: Settings{Content: true, NoNotify: !notify}})
		before := put(t, f, "/f", "same")
		path := filepath.Join(dir, "f")
		tag := func() ETag {
			t.Helper()
			info, err := f.Stat("/f")
			must(t, err)
			return info.Tag
		}
		for what, do := range map[string]func() error{
			"chmod":      func() error { return os.Chmod(path, 0o600) },
			"touch":      func() error { return os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)) },
			"same bytes": func() error { return os.WriteFile(path, []byte("same"), 0o600) },
			"rename":     func() error { os.Rename(path, path+"2"); return os.Rename(path+"2", path) },
		} {
			must(t, do())
			if got := tag(); got != before.Tag {
				t.Errorf("after %s the tag is %s, was %s", what, got, before.Tag)
			}
		}
		must(t, os.WriteFile(path, []byte("diff"), 0o600))
		if got := tag(); got == before.Tag || got.IsZero() {
			t.Errorf("other bytes of the same size have the tag %s", got)
		}
	}
}

func TestContentListingNeverHashes(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true}})
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600))
	listed := func() (tag ETag) {
		f.List("/", func(_ string, i *Info) error { tag = i.Tag; return nil })
		return tag
	}
	if got := listed(); !got.IsZero() {
		t.Errorf("listed with %s before it was hashed", got)
	}
	if f.Backlog() != 1 {
		t.Errorf("backlog %d, want 1", f.Backlog())
	}
	p, err := f.HashAll(ctx, HashOptions{})
	if err != nil || p.Files != 1 || p.Bytes != 1 {
		t.Errorf("hashed %+v, %v", p, err)
	}
	if got := listed(); got.IsZero() {
		t.Error("listed without tag after it was hashed")
	}
}

// A Put with a condition on a file that nobody has hashed yet: the tag is found without the latch.
func TestContentPutHashesForItsCheck(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true}})
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600))
	want := hashTag(sha256.Sum256([]byte("x")))
	_, _, err := f.Put(ctx, "/f", strings.NewReader("y"), mustSee(t, want))
	must(t, err)
}

// mustSee is for a Put whose Check is to see this tag.
func mustSee(t *testing.T, want ETag) PutOptions {
	return PutOptions{Write: Write{Tags: true, Exact: true, Check: func(cur *Info) error {
		if cur.Tag != want {
			t.Errorf("check sees %s, want %s", cur.Tag, want)
		}
		return nil
	}}}
}

// A file that another program has written a moment ago is hashed when the clock has moved on, so that its tag is known.
func TestContentPutWaitsForTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(fs.NewMemoryCoarse(time.Second), Options{Settings: Settings{Relaxed: true, Content: true, NoNotify: true}})
		defer f.Close()
		beside(t, f, "/f", "x")
		want := hashTag(sha256.Sum256([]byte("x")))
		_, _, err := f.Put(ctx, "/f", strings.NewReader("y"), mustSee(t, want))
		must(t, err)
	})
}

// A digest is that of one identity, wherever it is kept, and of no other.
func TestDigestIsThatOfItsIdentity(t *testing.T) {
	store := KeepDigests(records{})
	of := fs.Identity{Dev: 1, Ino: 2, SizeBytes: 3, Mtime: 4, Ctime: 5}
	now := newDigests(store, &statTagger{granularity: func(uint64) time.Duration { return 1 }, now: time.Now})
	now.put(of, Digest{6}, true)
	for name, d := range map[string]*digests{"in memory": now, "after a restart": newDigests(store, &statTagger{now: time.Now})} {
		for _, id := range []fs.Identity{
			{Dev: 9, Ino: 2, SizeBytes: 3, Mtime: 4, Ctime: 5},
			{Dev: 1, Ino: 9, SizeBytes: 3, Mtime: 4, Ctime: 5},
			{Dev: 1, Ino: 2, SizeBytes: 9, Mtime: 4, Ctime: 5},
			{Dev: 1, Ino: 2, SizeBytes: 3, Mtime: 9, Ctime: 5},
			{Dev: 1, Ino: 2, SizeBytes: 3, Mtime: 4, Ctime: 9},
		} {
			if digest, known := d.get(id); known {
				t.Errorf("%s: %v has the digest %x of %v", name, id, digest[0], of)
			}
		}
		if digest, known := d.get(of); !known || digest != (Digest{6}) {
			t.Errorf("%s: %v, %x", name, known, digest[0])
		}
	}
}

func TestContentPutTellsSameBytes(t *testing.T) {
	f, _ := disk(t, Options{Settings: Settings{Content: true}})
	put(t, f, "/f", "x")
	for body, want := range map[string]bool{"x": true, "y": false} {
		f.Put(ctx, "/f", strings.NewReader(body), PutOptions{Write: Write{Tags: true, Check: func(cur *Info) error {
			if cur.Same != want {
				t.Errorf("body %q: same %v", body, cur.Same)
			}
			return errRefused
		}}})
	}
}

// Of many who ask for the tag of a file that nobody has hashed yet, one reads it.
func TestOneHashesForAll(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true, HashLimitBytes: 1}})
	body := strings.Repeat("x", 8<<20)
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte(body), 0o644))
	if info, err := f.Stat("/f"); err != nil || !info.Tag.IsZero() || f.Backlog() != 1 {
		t.Fatalf("somebody who only looks got %v, %v; %d files wait for the background hasher", info, err, f.Backlog())
	}
	want := hashTag(sha256.Sum256([]byte(body)))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if info, err := f.StatTagged(ctx, "/f"); err != nil || info.Tag != want {
				t.Errorf("%v, %v", info, err)
			}
			file, err := f.OpenTagged(ctx, "/f")
			if err != nil {
				t.Error(err)
				return
			}
			defer file.Close()
			if got := file.State().Tag; got != want {
				t.Errorf("opened: %v", got)
			}
		})
	}
	all.Wait()
	if got := f.Stats().HashedFiles; got != 1 {
		t.Errorf("the file was hashed %d times", got)
	}
}

// gated lets nobody open a file before the test says so.
type gated struct {
	fs.FS
	asked, open chan struct{}
}

func (g gated) OpenRead(name string) (fs.File, error) {
	g.asked <- struct{}{}
	<-g.open
	return g.FS.OpenRead(name)
}

// disturbed is a tree where something happens before the files are opened, each step once, or while one is read.
type disturbed struct {
	fs.FS
	steps []func()
	torn  func() // once; nil: not
}

// Watch makes it an fs.Notifier where the FS is one.
func (d *disturbed) Watch(o fs.WatchOptions) (*fs.Watcher, error) {
	n, ok := d.FS.(fs.Notifier)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return n.Watch(o)
}

func (d *disturbed) OpenRead(name string) (fs.File, error) {
	if len(d.steps) > 0 {
		step := d.steps[0]
		d.steps = d.steps[1:]
		step()
	}
	file, err := d.FS.OpenRead(name)
	if err == nil && d.torn != nil {
		file, d.torn = &torn{file, d.torn}, nil
	}
	return file, err
}

// A program that takes the name away when the time is set makes no failure of it.
func TestTimeOfWhatIsRenamedBeside(t *testing.T) {
	base := &disturbed{FS: fs.NewMemory()}
	f := New(base, Options{Settings: Settings{NoNotify: true}})
	defer f.Close()
	put(t, f, "/f", "one")
	base.steps = []func(){func() { must(t, f.base.Rename("/f", "/g")) }}
	if _, err := f.Update(ctx, "/f", time.Unix(1e9, 0), Write{}); err != nil || len(base.steps) > 0 {
		t.Errorf("%v, %d steps left", err, len(base.steps))
	}
}

// The reports begin before the bytes are read: else a change in between is told to nobody.
func TestWatchedBeforeItIsHashed(t *testing.T) {
	root, err := fs.OpenRoot(t.TempDir(), fs.RootOptions{})
	must(t, err)
	defer root.Close()
	base := &disturbed{FS: root}
	f := New(base, Options{Settings: Settings{Relaxed: true, Content: true}})
	defer f.Close()
	beside(t, f, "/f", "one")
	base.steps = []func(){func() {
		if n := f.Stats().Watches; n != 1 {
			t.Errorf("%d watches when the file is opened", n)
		}
	}}
	_, err = f.StatTagged(ctx, "/f")
	must(t, err)
	if len(base.steps) > 0 {
		t.Error("this tests nothing: nobody has opened the file")
	}
}

// Bytes that were opened never get the tag of others: a file that is replaced before it is hashed, or that another program
// writes to before and after within one step of the clock.
func TestOpenOfWhatChangesWhileItIsHashed(t *testing.T) {
	replace := func(t *testing.T, f *FS, body string) {
		beside(t, f, "/new", body)
		must(t, f.base.Rename("/new", "/f"))
	}
	write := func(t *testing.T, f *FS, body string) { beside(t, f, "/f", body) }
	for name, c := range map[string]struct {
		limitBytes int64
		step       time.Duration // of the clock
		change     func(t *testing.T, f *FS, body string)
	}{
		"replaced":                {0, time.Nanosecond, replace},
		"written to":              {0, time.Second, write},
		"replaced, above limit":   {1, time.Nanosecond, replace},
		"written to, above limit": {1, time.Second, write},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := &disturbed{FS: fs.NewMemoryCoarse(c.step)}
				f := New(base, Options{Settings: Settings{Relaxed: true, Content: true, HashLimitBytes: c.limitBytes, NoNotify: true}})
				defer f.Close()
				beside(t, f, "/f", "one")
				time.Sleep(3 * time.Second)
				base.steps = []func(){func() {}, func() { c.change(t, f, "two") }, func() { c.change(t, f, "six") }}
				file, err := f.OpenTagged(ctx, "/f")
				must(t, err)
				defer file.Close()
				body, err := io.ReadAll(file)
				must(t, err)
				if tag := file.State().Tag; strong(tag) && tag != hashTag(sha256.Sum256(body)) {
					t.Errorf("%q has the tag of others: %s", body, tag)
				}
				if len(base.steps) > 1 {
					t.Error("this tests nothing: nobody has read the file")
				}
			})
		})
	}
}

// torn is a file that is written to after its first bytes were read.
type torn struct {
	fs.File
	write func()
}

func (r *torn) Read(p []byte) (int, error) {
	n, err := r.File.Read(p[:min(len(p), 1)])
	if r.write != nil {
		r.write()
		r.write = nil
	}
	return n, err
}

// A report that names the file otherwise, as one of another hard link does, counts while it is hashed.
func TestReportByAnotherNameWhileHashing(t *testing.T) {
	base := &disturbed{FS: fs.NewMemory()}
	f := New(base, Options{Settings: Settings{Relaxed: true, Content: true, NoNotify: true}})
	defer f.Close()
	beside(t, f, "/f", "one")
	state, err := base.Lookup("/f")
	must(t, err)
	base.torn = func() { f.content.changed("/another name of it", &state) }
	_, err = f.Stat("/f")
	must(t, err)
	if _, known := f.content.get(state.Identity); known || base.torn != nil {
		t.Error("the digest was kept, or nobody has read the file")
	}
}

// What was read while another program wrote is the digest of no state.
func TestDigestOfTornBytesIsNotKept(t *testing.T) {
	base := &disturbed{FS: fs.NewMemory()}
	f := New(base, Options{Settings: Settings{Relaxed: true, Content: true, NoNotify: true}})
	defer f.Close()
	beside(t, f, "/f", "one")
	old, err := base.Lookup("/f")
	must(t, err)
	base.torn = func() { beside(t, f, "/f", "two") }
	info, err := f.Stat("/f")
	must(t, err)
	if base.torn != nil {
		t.Error("this tests nothing: nobody has read the file")
	}
	if _, known := f.content.get(old.Identity); known || !info.Tag.IsZero() {
		t.Errorf("%v is known for %v", info, old)
	}
	if info, err = f.Stat("/f"); err != nil || info.Tag != hashTag(sha256.Sum256([]byte("two"))) {
		t.Errorf("then %v, %v", info, err)
	}
}

// newGated has a file /f that nobody has hashed.
func newGated(t *testing.T) (gated, *FS) {
	t.Helper()
	g := gated{fs.NewMemory(), make(chan struct{}, 10), make(chan struct{})}
	f := New(g, Options{Settings: Settings{Relaxed: true, Content: true, HashLimitBytes: 1, NoNotify: true}})
	t.Cleanup(func() { f.Close() })
	file, err := g.Create("/f")
	must(t, err)
	file.Write([]byte("some bytes"))
	file.Close()
	return g, f
}

// When the one who reads for all goes away, the others get their answer.
func TestReaderForAllGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, f := newGated(t)
		first, giveUp := context.WithCancel(ctx)
		gaveUp, waited := make(chan error, 1), make(chan error, 1)
		go func() { _, err := f.StatTagged(first, "/f"); gaveUp <- err }()
		<-g.asked
		go func() {
			info, err := f.StatTagged(ctx, "/f")
			if err == nil && info.Tag != hashTag(sha256.Sum256([]byte("some bytes"))) {
				err = fmt.Errorf("tag %v", info.Tag)
			}
			waited <- err
		}()
		synctest.Wait() // for the second, who waits for the first
		giveUp()
		close(g.open)
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up: %v", err)
		}
		if err := <-waited; err != nil {
			t.Errorf("who did not: %v", err)
		}
	})
}

// A MOVE or COPY that depends on tags has those of both ends, though nobody has hashed either.
func TestTransferDependsOnTagsOfBothEnds(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{Relaxed: true, Content: true, NoNotify: true}})
	defer f.Close()
	refused := errors.New("refused")
	w := Write2{Tags: true, Check: func(src, dst *Info, _ string) error {
		if src.Tag != hashTag(sha256.Sum256([]byte("source"))) || dst.Tag != hashTag(sha256.Sum256([]byte("destination"))) {
			t.Errorf("asked about %v and %v", src.Tag, dst.Tag)
		}
		return refused
	}}
	for what, transfer := range map[string]func() error{
		"move": func() error { _, _, err := f.Move(ctx, "/move/s", "/move/d", w); return err },
		"copy": func() error { _, _, err := f.Copy(ctx, "/copy/s", "/copy/d", CopyOptions{Write2: w}); return err },
	} {
		must(t, f.base.Mkdir("/"+what, 0o777))
		beside(t, f, "/"+what+"/s", "source")
		beside(t, f, "/"+what+"/d", "destination")
		if err := transfer(); err != refused {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Where reports are lost whenever a file is read, its digest is not kept; who waits for it has it all the same.
func TestDigestWhileReportsAreLost(t *testing.T) {
	base := &disturbed{FS: fs.NewMemory()}
	f := New(base, Options{Settings: Settings{Relaxed: true, Content: true, HashLimitBytes: 1, NoNotify: true}})
	defer f.Close()
	beside(t, f, "/f", "some bytes")
	want := hashTag(sha256.Sum256([]byte("some bytes")))
	base.steps = []func(){func() { base.torn = f.content.forgetAll }}
	if info, err := f.StatTagged(ctx, "/f"); err != nil || info.Tag != want {
		t.Errorf("looked at: %v, %v", info, err)
	}
	base.steps = []func(){func() {}, func() { base.torn = f.content.forgetAll }} // it is opened first, and then hashed
	file, err := f.OpenTagged(ctx, "/f")
	must(t, err)
	defer file.Close()
	if tag := file.State().Tag; tag != want || f.Stats().HashedFiles != 2 {
		t.Errorf("opened: %v", tag)
	}
}

// Who waits for the one who reads need not stay until that one is done.
func TestWaiterGoesAway(t *testing.T) {
	g, f := newGated(t)
	reads := make(chan error)
	go func() { _, err := f.StatTagged(ctx, "/f"); reads <- err }()
	<-g.asked
	second, giveUp := context.WithCancel(ctx)
	giveUp()
	if _, err := f.StatTagged(second, "/f"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has given up: %v", err)
	}
	close(g.open)
	if err := <-reads; err != nil {
		t.Error(err)
	}
}

// stopped is a file system whose clock stands: what another program writes in place leaves the times as they are.
type stopped struct {
	fs.FS
	info fs.Info
	read chan struct{} // told when somebody has read all
	goOn chan struct{} // and waits for this before the second look

	mu   sync.Mutex
	body string // guarded by mu
}

func (s *stopped) Granularity(uint64) time.Duration { return time.Second }

func (s *stopped) Lookup(string) (fs.Info, error) { return s.info, nil }

func (s *stopped) OpenRead(name string) (fs.File, error) {
	f, err := s.FS.OpenRead(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return &stoppedFile{f, s, strings.NewReader(s.body)}, err
}

func (s *stopped) write(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
}

type stoppedFile struct {
	fs.File
	s    *stopped
	body *strings.Reader
}

func (f *stoppedFile) Info() fs.Info              { return f.s.info }
func (f *stoppedFile) Read(p []byte) (int, error) { return f.body.Read(p) }
func (f *stoppedFile) Again() (fs.Info, error) {
	f.s.read <- struct{}{}
	<-f.s.goOn
	return f.s.info, nil
}

// While a state is so young that another write may have left its times, nobody gets what somebody else has read, and
// nothing is kept of it, however long the reading took.
func TestYoungStateIsReadByEach(t *testing.T) {
	base := fs.NewMemory()
	file, err := base.Create("/f")
	must(t, err)
	file.Close()
	s := &stopped{FS: base, body: "one", read: make(chan struct{}, 10), goOn: make(chan struct{})}
	if s.info, err = base.Lookup("/f"); err != nil {
		t.Fatal(err)
	}
	var clock atomic.Int64
	clock.Store(s.info.Mtime)
	s.info.Ctime, s.info.SizeBytes = s.info.Mtime, int64(len(s.body))
	f := New(s, Options{Settings: Settings{Relaxed: true, Content: true, NoNotify: true}, Now: func() time.Time { return time.Unix(0, clock.Load()) }})
	stat := func() <-chan ETag {
		got := make(chan ETag, 1)
		go func() {
			info, err := f.Stat("/f")
			if err != nil {
				t.Error(err)
			}
			got <- info.Tag
		}()
		return got
	}
	first := stat()
	<-s.read
	s.write("two") // another program, and it has ended
	second := stat()
	<-s.read
	clock.Add(int64(time.Minute))
	close(s.goOn)
	tagOf := func(body string) ETag { return hashTag(sha256.Sum256([]byte(body))) }
	if got := <-first; got != tagOf("one") {
		t.Errorf("before the write: %v", got)
	}
	if got := <-second; got != tagOf("two") {
		t.Errorf("who asked after the write: %v, want that of two", got)
	}
	if got := <-stat(); got != tagOf("two") {
		t.Errorf("later: %v, want that of two", got)
	}
}

func TestContentTagSurvivesMove(t *testing.T) {
	f, _ := disk(t, Options{Settings: Settings{Content: true, HashLimitBytes: 1}}) // a Stat would not hash two bytes
	before := put(t, f, "/f", "xx")
	if _, _, err := f.Move(ctx, "/f", "/g", Write2{}); err != nil {
		t.Fatal(err)
	}
	after, err := f.Stat("/g")
	if err != nil || after.Tag != before.Tag {
		t.Errorf("after the move: %v, %v", after, err)
	}
}

func TestCopyHashing(t *testing.T) {
	for _, n := range []int{0, 1, hashBufferBytes - 1, hashBufferBytes, 10*hashBufferBytes + 7} {
		body := make([]byte, n)
		rand.Read(body)
		var out bytes.Buffer
		d, err := copyHashing(&out, bytes.NewReader(body))
		if err != nil || d != sha256.Sum256(body) || !bytes.Equal(out.Bytes(), body) {
			t.Errorf("%d bytes: copied or hashed wrong, %v", n, err)
		}
		if _, err := copyHashing(io.Discard, io.MultiReader(bytes.NewReader(body), errReader{})); err == nil {
			t.Errorf("%d bytes: a broken body is no error", n)
		}
		if _, err := copyHashing(fullDisk{}, bytes.NewReader(body)); (err == nil) != (n == 0) {
			t.Errorf("%d bytes: a full disk is %v", n, err)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, fs.ErrNoSpace }

// TestLargePieces lets hashing fall behind until the pieces are large, with all large buffers free and with none.
func TestLargePieces(t *testing.T) {
	body := make([]byte, 3*largeBufferBytes+7)
	rand.Read(body)
	copied := func() (large bool) {
		t.Helper()
		behind := make(chan struct{})
		begins := 0
		r := &watchedReader{r: bytes.NewReader(body), before: func(room int) {
			if room == largeBufferBytes {
				large = true
			}
			if begins++; begins == 2+hashInFlight { // one is hashed and the others wait
				close(behind)
			}
		}}
		h := &lateHash{Hash: sha256.New(), until: behind}
		var out bytes.Buffer
		err := copyInPieces(&out, r, h)
		want := sha256.Sum256(body)
		if err != io.EOF || !bytes.Equal(h.Sum(nil), want[:]) || !bytes.Equal(out.Bytes(), body) {
			t.Errorf("copied or hashed wrong, %v", err)
		}
		return large
	}
	if !copied() {
		t.Error("the pieces stayed small")
	}
	if n := len(largeInUse); n != 0 {
		t.Fatalf("%d large buffers were not given back", n)
	}
	for range cap(largeInUse) {
		largeInUse <- struct{}{}
	}
	if copied() {
		t.Error("more large buffers than there may be")
	}
	if n := cap(largeInUse) - len(largeInUse); n != 0 {
		t.Fatalf("%d large buffers were given back that nobody took", n)
	}
	for range cap(largeInUse) {
		<-largeInUse
	}
}

// watchedReader tells how much there is room for before each read.
type watchedReader struct {
	r      io.Reader
	before func(room int)
}

func (w *watchedReader) Read(p []byte) (int, error) {
	w.before(len(p))
	return w.r.Read(p)
}

// lateHash begins when it may.
type lateHash struct {
	hash.Hash
	until <-chan struct{}
}

func (h *lateHash) Write(p []byte) (int, error) {
	<-h.until
	return h.Hash.Write(p)
}

// records is a Records in memory.
type records map[string][]byte

func (r records) Digest(key string) []byte             { return r[key] }
func (r records) NoteDigest(key string, record []byte) { r[key] = record }

func (r records) EachDigest(fn func(string, []byte) error) error {
	for key, record := range r {
		if err := fn(key, record); err != nil {
			return err
		}
	}
	return nil
}

func (r records) ForgetDigests(drop map[string][]byte) error {
	for key, record := range drop {
		if bytes.Equal(r[key], record) {
			delete(r, key)
		}
	}
	return nil
}

func TestDigestsSurviveRestart(t *testing.T) {
	kept := records{}
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	before := put(t, f, "/f", "xx")
	f.Close()

	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	again := New(base, Options{Settings: Settings{Content: true, HashLimitBytes: 1}, Digests: KeepDigests(kept)}) // would not hash
	defer again.Close()
	if info, err := again.Stat("/f"); err != nil || info.Tag != before.Tag {
		t.Errorf("after a restart: %+v, %v; want %s", info, err, before.Tag)
	}
}

// Where times are whole seconds and files are numbered anew with each mount, a record may be of another file at the next start.
func TestDigestsOfWholeSecondsAreNotKept(t *testing.T) {
	kept := records{}
	f, _ := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	id := fs.Identity{Dev: 1, Ino: 42, SizeBytes: 4500, Mtime: 1e18, Ctime: 1e18}
	f.content.put(id, Digest{1}, true)
	if _, known := f.content.get(id); len(kept) != 0 || !known {
		t.Errorf("%d records, known now: %v", len(kept), known)
	}
	f.content.forgetAll()
	KeepDigests(kept).SaveDigest(id, Digest{2}) // by an earlier version
	if d, known := f.content.get(id); known {
		t.Errorf("it is taken for %x", d)
	}
}

func TestScrubFindsBitRot(t *testing.T) {
	kept := records{}
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	put(t, f, "/good", "good")
	put(t, f, "/rotten", "good")
	must(t, os.WriteFile(filepath.Join(dir, "new"), []byte("new"), 0o600))
	// What a disk does without telling: other bytes, the same identity. Here the record is bent instead.
	info, err := f.Stat("/rotten")
	must(t, err)
	f.content.put(info.Identity, sha256.Sum256([]byte("bad")), true)
	cached := &caching{FS: f.base, of: make(map[string]bool)}
	f.base = cached

	var found []string
	p, err := f.Scrub(ctx, nil, func(name string, want, got Digest) {
		found = append(found, name)
		if got != sha256.Sum256([]byte("good")) {
			t.Errorf("%s: digest of what is there is wrong", name)
		}
	}, func(name string, err error) { t.Errorf("%s: %v", name, err) })
	if err != nil || len(found) != 1 || found[0] != "/rotten" {
		t.Errorf("found %v, %v; want /rotten", found, err)
	}
	if p.Files != 2 || p.Unknown != 1 {
		t.Errorf("progress %+v, want 2 files read and 1 unknown", p)
	}
	if cached.reads != 2 {
		t.Errorf("%d files were read from the disk and not from memory, want 2", cached.reads)
	}
}

// A symbolic link is no failure, and what it leads to is read once.
func TestScrubOfLinks(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(records{})})
	must(t, os.Mkdir(filepath.Join(dir, "c"), 0o700))
	put(t, f, "/c/f", "content")
	for link, to := range map[string]string{"file": "c/f", "collection": "c", "c/above": "..", "none": "nowhere"} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	p, err := f.Scrub(ctx, nil, func(name string, _, _ Digest) {
		t.Errorf("%s has rotten", name)
	}, func(name string, err error) { t.Errorf("%s: %v", name, err) })
	if err != nil || p.Files != 1 || p.Unknown != 0 {
		t.Errorf("%+v, %v; want 1 file read", p, err)
	}
	if h, err := f.HashAll(ctx, HashOptions{}); err != nil || h.Files != 0 || h.Known != 1 {
		t.Errorf("hash: %+v, %v; want 1 file known", h, err)
	}
}

// A file that is changed when scrub comes to it has not rotten.
func TestScrubOfWhatChanges(t *testing.T) {
	base := &disturbed{FS: fs.NewMemory()}
	f := New(base, Options{Settings: Settings{Relaxed: true, Content: true, NoNotify: true}})
	defer f.Close()
	put(t, f, "/f", "one")
	base.steps = []func(){func() { beside(t, f, "/f", "two") }}
	p, err := f.Scrub(ctx, nil, func(name string, want, got Digest) {
		t.Errorf("%s has rotten", name)
	}, func(name string, err error) { t.Errorf("%s: %v", name, err) })
	if err != nil || p.Unknown != 1 || len(base.steps) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

// broken is a tree on a disk that cannot read the bytes of a file.
type broken struct{ fs.FS }

func (b broken) OpenRead(name string) (fs.File, error) {
	file, err := b.FS.OpenRead(name)
	return brokenFile{file}, err
}

type brokenFile struct{ fs.File }

var errBroken = errors.New("input/output error")

func (brokenFile) Read([]byte) (int, error) { return 0, errBroken }

// What the disk cannot read is told, by scrub and by hash, and has no digest.
func TestHashAndScrubOfWhatCannotBeRead(t *testing.T) {
	f := New(broken{fs.NewMemory()}, Options{Settings: Settings{Content: true, NoNotify: true}})
	defer f.Close()
	put(t, f, "/known", "one")
	beside(t, f, "/new", "two")
	told := map[string]error{}
	tell := func(name string, err error) { told[name] = err }
	p, err := f.Scrub(ctx, nil, func(name string, _, _ Digest) { t.Error(name, "is rotten") }, tell)
	if err != nil || p.Files != 0 || p.Unknown != 1 || !errors.Is(told["/known"], errBroken) {
		t.Errorf("scrub: %+v, %v, told %v", p, err, told)
	}
	h, err := f.HashAll(ctx, HashOptions{Failed: tell})
	if err != nil || h.Files != 0 || !errors.Is(told["/new"], errBroken) {
		t.Errorf("hash: %+v, %v, told %v", h, err, told)
	}
}

// caching counts the files that are read for the first time since they were dropped from memory.
type caching struct {
	fs.FS
	of    map[string]bool // dropped
	reads int
}

func (c *caching) OpenRead(name string) (fs.File, error) {
	f, err := c.FS.OpenRead(name)
	return &cachedFile{f, c, name}, err
}

type cachedFile struct {
	fs.File
	c    *caching
	name string
}

func (f *cachedFile) Uncache() { f.c.of[f.name] = true }

func (f *cachedFile) Read(p []byte) (int, error) {
	if f.c.of[f.name] {
		f.c.reads++
	}
	delete(f.c.of, f.name)
	return f.File.Read(p)
}

// A large file is read by the background hasher in pieces that keep the rate, too, and not at once with a rest after it.
func TestPacedReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, piece = 1000, 100
		r := &paced{ctx: ctx, r: bytes.NewReader(make([]byte, size)), sizeBytes: size, bytesPerSecond: 10, began: time.Now()}
		for n := range size / piece {
			if _, err := io.ReadFull(r, make([]byte, piece)); err != nil {
				t.Fatal(err)
			}
			if got, want := time.Since(r.began), time.Duration(n)*piece/10*time.Second; got != want {
				t.Fatalf("piece %d came after %v, want %v", n, got, want)
			}
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF || time.Since(r.began) != 90*time.Second {
			t.Errorf("the end: %d, %v, after %v", n, err, time.Since(r.began))
		}
	})
}

// 100,000 watched and cached files cost less than 300 bytes each.
func TestDigestMemory(t *testing.T) {
	const files = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := newDigests(nil, &statTagger{now: time.Now})
	for i := range uint64(files) {
		d.put(fs.Identity{Dev: 1, Ino: i, SizeBytes: int64(i), Mtime: int64(i), Ctime: int64(i)}, Digest{byte(i)}, false)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / files; each >= 300 {
		t.Errorf("%d bytes a file", each)
	} else {
		t.Logf("%d bytes a file", each)
	}
	runtime.KeepAlive(d)
}
