package etagfs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

func TestConcerns(t *testing.T) {
	for _, tt := range []struct {
		changed, follows string
		want             bool
	}{
		{"/a/b", "/a/b", true},
		{"/a", "/a/b", true},        // a collection above it was moved
		{"/", "/a/b", true},         // reports were lost
		{"/a/b", "/a", true},        // a member
		{"/a/b/c", "/a", false},     // a member of a member
		{"/a/bb", "/a/b", false},    // a name that only begins alike
		{"/a/b", "/a/bb", false},    //
		{"/x", "/", true},           // a member of the root
		{"/x/y", "/", false},        //
		{"/other", "/a/b", false},   //
		{"/a/other", "/a/b", false}, //
	} {
		if got := concerns(tt.changed, tt.follows); got != tt.want {
			t.Errorf("concerns(%q, %q) = %v", tt.changed, tt.follows, got)
		}
	}
}

// Every change that this FS makes is told, many are one word, and nobody waits for a subscriber that sleeps.
func TestSubscribersHearOfOurOwnChanges(t *testing.T) {
	f := New(fs.NewMemory(), Options{Settings: Settings{NoNotify: true}})
	ctx := context.Background()
	heard := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	file, stop := f.Subscribe("/a")
	defer stop()
	root, stopRoot := f.Subscribe("/")
	defer stopRoot()
	put := func(name string) {
		t.Helper()
		if _, _, err := f.Put(ctx, name, strings.NewReader("x"), PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		put("/a")
	}
	if !heard(file) || !heard(root) || heard(file) || heard(root) {
		t.Error("three PUTs are one word for the resource and one for its collection")
	}
	put("/other")
	if heard(file) || !heard(root) {
		t.Error("a sibling is news for the collection alone")
	}
	if _, _, err := f.Move(ctx, "/a", "/b", Write2{}); err != nil || !heard(file) {
		t.Error("MOVE away", err)
	}
	if _, _, err := f.Copy(ctx, "/b", "/a", CopyOptions{}); err != nil || !heard(file) {
		t.Error("COPY to it", err)
	}
	if err := f.Remove(ctx, "/a", Write{}); err != nil || !heard(file) {
		t.Error("DELETE", err)
	}
	if _, err := f.MakeCollection(ctx, "/a", time.Time{}, Write{}); err != nil || !heard(file) {
		t.Error("MKCOL", err)
	}
	stop()
	put("/b")
	if f.subs.count.Load() != 1 || heard(file) {
		t.Error("a subscriber that left is told")
	}
}

func TestSubscribersHearOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer base.Close()
	f := New(base, Options{})
	defer f.Close()
	changed, stop := f.Subscribe("/a")
	defer stop()
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("x"), 0o644))
	select {
	case <-changed:
	case <-time.After(time.Minute):
		t.Error("nothing was reported")
	}
}
