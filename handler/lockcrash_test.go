//go:build unix

package handler_test

import (
	"os"
	"testing"
)

// TestCrashOfLockOfUnmappedURL: the lock is durable before the empty resource that comes with it. A crash in between
// must not leave a lock that nobody knows the token of; where the resource is there, the answer may have been, and it stays.
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
	if !looked {
		t.Fatal("no link")
	}
	again := func(when, state string, want int) {
		t.Helper()
		copied := t.TempDir()
		copyFile(t, state+"/state.db", copied+"/state.db")
		for range 2 {
			k := startHooked(t, dir, copied, nil)
			if got := k.opts.Locks.Count(); got != want {
				t.Errorf("%s: %d locks, want %d", when, got, want)
			}
			k.stop()
		}
	}
	again("before the answer, the resource is there", crashed, 1)
	must(t, os.Remove(dir+"/new"))
	again("before the answer", crashed, 0)
	again("after the answer, another program removes the file", stateDir, 1)
}
