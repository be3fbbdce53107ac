package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// memory is an etagfs.DigestStore.
type memory struct {
	mu   sync.Mutex
	recs map[[2]uint64]digestRecord // guarded by mu
	err  error                      // of PruneDigests
}

func (m *memory) LoadDigest(dev, ino uint64) (fs.Identity, etagfs.Digest, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.recs[[2]uint64{dev, ino}]
	return rec.ID, rec.Digest, ok
}

func (m *memory) SaveDigest(id fs.Identity, d etagfs.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recs[[2]uint64{id.Dev, id.Ino}] = digestRecord{id, d}
}

func (m *memory) PruneDigests(dead func(fs.Identity) bool) (dropped int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, rec := range m.recs {
		if dead(rec.ID) {
			delete(m.recs, key)
			dropped++
		}
	}
	return dropped, m.err
}

// serve opens an admin socket and a client of it.
func serve(t *testing.T, d Directory) (c *Client, stop func()) {
	t.Helper()
	state := t.TempDir()
	d.Dir, d.Shares, d.Log = "/srv", func() []string { return []string{"/s"} }, slog.New(slog.DiscardHandler)
	stop, err := Serve(state, d)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	c, err = Dial(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, stop
}

func identity(ino uint64) fs.Identity {
	return fs.Identity{Dev: 1<<63 | 5, Ino: ino, SizeBytes: 7, Mtime: -1, Ctime: int64(ino)}
}

func TestDigestsOverTheSocket(t *testing.T) {
	c, stop := serve(t, Directory{Digests: &memory{recs: map[[2]uint64]digestRecord{}}})
	var lost error
	s := c.Digests(t.Context(), func(err error) { lost = err })
	var all sync.WaitGroup
	for g := range uint64(4) {
		all.Go(func() {
			for i := range uint64(50) {
				id := identity(g<<40 | i)
				s.SaveDigest(id, etagfs.Digest{byte(i)})
				got, d, ok := s.LoadDigest(id.Dev, id.Ino)
				if !ok || got != id || d != (etagfs.Digest{byte(i)}) {
					t.Errorf("saved %+v, loaded %+v, %v", id, got, ok)
				}
			}
		})
	}
	all.Wait()
	if _, _, ok := s.LoadDigest(1, 1); ok || lost != nil {
		t.Errorf("what was never saved: %v, %v", ok, lost)
	}
	dropped, err := s.PruneDigests(func(id fs.Identity) bool { return id.Ctime >= 1<<40 })
	if err != nil || dropped != 150 {
		t.Errorf("dropped %d, %v; want 150", dropped, err)
	}
	if _, _, ok := s.LoadDigest(1<<63|5, 1<<40); ok {
		t.Error("what was dropped is there")
	}
	if _, _, ok := s.LoadDigest(1<<63|5, 49); !ok {
		t.Error("what was kept is gone")
	}

	stop()
	if _, _, ok := s.LoadDigest(1<<63|5, 49); ok || lost == nil {
		t.Errorf("without a server: %v, and %v was told", ok, lost)
	}
}

// A list of records that breaks off is not taken for a short one.
func TestListThatBreaksOffPrunesNothing(t *testing.T) {
	m := &memory{recs: map[[2]uint64]digestRecord{}, err: errors.New("the disk is gone")}
	for i := range uint64(5000) {
		m.SaveDigest(identity(i), etagfs.Digest{})
	}
	c, _ := serve(t, Directory{Digests: m})
	var lost error
	dropped, err := c.Digests(t.Context(), func(err error) { lost = err }).PruneDigests(func(fs.Identity) bool { return true })
	if err == nil || lost == nil || dropped != 0 || len(m.recs) != 5000 {
		t.Errorf("dropped %d, %v, told %v; %d records are left", dropped, err, lost, len(m.recs))
	}
}

// Locks that come and go while they are listed and broken: each is broken once.
func TestLocksOverTheSocket(t *testing.T) {
	table, err := lock.New(nil, time.Now(), lock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := serve(t, Directory{Locks: table})
	for i := range 100 {
		want := lock.Lock{Root: fmt.Sprint("/", i), Timeout: time.Minute, User: "anna", Owner: []byte("<a>Anna</a>")}
		if _, err := table.Create(time.Now(), want); err != nil {
			t.Fatal(err)
		}
	}
	locks, err := c.Locks(t.Context(), false)
	if err != nil || len(locks) != 100 || locks[0].Path != "/s/0" || locks[0].Owner != "Anna" || locks[0].Token != "" {
		t.Fatalf("listed %d, %v: %+v", len(locks), err, locks[:1])
	}
	broken := make(chan int, 4)
	for range 4 {
		go func() {
			count := 0
			for _, l := range locks {
				some, err := c.Break(t.Context(), l.ID)
				if err != nil {
					t.Error(err)
				}
				count += len(some)
			}
			broken <- count
		}()
	}
	total := 0
	for range 4 {
		total += <-broken
	}
	if total != 100 || table.Count() != 0 {
		t.Errorf("%d locks were broken and %d are left, want 100 and none", total, table.Count())
	}
}

func TestDialWithoutServer(t *testing.T) {
	for _, state := range []string{t.TempDir(), "/nowhere", "/dev/null", t.TempDir() + strings.Repeat("/long", 40)} {
		if _, err := Dial(context.Background(), state); !errors.Is(err, ErrNoServer) {
			t.Errorf("%s: %v", state, err)
		}
	}
}
