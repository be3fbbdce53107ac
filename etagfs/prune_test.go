package etagfs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ifmatch/fs"
)

// old waits until what was done is older than a pass that begins now.
func old(f *FS) { time.Sleep(f.Features().Granularity + 20*time.Millisecond) }

func TestDigestsOfVanishedFilesArePruned(t *testing.T) {
	kept := records{}
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	put(t, f, "/stays", "stays")
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	const files = 1000
	for i := range files {
		must(t, os.WriteFile(filepath.Join(dir, "d", fmt.Sprint(i)), []byte("x"), 0o600))
	}
	old(f)
	if p, err := f.HashAll(ctx, HashOptions{}); err != nil || p.Files != files || len(kept) != files+2 { // and which tree they are of
		t.Fatalf("hashed %+v, %v; %d records", p, err, len(kept))
	}
	must(t, os.RemoveAll(filepath.Join(dir, "d")))
	old(f)
	p, err := f.HashAll(ctx, HashOptions{})
	if err != nil || p.Pruned != files || p.Known != 1 || len(kept) != 2 {
		t.Errorf("second pass: %+v, %v; %d records are left, want 2", p, err, len(kept))
	}
	if len(f.content.known) != 1 {
		t.Errorf("%d digests are in memory, want 1", len(f.content.known))
	}
}

// Every living file keeps its record: the bytes of a file are not read again after a pass.
func TestPassKeepsDigestsOfTheLiving(t *testing.T) {
	kept := records{}
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	put(t, f, "/f", "f")
	put(t, f, "/moved", "moved")
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	put(t, f, "/d/in", "in")
	os.Rename(filepath.Join(dir, "moved"), filepath.Join(dir, "d", "elsewhere"))
	os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "link"))
	os.Symlink("d", filepath.Join(dir, "loop"))
	os.Symlink("..", filepath.Join(dir, "d", "up"))
	os.Symlink("/etc", filepath.Join(dir, "out"))
	if _, err := f.HashAll(ctx, HashOptions{}); err != nil { // rename and link moved ctime
		t.Fatal(err)
	}
	old(f)
	p, err := f.HashAll(ctx, HashOptions{Failed: func(name string, err error) { t.Errorf("%s: %v", name, err) }})
	if err != nil || p.Files != 0 || p.Pruned != 0 || len(kept) != 3+1 {
		t.Errorf("%+v, %v; %d records, want 3 and nothing hashed", p, err, len(kept))
	}
}

// What comes in while the walk is under way stays, also where the walk has been already.
func TestPassKeepsWhatCameMeanwhile(t *testing.T) {
	kept := records{}
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("f"), 0o600))
	old(f)
	_, err := f.HashAll(ctx, HashOptions{Progress: func(HashProgress) {
		for i := range 300 { // some of them behind the cursor of the listing
			put(t, f, fmt.Sprint("/new", i), "x")
		}
	}})
	if err != nil || len(kept) != 301+1 {
		t.Errorf("%v; %d records, want 302", err, len(kept))
	}
}

// A pass over a part of the tree, or over another one, drops nothing of the tree that the records are of, until a server says
// that they are of its own.
func TestPassOverAnotherTreeDropsNothing(t *testing.T) {
	kept := records{}
	o := Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)}
	f, dir := disk(t, o)
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	for _, name := range []string{"f", "g", "sub/f"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("body"), 0o600))
	}
	old(f)
	_, err := f.HashAll(ctx, HashOptions{})
	must(t, err)
	sub := diskAt(t, filepath.Join(dir, "sub"), o)
	p, err := sub.HashAll(ctx, HashOptions{})
	if err != nil || p.Pruned != 0 || !p.Foreign || p.Known != 1 || len(kept) != 3+1 {
		t.Errorf("of a part: %+v, %v; %d records, want all", p, err, len(kept))
	}
	must(t, os.Remove(filepath.Join(dir, "g")))
	old(f)
	if p, err = f.HashAll(ctx, HashOptions{}); err != nil || p.Pruned != 1 || p.Foreign || len(kept) != 2+1 {
		t.Errorf("of the tree itself: %+v, %v; %d records", p, err, len(kept))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sub.store = pruned{sub.store, cancel}
	sub.content.store = sub.store
	if err := sub.KeepHashing(ctx, HashOptions{}); !errors.Is(err, context.Canceled) || len(kept) != 1+1 {
		t.Errorf("a server of the part: %v; %d records", err, len(kept))
	}
}

// pruned is told after each PruneDigests.
type pruned struct {
	DigestStore
	after func()
}

func (p pruned) PruneDigests(dead func(fs.Identity) bool) (int, error) {
	defer p.after()
	return p.DigestStore.PruneDigests(dead)
}

// What a store says nothing about is not known to be of the tree that comes first.
func TestFirstPassOverRecordsDropsNothing(t *testing.T) {
	kept := records{}
	KeepDigests(kept).SaveDigest(fs.Identity{Dev: 1, Ino: 1}, Digest{})
	f, _ := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	if p, err := f.HashAll(ctx, HashOptions{}); err != nil || p.Pruned != 0 || p.Foreign || len(kept) != 1+1 {
		t.Errorf("%+v, %v; %d records", p, err, len(kept))
	}
}

func TestPassJudges(t *testing.T) {
	coarse := func(dev uint64) time.Duration { return time.Duration(10 * dev) }
	p := pass{began: 110, seen: []inode{{1, 1}, {1, 3}}, devs: map[uint64]bool{1: true}, granularity: coarse}
	for id, dead := range map[fs.Identity]bool{
		{Dev: 1, Ino: 1, Ctime: 5}:   false,
		{Dev: 1, Ino: 2, Ctime: 5}:   true,
		{Dev: 1, Ino: 3, Ctime: 5}:   false,
		{Dev: 1, Ino: 2, Ctime: 100}: false, // changed since
		{Dev: 2, Ino: 1, Ctime: 5}:   false, // a disk that is not mounted
	} {
		if got := p.dead(id); got != dead {
			t.Errorf("%+v is dead: %v, want %v", id, got, dead)
		}
	}
	p.away = awayLimit
	if !p.dead(fs.Identity{Dev: 2, Ino: 1}) {
		t.Error("records of what is not mounted are kept without bound")
	}
	if p.dead(fs.Identity{Dev: rootRecord.dev, Ino: rootRecord.ino}) {
		t.Error("which tree the records are of is forgotten")
	}
	for err, broken := range map[error]bool{iofs.ErrNotExist: false, iofs.ErrPermission: false, syscall.EIO: true} {
		p := pass{}
		if p.missed(fmt.Errorf("list /d: %w", err)); p.broken != broken {
			t.Errorf("%v breaks the pass: %v, want %v", err, p.broken, broken)
		}
	}
}

// failing is a tree in which a collection cannot be listed.
type failing struct {
	fs.FS
	name string
}

func (f failing) List(name string, fn func(string, *fs.Info) error) error {
	if name == f.name {
		return syscall.EIO
	}
	return f.FS.List(name, fn)
}

func TestPassThatMissedSomethingPrunesNothing(t *testing.T) {
	kept := records{}
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(kept)})
	os.Mkdir(filepath.Join(dir, "bad"), 0o700)
	put(t, f, "/bad/f", "f")
	put(t, f, "/gone", "gone")
	os.Remove(filepath.Join(dir, "gone"))
	old(f)
	f.base = failing{f.base, "/bad"}
	var told error
	p, err := f.HashAll(ctx, HashOptions{Failed: func(_ string, err error) { told = err }})
	if err != nil || p.Pruned != 0 || len(kept) != 2 || !errors.Is(told, syscall.EIO) {
		t.Errorf("%+v, %v, told %v; %d records, want both", p, err, told, len(kept))
	}
}

// The background hasher makes a pass when much has come in, also by PUTs, which leave it nothing to hash.
func TestChurnMakesAPassDue(t *testing.T) {
	pruned := make(passes, 9)
	f, _ := disk(t, Options{Settings: Settings{Content: true}, Digests: pruned})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.KeepHashing(ctx, HashOptions{}) }()
	<-pruned // the first pass
	for i := range uint64(passEvery) {
		f.content.put(fs.Identity{Dev: 1, Ino: i}, Digest{}, false)
	}
	select {
	case <-f.content.due:
		t.Error("a pass is due although nothing was kept")
	default:
	}
	for i := range uint64(passEvery) {
		f.content.put(fs.Identity{Dev: 2, Ino: i}, Digest{}, true)
	}
	select {
	case <-pruned:
	case <-time.After(time.Minute):
		t.Error("no pass was made")
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// passes is a DigestStore that keeps nothing and tells of each pass.
type passes chan struct{}

func (passes) LoadDigest(dev, ino uint64) (id fs.Identity, d Digest, ok bool) { return id, d, false }
func (passes) SaveDigest(fs.Identity, Digest)                                 {}

func (p passes) PruneDigests(func(fs.Identity) bool) (int, error) {
	p <- struct{}{}
	return 0, nil
}

// A file that is deleted before the hasher comes to it is no failure.
func TestHashingMissesNoVanishedFile(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(records{})})
	for i := range 3 {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte("x"), 0o600))
	}
	old(f)
	removed := 0
	p, err := f.HashAll(ctx, HashOptions{
		Progress: func(HashProgress) {
			for i := range 3 {
				if os.Remove(filepath.Join(dir, fmt.Sprint(i))) == nil {
					removed++
				}
			}
		},
		Failed: func(name string, err error) { t.Errorf("%s: %v", name, err) },
	})
	if err != nil || p.Files != 1 || removed != 3 {
		t.Errorf("hashed %+v, %v; %d removed meanwhile", p, err, removed)
	}
}

// One that is deleted before scrub comes to it has not rotted.
func TestScrubMissesNoVanishedFile(t *testing.T) {
	f, dir := disk(t, Options{Settings: Settings{Content: true}, Digests: KeepDigests(records{})})
	for i := range 3 {
		put(t, f, fmt.Sprint("/", i), "x")
	}
	gone := func(ScrubProgress) {
		for i := range 3 {
			os.Remove(filepath.Join(dir, fmt.Sprint(i)))
		}
	}
	p, err := f.Scrub(ctx, gone, func(name string, _, _ Digest) { t.Error(name, "is rotten") },
		func(name string, err error) { t.Errorf("%s: %v", name, err) })
	if err != nil || p.Files != 1 {
		t.Errorf("scrubbed %+v, %v", p, err)
	}
}
