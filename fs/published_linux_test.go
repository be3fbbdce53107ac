package fs

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The state that Commit returns is that of the bytes it has committed, also when a program writes to the new file
// in the next moment and dates it back to the very time it had: who takes that state for the one of the
// bytes would give a tag to what it has never seen.
func TestCommitReturnsTheStateOfItsBytes(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	if !f.Features().Lease {
		t.Fatal("the file system of the tests has no leases")
	}
	path := filepath.Join(dir, "f")
	const ours, theirs = "ours......", "theirs...."
	var stop atomic.Bool
	var wrote atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !stop.Load() {
				if dateBack(path, theirs) == nil {
					wrote.Add(1)
				}
			}
		})
	}
	for n := 0; n < 1000 || wrote.Load() == 0; n++ { // until they have met
		info, _, err := put(f, "/f", ours, false, accept)
		must(t, err)
		file, err := f.OpenRead("/f")
		must(t, err)
		body := make([]byte, len(ours))
		_, err = file.ReadAt(body, 0)
		must(t, err)
		after, err := file.Again()
		must(t, err)
		file.Close()
		if after.Identity == info.Identity && string(body) != ours {
			t.Fatalf("%q has the state that the commit of %q returned", body, ours)
		}
	}
	stop.Store(true)
	wg.Wait()
}

// dateBack writes in place and hides that from mtime.
func dateBack(path, body string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(body), 0)
	file.Close()
	if err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}

// An open waits for a commit of ours that a CPU quota has stopped, and does not spin.
func TestLeasedPause(t *testing.T) {
	var total time.Duration
	for try := range openTries {
		pause := leasedPause(try)
		if pause < openPause || pause > openPauseMax {
			t.Errorf("pause %d is %v", try, pause)
		}
		total += pause
	}
	if total < 2*time.Second || total > 3*time.Second {
		t.Errorf("an open waits %v", total)
	}
}

// Who looks at a file during our own commit does not take that for another program that writes; after it such a program is one.
func TestCommitIsNoWriter(t *testing.T) {
	var f *Root
	looked := false
	dir := t.TempDir()
	f = openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
		if step == "look" && !looked {
			looked = true
			if info := mustLookup(t, f, "/f"); f.Writing("/f", info.Identity) {
				t.Error("taken for one")
			}
		}
		return nil
	}})
	mustPut(t, f, "/f", "body")
	if !looked {
		t.Error("nobody looked")
	}
	writer, err := os.OpenFile(filepath.Join(dir, "f"), os.O_WRONLY, 0)
	must(t, err)
	defer writer.Close()
	if info := mustLookup(t, f, "/f"); !f.Writing("/f", info.Identity) {
		t.Error("a program that has the file open after the commit is not seen")
	}
}
