//go:build unix

package handler_test

import (
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/lock"
)

// TestCrashOfLockOfUnmappedURL: the lock is durable before the empty resource that comes with it. A crash in between
// must not leave a lock that nobody knows the token of; one that was answered stays.
func TestCrashOfLockOfUnmappedURL(t *testing.T) {
	dir, stateDir, crashed := t.TempDir(), t.TempDir(), t.TempDir()
	var k *keeping
	looked := false
	k = startHooked(t, dir, stateDir, func(step, name string) error {
		if name == "new" && step == "link" {
			looked = true
			if n := k.opts.Locks.Count(); n != 1 {
				t.Errorf("%d locks before the resource is there", n)
			}
			copyFile(t, stateDir+"/state.db", crashed+"/state.db")
		}
		return nil
	})
	want(t, "lock", k.ask("LOCK", "/new", exclusive, asXML), 201)
	k.stop()
	for state, locks := range map[string]int{crashed: 0, stateDir: 1} {
		k = startHooked(t, dir, state, nil)
		if got := k.opts.Locks.All(time.Now()); len(got) != locks || !looked {
			t.Errorf("after %s: %d locks, want %d", state, len(got), locks)
		}
		k.stop()
	}
}

// fullAfter keeps some changes, and then no more.
type fullAfter struct {
	brokenStore
	left int
}

func (f *fullAfter) SaveLocks(put map[string][]byte, drop []string) func() error {
	if f.left--; f.left >= 0 {
		return func() error { return nil }
	}
	return f.brokenStore.SaveLocks(put, drop)
}

// TestLockThatCannotBeKeptAfterAll: the resource is there, and the answer says so; the lock is not.
func TestLockThatCannotBeKeptAfterAll(t *testing.T) {
	locks, err := lock.New(&fullAfter{left: 1}, time.Now(), lock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{Locks: locks})
	if err != nil {
		t.Fatal(err)
	}
	if w := dav(h, "LOCK", "/new", exclusive); w.Code != 500 || w.Header().Get("Lock-Token") != "" || !strings.Contains(w.Body.String(), "The change was made") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := dav(h, "PUT", "/new", "one"); w.Code != 204 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
