package fstest

import (
	"io"
	iofs "io/fs"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

func testStageIsInvisible(t *testing.T, f fs.FS) {
	mkcol(t, f, "/a")
	s, err := f.Stage("/a/new")
	must(t, err)
	defer s.Discard()
	if _, err := io.WriteString(s, "bytes"); err != nil {
		t.Fatal(err)
	}
	must(t, s.Prepare(time.Time{}, true))
	wantGone(t, f, "/a/new")
	if got := list(t, f, "/a"); len(got) != 0 {
		t.Errorf("staged bytes are listed: %q", got)
	}
}

func testCommitCreates(t *testing.T, f fs.FS) {
	s, err := f.Stage("/new")
	must(t, err)
	defer s.Discard()
	// Both ways of writing, one after the other.
	if n, err := s.Write([]byte("one ")); n != 4 || err != nil {
		t.Fatalf("write = %d, %v", n, err)
	}
	if n, err := s.ReadFrom(strings.NewReader("two")); n != 3 || err != nil {
		t.Fatalf("read from = %d, %v", n, err)
	}
	must(t, s.Prepare(time.Time{}, true))
	asked := 0
	info, created, release, err := s.Commit(true, func(cur *fs.Info) error {
		asked++
		if cur != nil {
			t.Errorf("check of an unmapped name was given %+v", cur)
		}
		return nil
	})
	must(t, err)
	release()
	s.Discard() // does nothing after Commit
	if !created || asked == 0 {
		t.Errorf("created = %v, check asked %d times", created, asked)
	}
	want(t, f, "/new", "one two")
	if now := lookup(t, f, "/new"); now != info {
		t.Errorf("commit returned %+v, the state is %+v", info, now)
	}
	if got := list(t, f, "/"); len(got) != 1 {
		t.Errorf("list = %q, want the new name only", got)
	}
	if _, _, _, err := s.Commit(true, accept); err == nil {
		t.Error("a second commit worked")
	}
}

func testCommitReplaces(t *testing.T, f fs.FS) {
	old := Put(t, f, "/f", "old")
	reader, err := f.OpenRead("/f")
	must(t, err)
	defer reader.Close()
	var seen []fs.Info
	info, created, err := put(f, "/f", "new bytes", func(cur *fs.Info) error {
		if cur != nil {
			seen = append(seen, *cur)
		}
		return nil
	})
	if err != nil || created {
		t.Fatalf("replace: created %v, %v", created, err)
	}
	if len(seen) == 0 || seen[0] != old {
		t.Errorf("check was given %+v, want the state about to be replaced, %+v", seen, old)
	}
	if info.Identity == old.Identity || info.Mtime <= old.Mtime {
		t.Errorf("states are not told apart: %+v, was %+v", info.Identity, old.Identity)
	}
	want(t, f, "/f", "new bytes")
	if b, err := io.ReadAll(reader); err != nil || string(b) != "old" {
		t.Errorf("a reader from before got %q, %v; want the old bytes", b, err)
	}
	if got := list(t, f, "/"); len(got) != 1 {
		t.Errorf("list = %q, want one name", got)
	}
}

func testCommitRefused(t *testing.T, f fs.FS) {
	old := Put(t, f, "/f", "old")
	_, _, err := put(f, "/f", "new", func(*fs.Info) error { return errRefused })
	if err != errRefused {
		t.Errorf("commit = %v, want the error of check as it is", err)
	}
	want(t, f, "/f", "old")
	if now := lookup(t, f, "/f"); now.Identity != old.Identity {
		t.Errorf("a refused commit changed the state: %+v, was %+v", now, old)
	}
	_, _, err = put(f, "/unmapped", "new", func(*fs.Info) error { return errRefused })
	wantErr(t, "refused create", err, errRefused)
	wantGone(t, f, "/unmapped")
	if got := list(t, f, "/"); len(got) != 1 {
		t.Errorf("list = %q, want the old name only", got)
	}
}

func testCommitErrors(t *testing.T, f fs.FS) {
	mkcol(t, f, "/dir")
	Put(t, f, "/file", "x")
	for name, sentinel := range map[string]error{
		"/dir": fs.ErrIsDir, "/none/x": iofs.ErrNotExist, "/file/x": fs.ErrNotDir,
		"/" + strings.Repeat("n", 300): fs.ErrNameTooLong,
	} {
		_, _, err := put(f, name, "bytes", accept)
		wantErr(t, "put "+short(name), err, sentinel)
	}
	if _, _, err := put(f, "/", "bytes", accept); err == nil {
		t.Error("the root was made a file")
	}
	// The parent goes while the bytes are staged.
	s, err := f.Stage("/dir/x")
	must(t, err)
	defer s.Discard()
	must(t, s.Prepare(time.Time{}, false))
	must(t, retire(f, "/dir"))
	_, _, _, err = s.Commit(false, accept)
	wantErr(t, "commit without parent", err, iofs.ErrNotExist)
	wantGone(t, f, "/dir")
}

// A change between the check and the step makes check be asked again, and the new state decides.
func testCommitAsksAgain(t *testing.T, f fs.FS) {
	for _, mapped := range []bool{false, true} {
		name := map[bool]string{false: "/created", true: "/replaced"}[mapped]
		if mapped {
			Put(t, f, name, "first")
		}
		before, _ := f.Lookup(name)
		asked := 0
		_, _, err := put(f, name, "ours", func(cur *fs.Info) error {
			asked++
			if asked == 1 {
				Put(t, f, name, "theirs")
			}
			if cur != nil && cur.Identity != before.Identity {
				return errRefused
			}
			return nil
		})
		wantErr(t, "commit to "+name, err, errRefused)
		want(t, f, name, "theirs")
	}
}

// Content tags hash the current bytes inside a check.
func testCheckMayRead(t *testing.T, f fs.FS) {
	mkcol(t, f, "/dir")
	Put(t, f, "/dir/f", "old")
	read := func(*fs.Info) error {
		want(t, f, "/dir/f", "old")
		list(t, f, "/dir")
		_, err := f.Resolve("/dir/f")
		return err
	}
	if _, _, err := put(f, "/dir/f", "new", read); err != nil {
		t.Errorf("commit: %v", err)
	}
	Put(t, f, "/dir/f", "old")
	_, release, err := f.Move("/dir/f", "/dir/g", true, func(src, _ *fs.Info) error { return read(src) })
	if err != nil {
		t.Fatalf("move: %v", err)
	}
	release()
	Put(t, f, "/dir/f", "old")
	release, err = f.Retire("/dir/f", true, read)
	if err != nil {
		t.Fatalf("retire: %v", err)
	}
	release()
}

func testCommitKeepsMode(t *testing.T, f fs.FS) {
	Put(t, f, "/f", "old")
	must(t, f.Chmod("/f", 0o600))
	old := lookup(t, f, "/f")
	if now := Put(t, f, "/f", "new"); now.Mode != old.Mode {
		t.Errorf("mode = %v, want that of what was replaced, %v", now.Mode, old.Mode)
	}
	// The mode changes after Prepare.
	s, err := f.Stage("/f")
	must(t, err)
	defer s.Discard()
	must(t, s.Prepare(time.Time{}, false))
	must(t, f.Chmod("/f", 0o640))
	changed := lookup(t, f, "/f")
	info, _, release, err := s.Commit(false, accept)
	must(t, err)
	release()
	if info.Mode != changed.Mode {
		t.Errorf("mode = %v, want the one at commit, %v", info.Mode, changed.Mode)
	}
}

func testDiscardLeavesNothing(t *testing.T, f fs.FS) {
	s, err := f.Stage("/f")
	must(t, err)
	if _, err := io.WriteString(s, strings.Repeat("x", 1<<16)); err != nil {
		t.Fatal(err)
	}
	s.Discard()
	s.Discard()
	wantGone(t, f, "/f")
	noReserved(t, f, "/")
	if _, err := s.Write([]byte("more")); err == nil {
		t.Error("a write after Discard worked")
	}
}

// noReserved looks with afero's eyes, which see reserved names too.
func noReserved(t testing.TB, f fs.FS, dir string) {
	t.Helper()
	d, err := f.Open(dir)
	must(t, err)
	defer d.Close()
	bases, err := d.Readdirnames(-1)
	must(t, err)
	for _, base := range bases {
		if fs.Reserved(base) {
			t.Errorf("%s is left in %s", base, dir)
		}
	}
}
