package fstest

import (
	"io"
	iofs "io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

func retire(f fs.FS, name string) error {
	release, err := f.Retire(name, true, accept)
	if err == nil {
		release()
	}
	return err
}

func move(f fs.FS, src, dst string) (fs.Info, error) {
	info, release, err := f.Move(src, dst, true, accept2)
	if err == nil {
		release()
	}
	return info, err
}

func testMakeCollection(t *testing.T, f fs.FS) {
	info, err := f.MakeCollection("/a")
	if err != nil || !info.IsCollection() {
		t.Fatalf("make collection = %+v, %v", info, err)
	}
	if now := lookup(t, f, "/a"); now.Ino != info.Ino {
		t.Errorf("make collection returned %+v, the state is %+v", info, now)
	}
	Put(t, f, "/file", "x")
	for name, sentinel := range map[string]error{
		"/a": iofs.ErrExist, "/file": iofs.ErrExist, "/none/b": iofs.ErrNotExist, "/file/b": fs.ErrNotDir,
	} {
		_, err := f.MakeCollection(name)
		wantErr(t, "make collection "+name, err, sentinel)
	}
	want(t, f, "/file", "x")
}

func testRetireFile(t *testing.T, f fs.FS) {
	old := Put(t, f, "/f", "bytes")
	reader, err := f.OpenRead("/f")
	must(t, err)
	defer reader.Close()
	_, err = f.Retire("/f", true, func(*fs.Info) error { return errRefused })
	if err != errRefused {
		t.Errorf("refused retire = %v, want the error of check as it is", err)
	}
	want(t, f, "/f", "bytes")
	release, err := f.Retire("/f", true, func(cur *fs.Info) error {
		if cur == nil || *cur != old {
			t.Errorf("check was given %+v, want %+v", cur, old)
		}
		return nil
	})
	must(t, err)
	wantGone(t, f, "/f")
	if got := list(t, f, "/"); len(got) != 0 {
		t.Errorf("a retired name is listed before its release: %q", got)
	}
	Put(t, f, "/f", "another")
	release()
	want(t, f, "/f", "another")
	if b, err := io.ReadAll(reader); err != nil || string(b) != "bytes" {
		t.Errorf("a reader from before got %q, %v; want the old bytes", b, err)
	}
	noReserved(t, f, "/")
}

func testRetireCollection(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a", "/a/b", "/a/b/c", "/keep")
	Put(t, f, "/a/1", "x")
	Put(t, f, "/a/b/2", "x")
	Put(t, f, "/a/b/c/3", "x")
	release, err := f.Retire("/a", true, func(cur *fs.Info) error {
		if cur == nil || !cur.IsCollection() {
			t.Errorf("check was given %+v, want a collection", cur)
		}
		return nil
	})
	must(t, err)
	wantGone(t, f, "/a/b/c/3")
	if got := slices.Sorted(maps.Keys(Tree(t, f))); !slices.Equal(got, []string{"/keep/"}) {
		t.Errorf("after the step: %q", got)
	}
	mkcol(t, f, "/a") // the name is free at once
	release()
	if got := slices.Sorted(maps.Keys(Tree(t, f))); !slices.Equal(got, []string{"/a/", "/keep/"}) {
		t.Errorf("after the release: %q", got)
	}
	noReserved(t, f, "/")
}

func testRetireErrors(t *testing.T, f fs.FS) {
	Put(t, f, "/file", "x")
	for name, sentinel := range map[string]error{
		"/none": iofs.ErrNotExist, "/none/x": iofs.ErrNotExist, "/file/x": fs.ErrNotDir,
	} {
		wantErr(t, "retire "+name, retire(f, name), sentinel)
	}
	if err := retire(f, "/"); err == nil {
		t.Error("the root was retired")
	}
	want(t, f, "/file", "x")
}

// A collection is built under a reserved name and moved into place.
func testHidden(t *testing.T, f fs.FS) {
	mkcol(t, f, "/d")
	a, b := f.Hidden("/d/x"), f.Hidden("/d/x")
	if a == b || path.Dir(a) != "/d" || !fs.Reserved(path.Base(a)) {
		t.Errorf("hidden names %q and %q: want two reserved ones in /d", a, b)
	}
	if got := f.Hidden("/x"); path.Dir(got) != "/" {
		t.Errorf("hidden beside /x = %q", got)
	}
	mkcol(t, f, a, a+"/sub")
	Put(t, f, a+"/sub/f", "bytes")
	if got := list(t, f, "/d"); len(got) != 0 {
		t.Errorf("a hidden collection is listed: %q", got)
	}
	if _, err := move(f, a, "/d/x"); err != nil {
		t.Fatal(err)
	}
	want(t, f, "/d/x/sub/f", "bytes")
	noReserved(t, f, "/d")
}

// What another instance left goes; what this one is building stays.
func testSweep(t *testing.T, f fs.FS) {
	mkcol(t, f, "/d", "/d/e")
	Put(t, f, "/d/e/keep", "x")
	left := "/" + fs.ReservedPrefix + "00000000deadbeef-1"
	for _, name := range []string{left, "/d/e" + left} {
		mkcol(t, f, name)
		Put(t, f, name+"/f", "x")
	}
	ours := f.Hidden("/d/y")
	mkcol(t, f, ours)
	staged, err := f.Stage("/d/z")
	must(t, err)
	defer staged.Discard()
	if n, err := f.Sweep(); err != nil || n != 2 {
		t.Errorf("sweep = %d, %v; want 2 removed", n, err)
	}
	noReserved(t, f, "/")
	noReserved(t, f, "/d/e")
	want(t, f, "/d/e/keep", "x")
	lookup(t, f, ours)
	must(t, staged.Prepare(time.Time{}, false))
	_, _, release, err := staged.Commit(false, accept)
	if err != nil {
		t.Fatalf("commit after a sweep: %v", err)
	}
	release()
	if n, err := f.Sweep(); err != nil || n != 0 {
		t.Errorf("second sweep = %d, %v", n, err)
	}
}

// What begins as a reserved name and is none that a tree gives belongs to somebody else: it is told of and stays.
func testSweepLeavesOthers(t *testing.T, f fs.FS) {
	mkcol(t, f, "/d")
	for _, base := range []string{"notes", "", "3", "dead-1", "00000000deadbeef", "00000000deadbeef-", "00000000deadbeef-1.bak",
		"00000000deadbeef-1-was-1", "00000000DEADBEEF-1", "00000000deadbeef-1-moving-5", "old-00000000deadbeef-1"} {
		other := "/d/" + fs.ReservedPrefix + base
		mkcol(t, f, other, other+"/deep")
		Put(t, f, other+"/deep/f", base)
		if n, err := f.Sweep(); n != 0 || err == nil || !strings.Contains(err.Error(), other) {
			t.Errorf("sweep = %d, %v; want to be told of %s", n, err, other)
		}
		want(t, f, other+"/deep/f", base)
		must(t, retire(f, other))
	}
}

func testSetModTime(t *testing.T, f fs.FS) {
	mkcol(t, f, "/d")
	Put(t, f, "/f", "x")
	chosen := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, name := range []string{"/d", "/f"} {
		before := lookup(t, f, name)
		was, info, err := f.SetModTime(name, chosen)
		must(t, err)
		if was != before.Identity && was != (fs.Identity{}) {
			t.Errorf("%s: the state before was %+v, not %+v", name, before.Identity, was)
		}
		if now := lookup(t, f, name); now != info {
			t.Errorf("%s: returned %+v, the state is %+v", name, info, now)
		}
		if info.ModTime().Unix() != chosen.Unix() || info.Identity == before.Identity {
			t.Errorf("%s: time %v, want the second of %v", name, info.ModTime(), chosen)
		}
	}
	_, _, err := f.SetModTime("/none", chosen)
	wantErr(t, "set time of an unmapped name", err, iofs.ErrNotExist)
}

func testSyncDir(t *testing.T, f fs.FS) {
	mkcol(t, f, "/d")
	Put(t, f, "/d/f", "x")
	for _, name := range []string{"/", "/d"} {
		if err := f.SyncDir(name); err != nil {
			t.Errorf("sync %s: %v", name, err)
		}
	}
	if err := f.SyncAll(); err != nil {
		t.Errorf("sync of all: %v", err)
	}
	wantErr(t, "sync of an unmapped name", f.SyncDir("/none"), iofs.ErrNotExist)
}

func testUsage(t *testing.T, f fs.FS) {
	Put(t, f, "/f", strings.Repeat("x", 1000))
	for _, name := range []string{"/", "/f"} {
		u, err := f.Usage(name)
		if err != nil || u.AvailableBytes <= 0 || u.UsedBytes < 1000 {
			t.Errorf("usage of %s = %+v, %v", name, u, err)
		}
	}
	_, err := f.Usage("/none")
	wantErr(t, "usage of an unmapped name", err, iofs.ErrNotExist)
}
