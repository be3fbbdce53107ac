// Package fstest tries any fs.FS: [Conformance] pins down what fs.go promises, and [Faults] makes
// the n-th operation fail, or be the last one before a crash.
//
// It does not show what happens beside programs that change the same directory: whoever has a
// disk to offer tests that with his own tree.
package fstest

import (
	"errors"
	"io"
	iofs "io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

// Conformance runs the suite; open returns an empty tree each time.
func Conformance(t *testing.T, open func(t *testing.T) fs.FS) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f fs.FS)
	}{
		{"Resolve", testResolve},
		{"Lookup", testLookup},
		{"OpenRead", testOpenRead},
		{"List", testList},
		{"ListManyWhileChanging", testListManyWhileChanging},
		{"StageIsInvisible", testStageIsInvisible},
		{"CommitCreates", testCommitCreates},
		{"CommitReplaces", testCommitReplaces},
		{"CommitRefused", testCommitRefused},
		{"CommitErrors", testCommitErrors},
		{"CommitAsksAgain", testCommitAsksAgain},
		{"CheckMayRead", testCheckMayRead},
		{"CommitKeepsMode", testCommitKeepsMode},
		{"DiscardLeavesNothing", testDiscardLeavesNothing},
		{"Times", testTimes},
		{"ChosenTime", testChosenTime},
		{"MakeCollection", testMakeCollection},
		{"RetireFile", testRetireFile},
		{"RetireCollection", testRetireCollection},
		{"RetireErrors", testRetireErrors},
		{"MoveFile", testMoveFile},
		{"MoveCollection", testMoveCollection},
		{"MoveOver", testMoveOver},
		{"MoveErrors", testMoveErrors},
		{"Hidden", testHidden},
		{"Sweep", testSweep},
		{"SweepLeavesOthers", testSweepLeavesOthers},
		{"SetModTime", testSetModTime},
		{"SyncDir", testSyncDir},
		{"Usage", testUsage},
		{"Afero", testAfero},
		{"Links", testLinks},
		{"ErrorsHoldNames", testErrorsHoldNames},
		{"CreateRace", testCreateRace},
		{"ReplaceRace", testReplaceRace},
		{"ReadersSeeWholeRepresentations", testReadersSeeWholeRepresentations},
		{"MoveRetireRace", testMoveRetireRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t)
			t.Cleanup(func() { f.Close() })
			c.run(t, f)
		})
	}
}

func accept(*fs.Info) error { return nil }

func accept2(_, _ *fs.Info) error { return nil }

var errRefused = errors.New("refused")

// Put makes body the representation of name, which must work.
func Put(t testing.TB, f fs.FS, name, body string) fs.Info {
	t.Helper()
	info, _, err := put(f, name, body, accept)
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return info
}

func put(f fs.FS, name, body string, check func(*fs.Info) error) (fs.Info, bool, error) {
	s, err := f.Stage(name)
	if err != nil {
		return fs.Info{}, false, err
	}
	defer s.Discard()
	if _, err := s.ReadFrom(strings.NewReader(body)); err != nil {
		return fs.Info{}, false, err
	}
	if err := s.Prepare(time.Time{}, false); err != nil {
		return fs.Info{}, false, err
	}
	info, created, release, err := s.Commit(true, check)
	if err != nil {
		return fs.Info{}, false, err
	}
	release()
	return info, created, nil
}

// Get returns the bytes at name.
func Get(f fs.FS, name string) (string, error) {
	r, err := f.OpenRead(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// Tree returns all that a listing shows, with bytes: names of collections end with a slash.
func Tree(t testing.TB, f fs.FS) map[string]string {
	t.Helper()
	tree := map[string]string{}
	var visit func(dir string)
	visit = func(dir string) {
		for _, base := range list(t, f, dir) {
			name := strings.TrimSuffix(dir, "/") + "/" + base
			info, err := f.Lookup(name)
			if err != nil {
				t.Fatalf("lookup %s: %v", name, err)
			}
			if info.IsCollection() {
				tree[name+"/"] = ""
				visit(name)
				continue
			}
			if tree[name], err = Get(f, name); err != nil {
				t.Fatalf("get %s: %v", name, err)
			}
		}
	}
	visit("/")
	return tree
}

func list(t testing.TB, f fs.FS, name string) []string {
	t.Helper()
	var bases []string
	err := f.List(name, func(base string, _ *fs.Info) error {
		bases = append(bases, base)
		return nil
	})
	if err != nil {
		t.Fatalf("list %s: %v", name, err)
	}
	slices.Sort(bases)
	return bases
}

func mkcol(t testing.TB, f fs.FS, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := f.MakeCollection(name); err != nil {
			t.Fatalf("make collection %s: %v", name, err)
		}
	}
}

func lookup(t testing.TB, f fs.FS, name string) fs.Info {
	t.Helper()
	info, err := f.Lookup(name)
	if err != nil {
		t.Fatalf("lookup %s: %v", name, err)
	}
	return info
}

func want(t testing.TB, f fs.FS, name, body string) {
	t.Helper()
	if got, err := Get(f, name); err != nil || got != body {
		t.Errorf("%s = %q, %v; want %q", name, short(got), err, short(body))
	}
}

func wantGone(t testing.TB, f fs.FS, name string) {
	t.Helper()
	if _, err := f.Lookup(name); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("lookup %s: %v, want iofs.ErrNotExist", name, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
