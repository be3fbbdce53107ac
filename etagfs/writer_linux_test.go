package etagfs

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs"
)

// While another program has a file open for writing, a write(2) may be under way that has moved the times already: what is
// read gets no strong tag, and its digest is not kept.
func TestFileOpenForWritingHasNoStrongTag(t *testing.T) {
	for _, content := range []bool{false, true} {
		f, dir := disk(t, Options{Settings: Settings{Content: content}})
		path := filepath.Join(dir, "f")
		must(t, os.WriteFile(path, []byte("body"), 0o644))
		writer, err := os.OpenFile(path, os.O_WRONLY, 0)
		must(t, err)
		old(f)
		hashed := func() int64 {
			p, err := f.HashAll(ctx, HashOptions{})
			must(t, err)
			return p.Files
		}
		if _, open := read(t, f, "/f"); !open.Tag.Weak || open.Digest != nil || hashed() > 0 {
			t.Errorf("content %v: open for writing: %+v", content, open)
		}
		// Of bytes that may change no two answers have a tag in common: it would match weakly, and earn a 304.
		_, one := read(t, f, "/f")
		_, two := read(t, f, "/f")
		if one.Tag.WeakMatch(two.Tag) {
			t.Errorf("content %v: open for writing: %s twice", content, one.Tag)
		}
		must(t, writer.Close())
		if content != (hashed() == 1) {
			t.Errorf("content %v: left, and not hashed", content)
		}
		if _, left := read(t, f, "/f"); left.Tag.Weak || left.Tag.IsZero() {
			t.Errorf("content %v: left: %+v", content, left)
		}
	}
}

// A program that maps a file may close it and go on to store. No two contents that it leaves are read with one strong tag.
func TestMappedFileThatIsClosed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	for where, mount := range map[string]func(t *testing.T, dir string) string{"disk": func(_ *testing.T, dir string) string { return dir }, "overlayfs": mountOverlay} {
		for _, content := range []bool{false, true} {
			dir := mount(t, t.TempDir())
			f := diskAt(t, dir, Options{Settings: Settings{Content: content}})
			path := filepath.Join(dir, "f")
			must(t, os.WriteFile(path, []byte("body  "), 0o644))
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			m, err := unix.Mmap(int(file.Fd()), 0, 6, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			must(t, err)
			must(t, file.Close())
			bodies := map[string]string{}
			look := func() {
				time.Sleep(20 * time.Millisecond)
				body, info := read(t, f, "/f")
				if was, met := bodies[info.Tag.Opaque]; met && was != body {
					t.Errorf("%s, content %v: %q and %q have the tag %s", where, content, was, body, info.Tag)
				}
				bodies[info.Tag.Opaque] = body
			}
			for i := range 20 {
				copy(m, fmt.Sprintf("body%2d", i))
				look()
			}
			must(t, unix.Munmap(m))
			look()
		}
	}
}

// asked counts how often a tree was asked who writes.
type asked struct {
	fs.FS
	times int
}

func (a *asked) Writing(name string, id fs.Identity) bool {
	a.times++
	return a.FS.(fs.WriterFinder).Writing(name, id)
}

// A store through a mapping need not move the times: who looks at a mapped file without reading it gets no strong tag either,
// and no tag twice. A state that nobody could be storing to is asked about once.
func TestMappedFileHasNoStrongTagToLookAt(t *testing.T) {
	f, dir := disk(t, Options{})
	base := &asked{FS: f.base}
	f.base = base
	path := filepath.Join(dir, "f")
	must(t, os.WriteFile(path, []byte("body"), 0o644))
	mapped := func() []byte {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		must(t, err)
		defer file.Close()
		m, err := unix.Mmap(int(file.Fd()), 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		must(t, err)
		return m
	}
	var met []ETag
	look := func() {
		info, err := f.Stat("/f")
		must(t, err)
		met = append(met, info.Tag)
		must(t, f.List("/", func(_ string, info *Info) error {
			met = append(met, ETag{strings.Clone(info.Tag.Opaque), info.Tag.Weak})
			return nil
		}))
	}
	stored := func(when string, m []byte) {
		t.Helper()
		met = nil
		for i := range 3 {
			m[0] = byte(i)
			old(f)
			look()
		}
		for i, tag := range met {
			if !tag.Weak || slices.Contains(met[:i], tag) {
				t.Errorf("%s: %v", when, met)
			}
		}
	}
	m := mapped()
	stored("mapped", m)
	must(t, unix.Munmap(m))
	met, base.times = nil, 0
	for range 3 {
		look()
	}
	_, is := read(t, f, "/f")
	for _, tag := range met {
		if tag != is.Tag || tag.Weak {
			t.Errorf("left: %v, and read with %s", met, is.Tag)
		}
	}
	if base.times != 1 {
		t.Errorf("a state that nobody writes to was asked about %d times", base.times)
	}
	m = mapped()
	defer unix.Munmap(m)
	stored("mapped once more", m)

	base.times = 0
	saved := put(t, f, "/f", "ours").Tag
	if info, err := f.Stat("/f"); err != nil || info.Tag != saved || base.times > 0 {
		t.Errorf("saved as %s, then %+v, %v; asked %d times", saved, info, err, base.times)
	}
	other := mapped()
	defer unix.Munmap(other)
	other[0] = 'x'
	info, err := f.Stat("/f")
	must(t, err)
	f.setTag(info, nil)
	base.times = 0
	f.distrust(info, time.Now().Add(dirtyTime+time.Second)) // the page was written to the disk long ago
	if info.Tag.Weak || base.times > 0 {
		t.Errorf("old: %s; asked %d times", info.Tag, base.times)
	}
}

// What is remembered of states has a bound, and the latest are among it.
func TestStatesAreBounded(t *testing.T) {
	const few = 100
	s := states[met]{atLeast: few}
	for i := range int64(5 * few) {
		s.note(fs.Identity{Mtime: i}, met{})
		if last := max(0, i-few+1); !s.has(fs.Identity{Mtime: last}) {
			t.Fatalf("after %d, %d is forgotten", i, last)
		}
	}
	if n := len(s.now) + len(s.before); n > 2*few {
		t.Errorf("%d states are remembered", n)
	}
}

// leaseless is a tree in which nobody can tell whether a file is being written.
type leaseless struct{ fs.FS }

type leaselessFile struct{ fs.File }

func (leaselessFile) Settled() bool { return false }

func (l leaseless) OpenRead(name string) (fs.File, error) {
	f, err := l.FS.OpenRead(name)
	return leaselessFile{f}, err
}

// Bytes that we have just committed need no lease to be known: their tag is strong at once, and only theirs.
func TestOwnCommitNeedsNoLease(t *testing.T) {
	f, dir := disk(t, Options{})
	f.base = leaseless{f.base}
	at := put(t, f, "/f", "ours").Tag
	if _, info := read(t, f, "/f"); info.Tag != at || at.Weak {
		t.Errorf("PUT: %s, then %s", at, info.Tag)
	}
	_, _, err := f.Copy(ctx, "/f", "/copy", CopyOptions{})
	must(t, err)
	if _, info := read(t, f, "/copy"); info.Tag.Weak {
		t.Errorf("COPY: %s", info.Tag)
	}
	old(f)
	inPlace(t, filepath.Join(dir, "f"), "them")
	if _, info := read(t, f, "/f"); !info.Tag.Weak {
		t.Errorf("written by another program: %s", info.Tag)
	}
}

// A time that a client sets keeps the digest, unless another program has the file open for writing.
func TestTimeKeepsTheDigest(t *testing.T) {
	for _, written := range []bool{false, true} {
		f, dir := disk(t, Options{Settings: Settings{Content: true}})
		before := put(t, f, "/f", "body")
		if written {
			writer, err := os.OpenFile(filepath.Join(dir, "f"), os.O_WRONLY, 0)
			must(t, err)
			defer writer.Close()
		}
		now, err := f.Update(ctx, "/f", time.Unix(1e9, 0), Write{})
		must(t, err)
		if known := f.digestOf(&now.Info) != nil; known == written || known && now.Tag != before.Tag {
			t.Errorf("open for writing %v: digest known %v, tag %s, was %s", written, known, now.Tag, before.Tag)
		}
	}
}

// Who has a write lease on a file, as Samba may, can have it mapped as well: it has no strong tag to look at either, and nobody waits
// for its end.
func TestLeasedFileHasNoStrongTagToLookAt(t *testing.T) {
	signal.Ignore(unix.SIGIO) // by which the system asks for the lease
	defer signal.Reset(unix.SIGIO)
	f, dir := disk(t, Options{})
	path := filepath.Join(dir, "f")
	must(t, os.WriteFile(path, []byte("body"), 0o644))
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer file.Close()
	_, err = unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
	must(t, err)
	m, err := unix.Mmap(int(file.Fd()), 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	defer unix.Munmap(m)
	m[0] = 'x'
	old(f)
	began := time.Now()
	if info, err := f.Stat("/f"); err != nil || !info.Tag.Weak {
		t.Errorf("leased: %+v, %v", info, err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("a look at it took %v", d)
	}
	_, err = unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	must(t, err)
	if info, err := f.Stat("/f"); err != nil || !info.Tag.Weak {
		t.Errorf("still mapped: %+v, %v", info, err)
	}
}
