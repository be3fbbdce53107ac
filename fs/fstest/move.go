package fstest

import (
	iofs "io/fs"
	"maps"
	"slices"
	"testing"

	"ifmatch/fs"
)

func testMoveFile(t *testing.T, f fs.FS) {
	mkcol(t, f, "/d")
	old := Put(t, f, "/f", "bytes")
	_, _, err := f.Move("/f", "/d/g", true, func(_, _ *fs.Info) error { return errRefused })
	if err != errRefused {
		t.Errorf("refused move = %v, want the error of check as it is", err)
	}
	want(t, f, "/f", "bytes")
	wantGone(t, f, "/d/g")
	info, release, err := f.Move("/f", "/d/g", true, func(src, dst *fs.Info) error {
		if src == nil || *src != old || dst != nil {
			t.Errorf("check was given %+v and %+v, want %+v and nil", src, dst, old)
		}
		return nil
	})
	must(t, err)
	release()
	wantGone(t, f, "/f")
	want(t, f, "/d/g", "bytes")
	if now := lookup(t, f, "/d/g"); now != info {
		t.Errorf("move returned %+v, the state is %+v", info, now)
	}
}

func testMoveCollection(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a", "/a/b")
	Put(t, f, "/a/1", "one")
	Put(t, f, "/a/b/2", "two")
	if _, err := move(f, "/a", "/z"); err != nil {
		t.Fatal(err)
	}
	got := Tree(t, f)
	if want := (map[string]string{"/z/": "", "/z/1": "one", "/z/b/": "", "/z/b/2": "two"}); !maps.Equal(got, want) {
		t.Errorf("tree = %v, want %v", got, want)
	}
}

// A move overwrites whatever is there: file or collection, by file or collection.
func testMoveOver(t *testing.T, f fs.FS) {
	build := map[string]func(name string) map[string]string{
		"file": func(name string) map[string]string {
			Put(t, f, name, "bytes of "+name)
			return map[string]string{"": "bytes of " + name}
		},
		"collection": func(name string) map[string]string {
			mkcol(t, f, name, name+"/sub")
			Put(t, f, name+"/sub/x", "bytes of "+name)
			return map[string]string{"/": "", "/sub/": "", "/sub/x": "bytes of " + name}
		},
	}
	for src, buildSrc := range build {
		for dst, buildDst := range build {
			tree := buildSrc("/src")
			buildDst("/dst")
			before := lookup(t, f, "/dst")
			if _, err := move(f, "/none", "/dst"); err == nil {
				t.Error("an unmapped name was moved")
			}
			if now := lookup(t, f, "/dst"); now.Ino != before.Ino {
				t.Error("a move from an unmapped name took the destination away")
			}
			if _, err := move(f, "/src", "/dst"); err != nil {
				t.Fatalf("%s over %s: %v", src, dst, err)
			}
			want := map[string]string{}
			for rest, body := range tree {
				want["/dst"+rest] = body
			}
			if got := Tree(t, f); !maps.Equal(got, want) {
				t.Errorf("%s over %s: tree = %v, want %v", src, dst, got, want)
			}
			noReserved(t, f, "/")
			must(t, retire(f, "/dst"))
		}
	}
}

func testMoveErrors(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a", "/a/b")
	Put(t, f, "/file", "x")
	for _, c := range []struct {
		src, dst string
		sentinel error
	}{
		{"/none", "/b", iofs.ErrNotExist},
		{"/file", "/none/b", iofs.ErrNotExist},
		{"/file", "/file/b", nil},
		{"/a/b", "/file/b", fs.ErrNotDir},
		{"/a", "/a/b/c", nil},
		{"/a/b", "/a", nil},
		{"/", "/b", nil},
		{"/a", "/", nil},
	} {
		_, err := move(f, c.src, c.dst)
		if err == nil {
			t.Errorf("move %s to %s worked", c.src, c.dst)
		} else if c.sentinel != nil {
			wantErr(t, "move "+c.src+" to "+c.dst, err, c.sentinel)
		}
	}
	if got := slices.Sorted(maps.Keys(Tree(t, f))); !slices.Equal(got, []string{"/a/", "/a/b/", "/file"}) {
		t.Errorf("refused moves left %q", got)
	}
}
