package fs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// litter puts what a crash may leave into the tree.
func litter(t *testing.T, dir string) (names int) {
	t.Helper()
	for _, d := range []string{"", "a", "a/b"} {
		d = filepath.Join(dir, d)
		must(t, os.MkdirAll(filepath.Join(d, ReservedPrefix+"0123456789abcdef-1", "deep", "er"), 0o777))
		for _, name := range []string{ReservedPrefix + "0123456789abcdef-1/deep/f", ReservedPrefix + "0123456789abcdef-2", "f"} {
			must(t, os.WriteFile(filepath.Join(d, name), []byte("x"), 0o666))
		}
		must(t, os.Symlink("/", filepath.Join(d, ReservedPrefix+"0123456789abcdef-3")))
		names += 3
	}
	return names
}

// A link with the name of an interrupted MOVE is no such thing: what it leads to stays where it is.
func TestSweepFollowsNoLink(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		out := t.TempDir()
		must(t, os.WriteFile(filepath.Join(out, "f"), []byte("x"), 0o666))
		for _, tail := range []string{"-moving-1-2", "-over-1-2", "-was"} {
			must(t, os.Symlink(out, filepath.Join(dir, ReservedPrefix+"0123456789abcdef-1"+tail)))
		}
		f := openRoot(t, dir, RootOptions{})
		if removed, err := f.Sweep(); err != nil || removed != 3 {
			t.Errorf("removed %d, %v", removed, err)
		}
		for d, want := range map[string]int{dir: 0, out: 1} {
			if left, err := os.ReadDir(d); err != nil || len(left) != want {
				t.Errorf("%s: %v, %v", d, left, err)
			}
		}
	})
}

func TestSweep(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		names := litter(t, dir)
		out := t.TempDir()
		litter(t, out)
		must(t, os.Symlink(out, filepath.Join(dir, "link")))
		f := openRoot(t, dir, RootOptions{})
		s, err := f.Stage("/a/new")
		must(t, err)
		hidden := f.Hidden("/a/b/x")
		if _, err := f.MakeCollection(hidden); err != nil {
			t.Fatal(err)
		}
		mustPut(t, f, hidden+"/f", "kept")
		removed, err := f.Sweep()
		if err != nil || removed != names {
			t.Errorf("removed %d, %v; not %d", removed, err, names)
		}
		if got := read(t, f, hidden+"/f"); got != "kept" {
			t.Error(got)
		}
		if _, release, err := f.Move(hidden, "/a/x", false, accept2); err != nil {
			t.Error(err)
		} else {
			release()
		}
		must(t, s.Prepare(time.Time{}, false))
		if _, _, release, err := s.Commit(true, accept); err != nil {
			t.Error(err)
		} else {
			release()
		}
		noReserved(t, dir)
		for _, name := range []string{"/f", "/a/f", "/a/b/f", "/a/new"} {
			mustLookup(t, f, name)
		}
		if _, err := os.Stat(filepath.Join(out, "a", ReservedPrefix+"0123456789abcdef-2")); err != nil {
			t.Error("swept outside:", err)
		}
	})
}

// What a server that lives has made stays, whether it serves the same directory, one above or one
// below; when it has died, it goes.
func TestSweepLeavesWhatLives(t *testing.T) {
	for _, at := range []string{"same", "above", "below"} {
		t.Run(at, func(t *testing.T) {
			top := t.TempDir()
			must(t, os.MkdirAll(top+"/a/b", 0o777))
			mine, theirs := top+"/a", top+"/a"
			switch at {
			case "above":
				theirs = top
			case "below":
				theirs = top + "/a/b"
			}
			other := openRoot(t, theirs, RootOptions{})
			litter(t, theirs)
			f := openRoot(t, mine, RootOptions{})
			if removed, err := f.Sweep(); removed != 0 || err != nil {
				t.Errorf("removed %d of a living server, %v", removed, err)
			}
			other.Close()
			if removed, err := f.Sweep(); removed == 0 || err != nil {
				t.Errorf("removed %d of a dead one, %v", removed, err)
			}
			noReserved(t, mine)
			// And our own lock is still held.
			again := openRoot(t, mine, RootOptions{})
			litter(t, mine)
			if removed, err := again.Sweep(); removed != 0 || err != nil {
				t.Errorf("the first server no longer counts: removed %d, %v", removed, err)
			}
		})
	}
}

// A child that changes the tree is killed at any moment: afterwards every file is one whole
// version, and the sweep leaves nothing.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("IFMATCH_TEST_KILL"); dir != "" {
		killedWriter(t, dir)
	}
	disks(t, func(t *testing.T, dir string) {
		for range 8 {
			Kill(t, "TestKilledWriter", "IFMATCH_TEST_KILL="+dir, time.Duration(20+rand.IntN(40))*time.Millisecond)
			f := openRoot(t, dir, RootOptions{})
			if _, err := f.Sweep(); err != nil {
				t.Error(err)
			}
			noReserved(t, dir)
			for n := range 4 {
				name := fmt.Sprint("/f", n)
				if _, err := f.Lookup(name); err != nil {
					continue
				}
				if body := read(t, f, name); body == "" || strings.Trim(body, body[:1]) != "" || len(body) != wholeBytes {
					t.Errorf("%s is torn: %d bytes", name, len(body))
				}
			}
			f.Close()
		}
	})
}

const wholeBytes = 200_000

func killedWriter(t *testing.T, dir string) {
	f := openRoot(t, dir, RootOptions{})
	os.Stdout.WriteString("x")
	for n := 0; ; n++ {
		name := fmt.Sprint("/f", n%4)
		put(f, name, strings.Repeat(string(rune('a'+n%26)), wholeBytes), n%2 == 0, accept)
		if n%3 == 0 {
			f.Move(name, fmt.Sprint("/f", (n+1)%4), n%2 == 0, accept2)
		}
		if n%5 == 0 {
			if release, err := f.Retire(name, n%2 == 0, accept); err == nil {
				release()
			}
		}
		f.MakeCollection("/d")
		mustPut(t, f, "/d/f", "x")
		if release, err := f.Retire("/d", false, accept); err == nil {
			release()
		}
	}
}

// Callers who come while an fsync runs share the next one, which starts after they asked.
func TestFlusherShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flusher
		runs := 0
		first := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			f.do("d", func() error { <-first; runs++; return nil })
		})
		synctest.Wait() // it runs
		for range 50 {
			wg.Go(func() {
				if err := f.do("d", func() error { runs++; return errStale }); err != errStale {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all have asked
		if err := f.do("other", func() error { return nil }); err != nil {
			t.Error(err)
		}
		if runs != 0 {
			t.Errorf("%d runs beside the first", runs)
		}
		close(first)
		wg.Wait()
		if runs != 2 {
			t.Errorf("%d runs for 51 callers, want the first and one after it", runs)
		}
		if len(f.next) != 0 {
			t.Error("something is kept")
		}
	})
}

// Who only asks whether a directory is served, as the sweep of a tree beside this one does, keeps nobody from sweeping.
func TestSweepWhileAnotherAsks(t *testing.T) {
	above := t.TempDir()
	asks, err := unix.Open(above, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(asks)
	dir := filepath.Join(above, "served")
	os.Mkdir(dir, 0o777)
	must(t, os.WriteFile(filepath.Join(dir, ReservedPrefix+"00000000deadbeef-1"), nil, 0o666))
	f := openRoot(t, dir, RootOptions{})
	for try := 1; ; try++ { // again where the machine had no time for the other one
		must(t, unix.Flock(asks, unix.LOCK_EX))
		var other sync.WaitGroup
		other.Go(func() {
			time.Sleep(time.Millisecond)
			unix.Flock(asks, unix.LOCK_UN)
		})
		n, err := f.Sweep()
		other.Wait()
		if n == 1 && err == nil {
			return
		}
		if err != nil || try == 100 {
			t.Fatalf("%d swept, %v", n, err)
		}
	}
}

// Kill runs a test of this program in a process of its own, and ends it so long after its first output.
func Kill(t *testing.T, test, env string, after time.Duration) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe, "-test.run", "^"+test+"$")
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var ready [1]byte
	if _, err := out.Read(ready[:]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Kill()
	cmd.Wait()
}
