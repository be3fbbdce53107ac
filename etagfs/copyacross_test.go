package etagfs

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/fs"
)

// other is a second tree, of the kind that f is not.
func other(t *testing.T, f *FS) *FS {
	t.Helper()
	base := fs.NewMemory()
	if f.Features().Kind == base.Features().Kind {
		var err error
		if base, err = fs.OpenRoot(t.TempDir(), fs.RootOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	g := New(base, Options{Settings: Settings{Relaxed: true, Content: f.content == nil, NoNotify: withoutNotify}})
	t.Cleanup(func() { g.Close(); base.Close() })
	return g
}

func TestCopyFromAnotherTree(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		g := other(t, f)
		if _, err := f.MakeCollection(ctx, "/a", time.Time{}, Write{}); err != nil {
			t.Fatal(err)
		}
		put(t, f, "/a/x", "x")
		put(t, f, "/y", "y")
		info, created, err := g.Copy(ctx, "/y", "/y", CopyOptions{From: f})
		if err != nil || !created || info.Tag.IsZero() || info.Tag.Weak {
			t.Fatalf("file: created %v, tag %v, %v", created, info, err)
		}
		if got, now := read(t, g, "/y"); got != "y" || now.Tag != info.Tag {
			t.Errorf("the copy is %q under %v, said was %v", got, now.Tag, info.Tag)
		}
		if _, created, err := g.Copy(ctx, "/a", "/b", CopyOptions{From: f}); err != nil || !created {
			t.Fatalf("collection: created %v, %v", created, err)
		}
		if got, now := read(t, g, "/b/x"); got != "x" || now.Tag.IsZero() {
			t.Errorf("member of the copy: %q, %v", got, now.Tag)
		}
		if _, created, err := g.Copy(ctx, "/y", "/b", CopyOptions{From: f}); err != nil || created {
			t.Fatalf("file over a collection: created %v, %v", created, err)
		}
		if got, _ := read(t, g, "/b"); got != "y" {
			t.Errorf("file over a collection: %q", got)
		}
		if got, _ := read(t, f, "/a/x"); got != "x" {
			t.Errorf("the source is now %q", got)
		}
	})
}

// The Check sees the state of both trees under the latches of both, whichever is latched first.
func TestCopyFromAnotherTreeIsChecked(t *testing.T) {
	trees(t, func(t *testing.T, one *FS) {
		two := other(t, one)
		for _, pair := range [][2]*FS{{one, two}, {two, one}} {
			f, g := pair[0], pair[1]
			from, to := put(t, f, "/s", "source"), put(t, g, "/d", "old")
			refused := errors.New("refused")
			check := func(src, dst *Info, _ string) error {
				if src.Tag != from.Tag || dst.Tag != to.Tag {
					t.Errorf("checked %v and %v, want %v and %v", src.Tag, dst.Tag, from.Tag, to.Tag)
				}
				if !latched(f, "/s") || !latched(g, "/d") {
					t.Error("somebody could change what is checked")
				}
				return refused
			}
			if _, _, err := g.Copy(ctx, "/s", "/d", CopyOptions{From: f, Write2: Write2{Check: check, Exact: true, Tags: true}}); err != refused {
				t.Errorf("copy: %v", err)
			}
			if got, now := read(t, g, "/d"); got != "old" || now.Tag != to.Tag {
				t.Errorf("a refused copy changed the destination: %q", got)
			}
		}
	})
}

// latched tells whether somebody has the latch of name alone.
func latched(f *FS, name string) bool {
	f.latch.mu.Lock()
	defer f.latch.mu.Unlock()
	l := f.latch.held[f.latch.key(name)]
	return l != nil && !l.TryRLock()
}

// Copies in both directions at once do not wait for each other for ever, and each copies one whole state.
func TestCopiesBetweenTwoTreesAtOnce(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		g := other(t, f)
		whole := func(text string) bool { return len(text) == 2000 && strings.Count(text, text[:1]) == 2000 }
		put(t, f, "/x", strings.Repeat("a", 2000))
		put(t, g, "/x", strings.Repeat("b", 2000))
		var all sync.WaitGroup
		for i, pair := range [][2]*FS{{f, g}, {g, f}} {
			all.Go(func() {
				for range 20 {
					_, _, err := pair[1].Copy(ctx, "/x", "/x", CopyOptions{From: pair[0], Write2: Write2{Beside: []string{"/y"}}, FromBeside: []string{"/y"}})
					if err != nil && !errors.Is(err, fs.ErrBusy) {
						t.Error(err)
					}
				}
			})
			all.Go(func() {
				for n := range 20 {
					text := strings.Repeat(fmt.Sprint(n%10), 2000)
					if _, _, err := pair[i].Put(ctx, "/x", strings.NewReader(text), PutOptions{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for _, tree := range []*FS{f, g} {
			if got, _ := read(t, tree, "/x"); !whole(got) {
				t.Errorf("a torn copy of %d bytes", len(got))
			}
		}
	})
}
