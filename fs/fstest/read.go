package fstest

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"ifmatch/fs"
)

func testResolve(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a")
	Put(t, f, "/a/file", "x")
	for _, name := range []string{"/", "/a", "/a/file", "/a/unmapped", "/unmapped"} {
		if real, err := f.Resolve(name); err != nil || real != name {
			t.Errorf("resolve %s = %q, %v; want the name itself", name, real, err)
		}
		if real, links, err := f.Way(name); err != nil || real != name || links != nil {
			t.Errorf("way of %s = %q, %q, %v; want the name itself and no links", name, real, links, err)
		}
	}
	for name, sentinel := range map[string]error{
		"/none/x":                        iofs.ErrNotExist,
		"/a/none/x/y":                    iofs.ErrNotExist,
		"/a/file/x":                      fs.ErrNotDir,
		"/a/file/x/y":                    fs.ErrNotDir,
		"/" + strings.Repeat("n", 300):   fs.ErrNameTooLong,
		"/a/" + strings.Repeat("n", 300): fs.ErrNameTooLong,
		"/a\x00b":                        fs.ErrBadName,
	} {
		_, err := f.Resolve(name)
		wantErr(t, "resolve "+short(name), err, sentinel)
	}
}

func testLookup(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a")
	put := Put(t, f, "/a/file", "four")
	info := lookup(t, f, "/a/file")
	if info != put {
		t.Errorf("lookup = %+v, want what commit returned: %+v", info, put)
	}
	if info.SizeBytes != 4 || info.IsCollection() || !info.Mode.IsRegular() || info.Ino == 0 || info.Links != 1 {
		t.Errorf("state of a file = %+v", info)
	}
	for _, name := range []string{"/", "/a"} {
		if info := lookup(t, f, name); !info.IsCollection() || info.Ino == 0 {
			t.Errorf("state of %s = %+v", name, info)
		}
	}
	for name, sentinel := range map[string]error{
		"/none": iofs.ErrNotExist, "/none/x": iofs.ErrNotExist, "/a/file/x": fs.ErrNotDir,
	} {
		_, err := f.Lookup(name)
		wantErr(t, "lookup "+name, err, sentinel)
	}
}

func testOpenRead(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a")
	info := Put(t, f, "/a/file", "0123456789")
	r, err := f.OpenRead("/a/file")
	must(t, err)
	defer r.Close()
	if r.Info() != info {
		t.Errorf("state of the descriptor = %+v, want %+v", r.Info(), info)
	}
	if again, err := r.Again(); err != nil || again != info {
		t.Errorf("state read anew = %+v, %v; want %+v", again, err, info)
	}
	if at, err := r.Seek(-3, io.SeekEnd); err != nil || at != 7 {
		t.Errorf("seek = %d, %v", at, err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "789" {
		t.Errorf("after the seek: %q, %v", b, err)
	}
	b := make([]byte, 5)
	if n, err := r.ReadAt(b, 7); n != 3 || err != io.EOF {
		t.Errorf("read at the end = %d, %v; want 3, EOF", n, err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("seek to before the start worked")
	}
	if _, err := r.Write([]byte("x")); err == nil {
		t.Error("a file opened for reading was written to")
	}
	for name, sentinel := range map[string]error{
		"/none": iofs.ErrNotExist, "/a": fs.ErrIsDir, "/": fs.ErrIsDir, "/a/file/x": fs.ErrNotDir,
	} {
		_, err := f.OpenRead(name)
		wantErr(t, "open "+name, err, sentinel)
	}
}

func testList(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a", "/a/sub", "/empty")
	file := Put(t, f, "/a/file", "x")
	mkcol(t, f, f.Hidden("/a/x"))
	staged, err := f.Stage("/a/staged")
	must(t, err)
	defer staged.Discard()
	got := map[string]fs.Info{}
	err = f.List("/a", func(base string, info *fs.Info) error {
		got[base] = *info
		return nil
	})
	must(t, err)
	sub := got["sub"]
	if len(got) != 2 || got["file"] != file || !sub.IsCollection() {
		t.Errorf("list = %+v, want file and sub with their states", got)
	}
	if got := list(t, f, "/empty"); len(got) != 0 {
		t.Errorf("empty collection lists %q", got)
	}
	err = f.List("/a", func(string, *fs.Info) error { return errRefused })
	wantErr(t, "error of fn", err, errRefused)
	for name, sentinel := range map[string]error{
		"/none": iofs.ErrNotExist, "/a/file": fs.ErrNotDir, "/a/file/x": fs.ErrNotDir,
	} {
		err := f.List(name, func(string, *fs.Info) error { return nil })
		wantErr(t, "list "+name, err, sentinel)
	}
}

// Whatever is made and retired while a collection is listed, members that stay are shown once.
func testListManyWhileChanging(t *testing.T, f fs.FS) {
	for i := range 400 {
		Put(t, f, fmt.Sprintf("/stay%03d", i), "x")
		if i%3 == 0 {
			Put(t, f, fmt.Sprintf("/go%03d", i), "x")
		}
	}
	seen := map[string]int{}
	next := 0
	err := f.List("/", func(base string, _ *fs.Info) error {
		seen[base]++
		if next < 400 {
			if err := retire(f, fmt.Sprintf("/go%03d", next)); err != nil {
				return err
			}
			next += 3
		}
		return nil
	})
	must(t, err)
	for i := range 400 {
		if n := seen[fmt.Sprintf("stay%03d", i)]; n != 1 {
			t.Fatalf("member stay%03d was shown %d times", i, n)
		}
	}
}

func testErrorsHoldNames(t *testing.T, f fs.FS) {
	Put(t, f, "/file", "x")
	_, lookupErr := f.Lookup("/none")
	_, openErr := f.OpenRead("/none")
	_, stageErr := f.Stage("/none/x")
	_, mkcolErr := f.MakeCollection("/file")
	_, resolveErr := f.Resolve("/none/x")
	_, aferoErr := f.Open("/none")
	for what, err := range map[string]error{
		"lookup": lookupErr, "open": openErr, "make collection": mkcolErr, "resolve": resolveErr,
		"afero's open": aferoErr, "retire": retire(f, "/none"),
		"list": f.List("/none", func(string, *fs.Info) error { return nil }), "sync": f.SyncDir("/none"),
		"stage": stageErr,
	} {
		var pe *iofs.PathError
		if !errors.As(err, &pe) {
			if what == "stage" && err == nil {
				continue // a missing parent may also be found by Commit
			}
			t.Errorf("%s: %T %v, want *iofs.PathError", what, err, err)
		} else if !slices.Contains([]string{"/none", "/none/x", "/file"}, pe.Path) {
			t.Errorf("%s: error names %q", what, pe.Path)
		}
	}
}

// testAfero tries the methods that serve tests and demos.
func testAfero(t *testing.T, f fs.FS) {
	must(t, f.MkdirAll("/x/y", 0o755))
	if err := f.MkdirAll("/x/y", 0o755); err != nil {
		t.Errorf("again: %v", err)
	}
	wantErr(t, "mkdir of a mapped name", f.Mkdir("/x", 0o755), iofs.ErrExist)
	must(t, afero.WriteFile(f, "/x/y/a", []byte("hello"), 0o644))
	want(t, f, "/x/y/a", "hello")
	before := lookup(t, f, "/x/y/a")
	w, err := f.OpenFile("/x/y/a", 2 /* O_RDWR */, 0)
	must(t, err)
	if _, err := w.WriteAt([]byte("J"), 0); err != nil {
		t.Fatal(err)
	}
	must(t, w.Close())
	want(t, f, "/x/y/a", "Jello")
	if after := lookup(t, f, "/x/y/a"); after.Ino != before.Ino {
		t.Errorf("a write in place made another file: %+v, was %+v", after, before)
	}
	must(t, f.Rename("/x/y/a", "/x/b"))
	infos, err := afero.ReadDir(f, "/x")
	if err != nil || len(infos) != 2 || infos[0].Name() != "b" || infos[1].Name() != "y" || infos[0].Size() != 5 {
		t.Errorf("directory = %v, %v", infos, err)
	}
	if err := f.Remove("/x"); err == nil {
		t.Error("a directory with members was removed")
	}
	must(t, f.RemoveAll("/x"))
	if err := f.RemoveAll("/x"); err != nil {
		t.Errorf("remove all of nothing: %v", err)
	}
	_, err = f.Stat("/x")
	wantErr(t, "stat", err, iofs.ErrNotExist)
}
