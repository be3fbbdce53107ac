package fstest

import (
	iofs "io/fs"
	"runtime"
	"strings"
	"testing"

	"ifmatch/fs"
)

// Symlinker is a tree that can be given symbolic links; target is written into the link as it is.
// A tree that has none need not be one: then its tests of links have nothing to show.
type Symlinker interface {
	Symlink(target, name string) error
}

// linked is a tree with every kind of link.
func linked(t *testing.T, f fs.FS) bool {
	s, ok := f.(Symlinker)
	if !ok {
		return false
	}
	mkcol(t, f, "/dir", "/dir/sub")
	Put(t, f, "/dir/file", "target")
	for name, target := range map[string]string{
		"/tofile":   "dir/file",
		"/todir":    "dir",
		"/dir/up":   "../dir/file",
		"/chain":    "tofile",
		"/dangling": "none",
		"/loop":     "loop",
		"/out":      "../..",
		"/absolute": "/etc",
	} {
		if err := s.Symlink(target, name); err != nil {
			t.Fatalf("symlink %s: %v", name, err)
		}
	}
	return true
}

func testLinks(t *testing.T, f fs.FS) {
	if !linked(t, f) {
		return
	}
	for name, real := range map[string]string{
		"/tofile": "/dir/file", "/todir": "/dir", "/todir/file": "/dir/file", "/dir/up": "/dir/file",
		"/chain": "/dir/file", "/todir/sub/new": "/dir/sub/new", "/dangling": "/none",
	} {
		if got, err := f.Resolve(name); err != nil || got != real {
			t.Errorf("resolve %s = %q, %v; want %s", name, got, err, real)
		}
	}
	for name, want := range map[string]string{
		"/dir/file": "", "/dir/new": "", "/tofile": "/tofile", "/todir/file": "/todir", "/dir/up": "/dir/up",
		"/todir/up": "/todir /dir/up", "/chain": "/chain /tofile", "/dangling": "/dangling",
	} {
		real, links, err := f.Way(name)
		if got := strings.Join(links, " "); got != want || err != nil {
			t.Errorf("way of %s = %q, %v; want %q", name, got, err, want)
		}
		if resolved, _ := f.Resolve(name); real != resolved {
			t.Errorf("way of %s leads to %s, and it to %s", name, real, resolved)
		}
	}
	for name, sentinel := range map[string]error{
		"/out": iofs.ErrNotExist, "/absolute": iofs.ErrNotExist, "/out/x": iofs.ErrNotExist,
		"/absolute/passwd": iofs.ErrNotExist, "/loop": fs.ErrLoop, "/loop/x": fs.ErrLoop,
	} {
		_, err := f.Resolve(name)
		wantErr(t, "resolve "+name, err, sentinel)
		_, _, err = f.Way(name)
		wantErr(t, "way of "+name, err, sentinel)
	}
	_, err := f.Lookup("/out/x")
	wantErr(t, "lookup through a link that leads out", err, fs.ErrNotDir)
	_, err = f.Lookup("/todir/file")
	wantErr(t, "lookup through a link", err, fs.ErrNotDir)
	_, err = f.OpenRead("/todir/file")
	wantErr(t, "open through a link", err, fs.ErrNotDir)
	for _, name := range []string{"/tofile", "/todir", "/out", "/loop"} {
		info, err := f.Lookup(name)
		wantErr(t, "lookup "+name, err, fs.ErrSpecial)
		// Windows numbers what a link leads to.
		if info.Mode&iofs.ModeSymlink == 0 || info.Ino == lookup(t, f, "/dir/file").Ino && runtime.GOOS != "windows" {
			t.Errorf("lookup %s = %+v, want the state of the link", name, info)
		}
		_, _, err = put(f, name, "bytes", accept)
		wantErr(t, "put to the link "+name, err, fs.ErrSpecial)
	}
	members := map[string]fs.Info{}
	must(t, f.List("/", func(base string, info *fs.Info) error { members[base] = *info; return nil }))
	file := lookup(t, f, "/dir/file")
	file.Real = "/dir/file"
	todir := members["todir"]
	if members["tofile"] != file || members["chain"] != file || !todir.IsCollection() || len(members) != 4 {
		t.Errorf("list = %+v, want dir and the links to it and into it as what they lead to", members)
	}
	linksThemselvesChange(t, f)
}

// DELETE and MOVE act on the link itself; check sees what it leads to.
func linksThemselvesChange(t *testing.T, f fs.FS) {
	file := lookup(t, f, "/dir/file")
	release, err := f.Retire("/tofile", true, func(cur *fs.Info) error {
		if cur == nil || *cur != file {
			t.Errorf("check of a link was given %+v, want the state of its target", cur)
		}
		return nil
	})
	must(t, err)
	release()
	wantGone(t, f, "/tofile")
	want(t, f, "/dir/file", "target")
	release, err = f.Retire("/out", true, func(cur *fs.Info) error {
		if cur != nil {
			t.Errorf("check of a link that leads out was given %+v", cur)
		}
		return nil
	})
	must(t, err)
	release()
	for _, name := range []string{"/absolute", "/dangling", "/loop"} {
		before, _ := f.Resolve(name)
		_, err := move(f, "/dir/file", name)
		wantErr(t, "move over "+name, err, fs.ErrSpecial)
		if now, _ := f.Resolve(name); now != before {
			t.Errorf("%s led to %q, and now to %q", name, before, now)
		}
	}
	if _, err := move(f, "/todir", "/moved"); err != nil {
		t.Fatal(err)
	}
	if real, err := f.Resolve("/moved"); err != nil || real != "/dir" {
		t.Errorf("a moved link leads to %q, %v", real, err)
	}
	// What a link says counts from the directory that it is in.
	mkcol(t, f, "/other", "/other/deep")
	for _, tt := range []struct{ src, dst, leads string }{
		{"/moved", "/other/moved", ""}, {"/dir/up", "/up", ""}, {"/dir/up", "/other/deep/up", ""}, {"/dir/up", "/other/up", "/dir/file"},
	} {
		_, err := move(f, tt.src, tt.dst)
		if tt.leads == "" {
			wantErr(t, "move a link to "+tt.dst, err, fs.ErrRelink)
			wantGone(t, f, tt.dst)
		} else if real, _ := f.Resolve(tt.dst); err != nil || real != tt.leads {
			t.Errorf("the link at %s leads to %q, %v", tt.dst, real, err)
		}
	}
	want(t, f, "/dir/file", "target")
}
