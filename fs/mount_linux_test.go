package fs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func mount(t *testing.T, kind, source, data string, flags uintptr) string {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	if err := unix.Mount(source, dir, kind, flags, data); err != nil {
		t.Fatalf("mount %s: %v", kind, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := mount(t, "tmpfs", "small", "size=2m,nr_inodes=20", 0)
	f := openRoot(t, dir, RootOptions{})
	if f.Features().Sync {
		t.Error("what is in memory is said to survive a power cut")
	}
	mustPut(t, f, "/f", "old")
	before, err := f.Stage("/f")
	must(t, err)
	usage, err := f.Usage("/")
	wantErr(t, "as much as there is", errors.Join(err, before.Expect(usage.AvailableBytes, true)), nil)
	wantErr(t, "more than there is", before.Expect(usage.AvailableBytes+1, true), ErrNoSpace)
	began := time.Now()
	wantErr(t, "more than there could be", before.Expect(1<<40, true), ErrNoSpace)
	if took := time.Since(began); took >= 2*time.Second {
		t.Errorf("what no wait can help took %s", took)
	}
	broken, err := f.Stage("/broken")
	if err == nil {
		_, err = broken.Write(make([]byte, 512<<10))
	}
	wantErr(t, "an upload that breaks off", err, nil)
	time.AfterFunc(fitsEvery, broken.Discard)
	wantErr(t, "and gives its room back in a moment", before.Expect(usage.AvailableBytes, true), nil)
	before.Discard()
	for _, from := range []string{"Write", "ReadFrom", "copy"} {
		s, err := f.Stage("/f")
		must(t, err)
		big := make([]byte, 3<<20)
		switch from {
		case "Write":
			_, err = s.Write(big)
		case "ReadFrom":
			_, err = s.ReadFrom(bytes.NewReader(big))
		case "copy":
			src, e := os.CreateTemp(t.TempDir(), "")
			if e != nil {
				t.Fatal(e)
			}
			defer src.Close()
			src.Write(big)
			src.Seek(0, 0)
			_, err = s.ReadFrom(src)
		}
		wantErr(t, from, err, ErrNoSpace)
		s.Discard()
		if got := read(t, f, "/f"); got != "old" {
			t.Errorf("%q", got)
		}
	}
	for n := 0; n < 30 && err == nil; n++ {
		_, err = f.MakeCollection("/d" + string(rune('a'+n)))
	}
	wantErr(t, "no inode left", err, ErrNoSpace)
	_, err = f.Stage("/g")
	wantErr(t, "no inode left", err, ErrNoSpace)
	if u, err := f.Usage("/"); err != nil || u.AvailableBytes+u.UsedBytes != 2<<20 {
		t.Errorf("%+v, %v", u, err)
	}
	noReserved(t, dir)
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o666)
	left := filepath.Join(dir, ReservedPrefix+"0123456789abcdef-1") // by a server that could write
	os.WriteFile(left, []byte("x"), 0o666)
	check := func(t *testing.T, f *Root) {
		if !f.Features().ReadOnly {
			t.Errorf("%+v", f.Features())
		}
		if info, err := f.Lookup("/f"); err != nil || f.Granularity(info.Dev) != 2*time.Second || f.Features().Granularity != 2*time.Second {
			t.Errorf("it may be a FAT, and its steps are %v, %v", f.Granularity(info.Dev), err)
		}
		if got := read(t, f, "/f"); got != "x" {
			t.Error(got)
		}
		_, err := f.Stage("/g")
		wantErr(t, "Stage", err, ErrReadOnly)
		_, err = f.MakeCollection("/d")
		wantErr(t, "MakeCollection", err, ErrReadOnly)
		_, err = f.Retire("/f", false, accept)
		wantErr(t, "Retire", err, ErrReadOnly)
		_, _, err = f.Move("/f", "/g", false, accept2)
		wantErr(t, "Move", err, ErrReadOnly)
		_, _, err = f.SetModTime("/f", time.Now())
		wantErr(t, "SetModTime", err, ErrReadOnly)
		_, err = f.Create("/g")
		wantErr(t, "Create", err, ErrReadOnly)
		if err := f.SyncDir("/"); err != nil {
			t.Error(err)
		}
		f.Sweep()
		if _, err := os.Lstat(left); err != nil {
			t.Error("Sweep:", err)
		}
	}
	t.Run("option", func(t *testing.T) { check(t, openRoot(t, dir, RootOptions{ReadOnly: true})) })
	t.Run("mount", func(t *testing.T) {
		at := mount(t, "none", dir, "", unix.MS_BIND)
		must(t, unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		check(t, openRoot(t, at, RootOptions{}))
	})
}

// A file system mounted inside the tree is served, with its own clock; a rename cannot cross into it, and a mount
// point cannot be taken away.
func TestMountInside(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	if _, err := f.MakeCollection("/m"); err != nil {
		t.Fatal(err)
	}
	must(t, unix.Mount("inside", dir+"/m", "tmpfs", 0, ""))
	defer unix.Unmount(dir+"/m", unix.MNT_DETACH)
	m, err := f.Lookup("/m")
	if err != nil || f.Granularity(m.Dev) != unknownGranularity {
		t.Errorf("before it was tried: %v, %v", f.Granularity(m.Dev), err)
	}
	mustPut(t, f, "/m/f", "there")
	if f.Granularity(m.Dev) >= time.Second {
		t.Errorf("tmpfs tells changes apart within %v", f.Granularity(m.Dev))
	}
	mustPut(t, f, "/f", "here")
	for _, exact := range []bool{false, true} {
		_, _, err := f.Move("/f", "/m/g", exact, accept2)
		wantErr(t, "Move", err, ErrCrossDevice)
		_, _, err = f.Move("/f", "/m/f", exact, accept2)
		wantErr(t, "Move over", err, ErrCrossDevice)
	}
	_, err = f.Retire("/m", false, accept)
	wantErr(t, "Retire", err, os.ErrPermission)
	if read(t, f, "/m/f") != "there" || read(t, f, "/f") != "here" {
		t.Error("something moved")
	}
	noReserved(t, dir)
}

// TestNameInLargeDirectoryOfAMount: on a file system below the root that nothing was staged on, a name is not looked for in its
// directory once it is known that case is told apart there.
func TestNameInLargeDirectoryOfAMount(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	must(t, os.Mkdir(dir+"/m", 0o700))
	must(t, unix.Mount("inside", dir+"/m", "tmpfs", 0, ""))
	t.Cleanup(func() { unix.Unmount(dir+"/m", unix.MNT_DETACH) })
	must(t, os.Mkdir(dir+"/m/big", 0o700))
	for i := range 2000 {
		must(t, os.WriteFile(dir+"/m/big/"+strconv.Itoa(i), nil, 0o600))
	}
	allocated := testing.AllocsPerRun(10, func() {
		_, err := f.Lookup("/m/big/1234")
		must(t, err)
	})
	if allocated > 100 {
		t.Errorf("a look allocates %v times", allocated)
	}
}

// An overlay has O_TMPFILE and exchange by way of the file system below, or by copying up.
func TestOverlay(t *testing.T) {
	base := mount(t, "tmpfs", "layers", "", 0)
	for _, d := range []string{"lower", "upper", "work"} {
		must(t, os.Mkdir(filepath.Join(base, d), 0o777))
	}
	os.WriteFile(base+"/lower/f", []byte("lower"), 0o666)
	os.WriteFile(base+"/lower/gone", []byte("lower"), 0o666)
	dir := mount(t, "overlay", "overlay", "lowerdir="+base+"/lower,upperdir="+base+"/upper,workdir="+base+"/work", 0)
	f := openRoot(t, dir, RootOptions{})
	t.Logf("%+v", f.Features())
	everyChange(t, f)
	noReserved(t, dir)
}

// An overlay renames no directory of a layer below, unless it may leave a redirect behind: it is removed when it is empty.
func TestRetireDirectoryOfLowerLayer(t *testing.T) {
	base := mount(t, "tmpfs", "layers", "", 0)
	for _, d := range []string{"lower/empty", "lower/full/sub", "upper", "work"} {
		must(t, os.MkdirAll(filepath.Join(base, d), 0o777))
	}
	dir := mount(t, "overlay", "overlay", "redirect_dir=off,lowerdir="+base+"/lower,upperdir="+base+"/upper,workdir="+base+"/work", 0)
	f := openRoot(t, dir, RootOptions{})
	_, err := f.Retire("/full", true, accept)
	wantErr(t, "with a member", err, ErrNotEmpty)
	mustLookup(t, f, "/full/sub")
	for _, name := range []string{"/empty", "/full/sub", "/full"} {
		release, err := f.Retire(name, true, accept)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		release()
		if _, err := f.Lookup(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noReserved(t, dir)
}

// everyChange does what a client can do and looks at what is there.
func everyChange(t *testing.T, f *Root) {
	t.Helper()
	for _, exact := range []bool{false, true} {
		mustPut(t, f, "/new", "new")
		for _, name := range []string{"/f", "/new"} {
			_, _, err := put(f, name, "changed", exact, accept)
			if err != nil || read(t, f, name) != "changed" {
				t.Errorf("%s exact %v: %v", name, exact, err)
			}
		}
		for _, over := range []bool{false, true} {
			mustPut(t, f, "/src", "moved")
			if over {
				mustPut(t, f, "/dst", "old")
			}
			_, release, err := f.Move("/src", "/dst", exact, accept2)
			if err != nil {
				t.Errorf("move, exact %v, over %v: %v", exact, over, err)
				continue
			}
			release()
			if _, err := f.Lookup("/src"); !errors.Is(err, os.ErrNotExist) || read(t, f, "/dst") != "moved" {
				t.Errorf("moved, exact %v, over %v: src %v", exact, over, err)
			}
			if over {
				break
			}
			if release, err := f.Retire("/dst", exact, accept); err != nil {
				t.Error(err)
			} else {
				release()
			}
		}
		for _, d := range []string{"/c1", "/c1/x", "/c2"} {
			if _, err := f.MakeCollection(d); err != nil {
				t.Fatal(err)
			}
		}
		mustPut(t, f, "/c1/x/f", "deep")
		for _, dst := range []string{"/c2", "/dst", "/c3"} {
			_, release, err := f.Move("/c1", dst, exact, accept2)
			if err != nil {
				t.Errorf("move of a collection to %s, exact %v: %v", dst, exact, err)
				continue
			}
			release()
			if _, err := f.Lookup("/c1"); !errors.Is(err, os.ErrNotExist) || read(t, f, dst+"/x/f") != "deep" {
				t.Errorf("moved to %s: %v", dst, err)
			}
			if _, release, err = f.Move(dst, "/c1", exact, accept2); err != nil {
				t.Fatal(err)
			}
			release()
		}
		for _, name := range []string{"/c1", "/new"} {
			release, err := f.Retire(name, exact, accept)
			if err != nil {
				t.Errorf("retire %s: %v", name, err)
				continue
			}
			release()
		}
	}
}
