package etagfs

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs"
	"ifmatch/fs/fstest/loop"
)

// Changes by other programs: after the writer's call has returned, the very next answer shows the
// new state. Each way of changing runs thousands of times, with stat tags and content tags, with
// reports of changes and without.

// outside is one way in which another program changes what is at /d/f. The body always has the same size.
type outside struct {
	name   string
	setup  func(t *testing.T, dir string)
	change func(t *testing.T, dir, body string)
	served string // name under which the change is seen; "" is /d/f
}

func inPlace(t *testing.T, path, body string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(body), 0)
	must(t, err)
	must(t, f.Close())
}

var outsiders = []outside{
	{name: "in-place write of the same size", change: func(t *testing.T, dir, body string) {
		inPlace(t, filepath.Join(dir, "d/f"), body)
	}},
	{name: "rename over", change: func(t *testing.T, dir, body string) {
		must(t, os.WriteFile(filepath.Join(dir, "d/new"), []byte(body), 0o644))
		must(t, os.Rename(filepath.Join(dir, "d/new"), filepath.Join(dir, "d/f")))
	}},
	{name: "touch -r", change: func(t *testing.T, dir, body string) {
		path := filepath.Join(dir, "d/f")
		fi, err := os.Stat(path)
		must(t, err)
		inPlace(t, path, body)
		must(t, os.Chtimes(path, fi.ModTime(), fi.ModTime()))
	}},
	{name: "rename over with the same mtime", change: func(t *testing.T, dir, body string) {
		must(t, os.WriteFile(filepath.Join(dir, "d/new"), []byte(body), 0o644))
		must(t, os.Chtimes(filepath.Join(dir, "d/new"), time.Unix(1e9, 0), time.Unix(1e9, 0)))
		must(t, os.Rename(filepath.Join(dir, "d/new"), filepath.Join(dir, "d/f")))
	}},
	{name: "edit through a hard link",
		setup: func(t *testing.T, dir string) {
			must(t, os.Link(filepath.Join(dir, "d/f"), filepath.Join(dir, "link")))
		},
		change: func(t *testing.T, dir, body string) { inPlace(t, filepath.Join(dir, "link"), body) }},
	{name: "mmap write", change: mmapWrite},
	{name: "directory renamed above", change: func(t *testing.T, dir, body string) {
		must(t, os.Mkdir(filepath.Join(dir, "e"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "e/f"), []byte(body), 0o644))
		must(t, os.Rename(filepath.Join(dir, "d"), filepath.Join(dir, "old")))
		must(t, os.Rename(filepath.Join(dir, "e"), filepath.Join(dir, "d")))
		must(t, os.RemoveAll(filepath.Join(dir, "old")))
	}},
	{name: "symlinked directory", served: "/s/f",
		setup: func(t *testing.T, dir string) { must(t, os.Symlink("d", filepath.Join(dir, "s"))) },
		change: func(t *testing.T, dir, body string) {
			inPlace(t, filepath.Join(dir, "d/f"), body)
		}},
	{name: "symbolic link turned", served: "/s/f",
		setup: func(t *testing.T, dir string) { must(t, os.Symlink("d", filepath.Join(dir, "s"))) },
		change: func(t *testing.T, dir, body string) {
			other, err := os.MkdirTemp(dir, "other")
			must(t, err)
			must(t, os.WriteFile(filepath.Join(other, "f"), []byte(body), 0o644))
			must(t, os.Symlink(filepath.Base(other), filepath.Join(dir, "s2")))
			must(t, os.Rename(filepath.Join(dir, "s2"), filepath.Join(dir, "s")))
		}},
	{name: "bind-mounted directory", served: "/b/f",
		setup: func(t *testing.T, dir string) {
			must(t, os.Mkdir(filepath.Join(dir, "b"), 0o755))
			must(t, unix.Mount(filepath.Join(dir, "d"), filepath.Join(dir, "b"), "", unix.MS_BIND, ""))
			t.Cleanup(func() { unix.Unmount(filepath.Join(dir, "b"), unix.MNT_DETACH) })
		},
		change: func(t *testing.T, dir, body string) { inPlace(t, filepath.Join(dir, "d/f"), body) }},
}

// mmapWrite stores through a shared mapping and returns after msync, as a database does. ext4, XFS and Btrfs move the times
// with the first store to a page after it was written back; tmpfs with a store to a page that the program has not read before,
// and never again, so nothing can tell there.
func mmapWrite(t *testing.T, dir, body string) {
	f, err := os.OpenFile(filepath.Join(dir, "d/f"), os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, len(body), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	copy(m, body)
	must(t, unix.Msync(m, unix.MS_SYNC))
	must(t, unix.Munmap(m))
}

func TestExternalChangesAreSeenAtOnce(t *testing.T) {
	rounds := 1000 // in each of four modes
	if testing.Short() {
		rounds = 50
	}
	for _, o := range outsiders {
		for _, mode := range []Options{{}, {Settings: Settings{NoNotify: true}}, {Settings: Settings{Content: true}}, {Settings: Settings{Content: true, NoNotify: true}}} {
			t.Run(fmt.Sprintf("%s/content=%v/notify=%v", o.name, mode.Content, !mode.NoNotify), func(t *testing.T) {
				if o.name == "bind-mounted directory" && os.Getuid() != 0 {
					t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
				}
				n := rounds
				if o.name == "mmap write" {
					n = rounds / 2 // each is an msync to the disk
				}
				seenAtOnce(t, t.TempDir(), o, mode, n)
			})
		}
	}
}

// On file systems that stack on others, where reports and times are not to be relied on.
func TestExternalChangesOnStackedFileSystems(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	for kind, mount := range map[string]func(t *testing.T, dir string) string{"overlayfs": mountOverlay, "FUSE": func(t *testing.T, dir string) string { return mountBindfs(t, dir) }} {
		for _, o := range outsiders {
			if o.name == "bind-mounted directory" {
				continue
			}
			for _, mode := range []Options{{}, {Settings: Settings{Content: true}}} {
				t.Run(fmt.Sprintf("%s/%s/content=%v", kind, o.name, mode.Content), func(t *testing.T) {
					seenAtOnce(t, mount(t, t.TempDir()), o, mode, 50)
				})
			}
		}
	}
}

// A file system in user space, as one of the network, may keep the attributes that it was told, and is changed on its far
// side. Nothing is read here, for that makes the kernel ask anew.
func TestChangesOnTheFarSideAreSeenAtOnce(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	dir := t.TempDir()
	f := diskAt(t, mountBindfs(t, dir, "-o", "attr_timeout=3600,entry_timeout=3600"), Options{})
	far := filepath.Join(dir, "below", "f")
	must(t, os.WriteFile(far, []byte("body 000000"), 0o644))
	looks := map[string]func() fs.Identity{
		"stat": func() fs.Identity {
			info, err := f.Stat("/f")
			must(t, err)
			return info.Identity
		},
		"list": func() (id fs.Identity) {
			must(t, f.List("/", func(_ string, info *Info) error {
				id = info.Identity
				return nil
			}))
			return id
		},
		"save": func() (id fs.Identity) {
			_, _, err := f.Put(ctx, "/f", strings.NewReader("ours"), PutOptions{Write: Write{Exact: true, Tags: true, Check: func(cur *Info) error {
				id = cur.Identity
				return errRefused
			}}})
			if err != errRefused {
				t.Fatal(err)
			}
			return id
		},
	}
	body := "body 000000"
	for range 10 {
		for what, look := range looks {
			before := looks["stat"]()
			body += "x" // the clock may be too coarse to tell
			inPlace(t, far, body)
			if id := look(); id == before {
				t.Errorf("%s shows %+v as before", what, id)
			}
		}
	}
}

// write(2) gives a file its new times before the bytes. Who reads in between through a mount sees no lease of who writes on the far
// side: here a store into a page that is dirty already, which leaves the times alone as the rest of a write(2) does.
func TestBytesOfAWriteOnTheFarSideHaveNoStrongTagBeforeItsEnd(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	for _, content := range []bool{false, true} {
		dir := t.TempDir()
		f := diskAt(t, mountBindfs(t, dir), Options{Settings: Settings{Content: content}})
		far, err := os.Create(filepath.Join(dir, "below", "f"))
		must(t, err)
		defer far.Close()
		must(t, far.Truncate(3))
		page, err := unix.Mmap(int(far.Fd()), 0, 3, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		must(t, err)
		defer unix.Munmap(page)
		seen := make(map[ETag]string)
		for _, body := range []string{"old", "new"} {
			copy(page, body)
			file, err := f.Open("/f")
			must(t, err)
			defer file.Close()
			got, err := io.ReadAll(file)
			must(t, err)
			tag := file.State().Tag
			if was, ok := seen[tag]; ok && was != string(got) && strong(tag) {
				t.Errorf("content=%v: %q and %q have the tag %v", content, was, got, tag)
			}
			seen[tag] = string(got)
		}
		if info, err := f.Stat("/f"); err != nil || !content && strong(info.Tag) {
			t.Errorf("content=%v: %v, %v", content, info, err)
		}
	}
}

// A time that a client chose, and the one that a save stamps, are kept by file systems that hear nothing of a mtime alone.
func TestModTimeIsKeptOnFUSE(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	f := diskAt(t, mountBindfs(t, t.TempDir()), Options{})
	want := time.Unix(1e9, 0)
	info, _, err := f.Put(ctx, "/f", strings.NewReader("x"), PutOptions{ModTime: want})
	must(t, err)
	if got := info.ModTime().Unix(); got != want.Unix() {
		t.Errorf("put at %d, and it is %d", want.Unix(), got)
	}
	want = want.Add(time.Hour)
	info, err = f.Update(ctx, "/f", want, Write{})
	must(t, err)
	if got := info.ModTime().Unix(); got != want.Unix() {
		t.Errorf("set to %d, and it is %d", want.Unix(), got)
	}
}

// What is answered to a write is the tag of the next look also where a file cannot be given its name in one step: FUSE keeps what
// is removed while it is open under another name, so that its state changes when it is closed.
func TestAnsweredTagIsThatOfTheNextLookOnFUSE(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	dir := mountBindfs(t, t.TempDir())
	f := diskAt(t, dir, Options{})
	for i := range 20 {
		name := fmt.Sprint("/f", i)
		body := func() *strings.Reader { return strings.NewReader(name) }
		for _, write := range []struct {
			what, name string
			do         func() (*Info, bool, error)
		}{
			{"create", name, func() (*Info, bool, error) { return f.Put(ctx, name, body(), PutOptions{}) }},
			{"replace", name, func() (*Info, bool, error) { return f.Put(ctx, name, body(), PutOptions{}) }},
			{"replace exactly", name, func() (*Info, bool, error) {
				return f.Put(ctx, name, body(), PutOptions{Write: Write{Exact: true}})
			}},
			{"copy", name + "c", func() (*Info, bool, error) { return f.Copy(ctx, name, name+"c", CopyOptions{}) }},
			{"move", name + "m", func() (*Info, bool, error) { return f.Move(ctx, name, name+"m", Write2{}) }},
			{"move over", name + "m", func() (*Info, bool, error) { return f.Move(ctx, name+"c", name+"m", Write2{}) }},
			{"create again", name, func() (*Info, bool, error) { return f.Put(ctx, name, body(), PutOptions{}) }},
			{"move over exactly", name + "m", func() (*Info, bool, error) {
				return f.Move(ctx, name, name+"m", Write2{Exact: true})
			}},
		} {
			info, _, err := write.do()
			must(t, err)
			now, err := f.Stat(write.name)
			must(t, err)
			if info.Tag != now.Tag || !strong(now.Tag) {
				t.Errorf("%s: answered %q, and the next look says %q", write.what, info.Tag, now.Tag)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, fs.ReservedPrefix+"*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

func mountOverlay(t *testing.T, dir string) string {
	t.Helper()
	loop.Ext4(t, dir, 32<<20) // not in memory, where nothing is written out, and not on an overlay, where there is no other
	var paths []any
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
		paths = append(paths, filepath.Join(dir, d))
	}
	merged := paths[3].(string)
	must(t, unix.Mount("overlay", merged, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", paths[:3]...)))
	t.Cleanup(func() { unix.Unmount(merged, unix.MNT_DETACH) })
	return merged
}

// mountBindfs mounts a mirror of an empty directory through user space; the Debian package is bindfs.
func mountBindfs(t *testing.T, dir string, options ...string) string {
	t.Helper()
	below, above := filepath.Join(dir, "below"), filepath.Join(dir, "above")
	must(t, os.Mkdir(below, 0o755))
	must(t, os.Mkdir(above, 0o755))
	if out, err := exec.Command("bindfs", append(options, below, above)...).CombinedOutput(); err != nil {
		t.Fatalf("bindfs: %v: %s", err, out)
	}
	t.Cleanup(func() { unix.Unmount(above, unix.MNT_DETACH) })
	return above
}

// seenAtOnce has another program change a file and looks at once. local: the file system tells
// apart who writes (leases) and every change (times), so nothing is left in doubt.
func seenAtOnce(t *testing.T, dir string, o outside, mode Options, rounds int) {
	local := !strings.Contains(t.Name(), "Stacked")
	f := diskAt(t, dir, mode)
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "d/f"), []byte("body 000000"), 0o644))
	if o.setup != nil {
		o.setup(t, dir)
	}
	name := o.served
	if name == "" {
		name = "/d/f"
	}
	seen := map[ETag]string{}
	for i := range rounds {
		body := fmt.Sprintf("body %06d", i+1)
		o.change(t, dir, body)
		got, info := read(t, f, name)
		if got != body {
			t.Fatalf("round %d: read %q, want %q", i, got, body)
		}
		st, err := f.Stat(name)
		must(t, err)
		if strong(st.Tag) && strong(info.Tag) && st.Tag != info.Tag {
			t.Fatalf("round %d: stat says %s, open %s", i, st.Tag, info.Tag)
		}
		if listed := listedTag(t, f, name); strong(listed) && strong(info.Tag) && listed != info.Tag {
			t.Fatalf("round %d: a listing says %s, open %s", i, listed, info.Tag)
		} else if local && !mode.Content && !strong(listed) {
			t.Fatalf("round %d: nobody writes any more, and a listing says %q", i, listed)
		}
		if old, ok := seen[info.Tag]; ok && !info.Tag.IsZero() {
			t.Fatalf("round %d: the tag %s stood for %q and now for %q", i, info.Tag, old, body)
		}
		if local && !strong(info.Tag) {
			t.Fatalf("round %d: nobody writes any more, and the tag is %q", i, info.Tag)
		}
		if want := hashTag(sha256.Sum256([]byte(body))); mode.Content && strong(info.Tag) && info.Tag != want {
			t.Fatalf("round %d: tag %s, want %s", i, info.Tag, want)
		}
		seen[info.Tag] = body
	}
}

// listedTag is the tag of a member in the list of its collection.
func listedTag(t *testing.T, f *FS, name string) (tag ETag) {
	t.Helper()
	found := false
	must(t, f.List(path.Dir(name), func(base string, info *Info) error {
		if base == path.Base(name) {
			found, tag = true, info.Tag
		}
		return nil
	}))
	if !found {
		t.Fatalf("%s is not listed", name)
	}
	return tag
}

// A burst that the kernel's queue of reports cannot hold: everything cached is forgotten, and nothing is stale, neither
// while the reports wait, nor after some were lost.
func TestQueueOverflowForgetsEverything(t *testing.T) {
	changes := 100_000
	if testing.Short() {
		changes = 20_000
	}
	queue, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	limit, err := strconv.Atoi(strings.TrimSpace(string(queue)))
	must(t, err)
	changes = max(changes, limit+1000)
	f, dir := disk(t, Options{Settings: Settings{Content: true}})
	const files = 100
	for i := range files {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte("body 000000"), 0o644))
	}
	must(t, os.WriteFile(filepath.Join(dir, "untouched"), nil, 0o644))
	_, err = f.HashAll(ctx, HashOptions{})
	must(t, err)
	untouched, err := f.base.Lookup("/untouched")
	must(t, err)
	fresh := func() {
		t.Helper()
		for i := changes - files; i < changes; i++ {
			body := fmt.Sprintf("body %06d", i)
			info, err := f.Stat("/" + fmt.Sprint(i%files))
			must(t, err)
			if want := hashTag(sha256.Sum256([]byte(body))); info.Tag != want {
				t.Fatalf("%d: tag %s, want that of %q", i%files, info.Tag, body)
			}
		}
	}
	word, cancel := f.Subscribe("/0")
	defer cancel()
	f.subs.mu.Lock() // who takes the reports waits to tell the first one
	for i := range changes {
		inPlace(t, filepath.Join(dir, fmt.Sprint(i%files)), fmt.Sprintf("body %06d", i))
	}
	fresh()
	f.subs.mu.Unlock()
	for late := time.After(5 * time.Minute); f.Stats().Overflows == 0 && !withoutNotify; {
		select {
		case <-word:
		case <-late:
			t.Fatal("no report was lost")
		}
	}
	for late := time.Now().Add(time.Minute); !withoutNotify; time.Sleep(time.Millisecond) {
		if _, known := f.content.get(untouched.Identity); !known {
			break
		}
		if time.Now().After(late) {
			t.Fatal("what nobody has touched is not forgotten")
		}
	}
	fresh()
}
