package fs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var errStale = errors.New("stale")

// saver replaces name by exact commits, over and over: each says on which local version it is
// based. The latch keeps savers out of each other's way, as those of etagfs do.
func saver(f FS, name string, latch *sync.Mutex, stop *atomic.Bool, saved *atomic.Int64) error {
	for n := 0; !stop.Load(); n++ {
		file, err := f.OpenRead(name)
		if err != nil {
			return err
		}
		settled := file.(Settler).Settled()
		body, err := io.ReadAll(file)
		file.Close()
		if err != nil {
			return err
		}
		if !settled {
			continue // these bytes have no strong tag
		}
		var version int
		if _, err := fmt.Sscanf(string(body), "%d", &version); err != nil {
			return fmt.Errorf("torn: %q", body)
		}
		base := file.Info().Identity
		latch.Lock()
		_, _, err = put(f, name, fmt.Sprintf("%08d saved %08d", version, n), true, func(cur *Info) error {
			if cur == nil || cur.Identity != base {
				return errStale
			}
			return nil
		})
		latch.Unlock()
		switch {
		case err == nil:
			saved.Add(1)
		case err != errStale && !errors.Is(err, ErrBusy):
			return err
		}
	}
	return nil
}

// testBeside races a program that writes its versions with savers; none of its versions may be
// replaced by a save that is based on an older one.
func testBeside(t *testing.T, rounds int, write func(path, body string) error) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		path := filepath.Join(dir, "f")
		must(t, os.WriteFile(path, []byte("00000000 local 00000000"), 0o666))
		var stop atomic.Bool
		var saved atomic.Int64
		var latch sync.Mutex
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := saver(f, "/f", &latch, &stop, &saved); err != nil {
					t.Error(err)
				}
			})
		}
		// Where the clock is coarse, two writes within its step cannot be told apart.
		step := f.Features().Granularity
		rounds := min(rounds, int(2*time.Second/step))
		lost := 0
		for n := 1; n <= rounds || saved.Load() == 0 && !t.Failed(); n++ {
			if step > time.Microsecond {
				time.Sleep(step)
			}
			if err := write(path, fmt.Sprintf("%08d local %08d", n, n)); err != nil {
				t.Error(err)
				break
			}
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			if body := settled(path, n); body != "" {
				lost++
				t.Errorf("version %d is lost: %q", n, body)
			}
		}
		stop.Store(true)
		wg.Wait()
		t.Logf("at least %d versions, %d saves, %d lost", rounds, saved.Load(), lost)
		noReserved(t, dir)
	})
}

// settled returns "" when path holds version n or what is based on it. An exchange that
// brought out the wrong file is seen until it is put back, so it looks for a while.
func settled(path string, n int) string {
	for wait := time.Millisecond; ; wait *= 2 {
		b, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		var version int
		if fmt.Sscanf(string(b), "%d", &version); version == n {
			return ""
		}
		if wait > 20*time.Second {
			return string(b)
		}
		time.Sleep(wait)
	}
}

func renameOver(path, body string) error {
	if err := os.WriteFile(path+".new", []byte(body), 0o666); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// inPlace writes bytes of the same number into the file there is. A program can find a file by its name and have it open
// only after it was replaced, and would write into what is gone (README, "Where it ends"): such an open is made again.
func inPlace(path, body string) error {
	for {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		opened, err := file.Stat()
		there, e := os.Stat(path)
		if err = errors.Join(err, e); err == nil && os.SameFile(opened, there) {
			_, err = file.WriteAt([]byte(body), 0)
			return errors.Join(err, file.Close())
		}
		file.Close()
		if err != nil {
			return err
		}
	}
}

func TestExactCommitBesideRename(t *testing.T)  { testBeside(t, 1000, renameOver) }
func TestExactCommitBesideInPlace(t *testing.T) { testBeside(t, 1500, inPlace) }

// What another program does right before the step, after the state was checked, is not lost: the step is taken back.
func TestExactStepsWithAnotherProgramInBetween(t *testing.T) {
	const old, theirs = "old", "what they have written"
	opens := func(path string) error { // and waits for us, having found the file that is there now
		go func() {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				f.WriteString(theirs)
				f.Close()
			}
		}()
		time.Sleep(100 * time.Millisecond)
		return nil
	}
	renames := func(path string) error {
		other := filepath.Join(filepath.Dir(path), "other")
		return errors.Join(os.WriteFile(other, []byte(theirs), 0o666), os.Rename(other, path))
	}
	replaces := func(path string) error { // by another file that looks alike
		was, err := os.Stat(path)
		if err != nil {
			return err
		}
		other := filepath.Join(filepath.Dir(path), "other")
		return errors.Join(os.WriteFile(other, []byte("OLD"), 0o666), os.Chtimes(other, time.Time{}, was.ModTime()), os.Rename(other, path))
	}
	touches := func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)) }
	commit := func(f FS, check func(*Info) error) error {
		_, _, err := put(f, "/f", "new", true, check)
		return err
	}
	retire := func(f FS, check func(*Info) error) error {
		release, err := f.Retire("/f", true, check)
		if err == nil {
			release()
		}
		return err
	}
	for name, c := range map[string]struct {
		do     func(FS, func(*Info) error) error
		before string // the step
		beside func(path string) error
		want   string // that is there in the end
	}{
		"commit, opened":                {commit, "exchange", opens, theirs},
		"commit, replaced":              {commit, "exchange", renames, theirs},
		"commit, replaced, no exchange": {commit, "exchange", func(path string) error { return cmp.Or(renames(path), error(unix.EINVAL)) }, theirs},
		"commit, replaced by its like":  {commit, "exchange", replaces, "OLD"},
		"commit, touched":               {commit, "exchange", touches, old},
		"retire, opened":                {retire, "rename", opens, theirs},
		"retire, replaced":              {retire, "rename", renames, theirs},
		"retire, replaced by its like":  {retire, "rename", replaces, "OLD"},
		"retire, touched":               {retire, "rename", touches, old},
	} {
		for kind, open := range map[string]func(string, RootOptions) (FS, error){"root": OpenRoot, "portable": OpenPortable} {
			if kind == "portable" && (c.before == "exchange" || name == "retire, opened") {
				continue // it has none, and no leases
			}
			t.Run(kind+": "+name, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "f")
				done := false
				f, err := open(dir, RootOptions{Hook: func(step, _ string) error {
					if step != c.before || done {
						return nil
					}
					done = true
					return c.beside(path)
				}})
				must(t, err)
				defer f.Close()
				must(t, os.WriteFile(path, []byte(old), 0o666))
				checked := false
				err = c.do(f, func(*Info) error {
					if checked {
						return errStale
					}
					checked = true
					return nil
				})
				if err != errStale || !done {
					t.Errorf("%v, want that it was checked again", err)
				}
				if got := read(t, f, "/f"); got != c.want {
					t.Errorf("%q is there, want %q", got, c.want)
				}
				noReserved(t, dir)
			})
		}
	}
}

// What is put back while another program has created the name anew gets one beside it: nobody has asked to remove either.
func TestRetireKeepsBothOfWhatCameInBetween(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	steps := map[string]string{"rename": "second", "look": "third"}
	f := openRoot(t, dir, RootOptions{Hook: func(step, _ string) error {
		body, mine := steps[step]
		if !mine {
			return nil
		}
		delete(steps, step)
		other := filepath.Join(dir, "other")
		return errors.Join(os.WriteFile(other, []byte(body), 0o666), os.Rename(other, path))
	}})
	must(t, os.WriteFile(path, []byte("the first"), 0o666))
	_, err := f.Retire("/f", true, func(cur *Info) error {
		if cur.SizeBytes != int64(len("the first")) {
			return errStale
		}
		return nil
	})
	if err != errStale {
		t.Errorf("%v, want that it is stale", err)
	}
	var all []string
	left, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range left {
		all = append(all, read(t, f, "/"+e.Name()))
	}
	slices.Sort(all)
	if !slices.Equal(all, []string{"second", "third"}) || read(t, f, "/f") != "third" {
		t.Errorf("%v is left: %q", left, all)
	}
}

// A name that another program creates with O_EXCL is never replaced by a commit that creates.
func TestCreateBesideCreate(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		path := filepath.Join(dir, "f")
		var mine, theirs int
		for n := range 1000 {
			var wg sync.WaitGroup
			var created bool
			wg.Go(func() {
				_, _, err := put(f, "/f", "mine", n%2 == 0, func(cur *Info) error {
					if cur != nil {
						return errStale
					}
					return nil
				})
				if created = err == nil; !created && err != errStale {
					t.Error(err)
				}
			})
			fd, err := unix.Open(path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o666)
			if err == nil {
				unix.Write(fd, []byte("theirs"))
				unix.Close(fd)
				theirs++
			}
			wg.Wait()
			if created == (err == nil) {
				t.Fatalf("created by us %v, by them %v", created, err)
			}
			want := "theirs"
			if created {
				mine++
				want = "mine"
			}
			if got := read(t, f, "/f"); got != want {
				t.Fatalf("%q, not %q", got, want)
			}
			os.Remove(path)
		}
		t.Logf("created %d, the other program %d", mine, theirs)
		noReserved(t, dir)
	})
}

// A collection that another program removes is not there, whatever the file system says of a new file in it.
func TestStageBesideRmdir(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		var stop atomic.Bool
		var wg sync.WaitGroup
		defer wg.Wait()
		defer stop.Store(true)
		wg.Go(func() {
			for path := filepath.Join(dir, "d"); !stop.Load(); {
				os.Mkdir(path, 0o777)
				os.Remove(path)
			}
		})
		staged := 0
		for range 20_000 {
			s, err := f.Stage("/d/f")
			if err == nil {
				s.Discard()
				staged++
			} else if !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		t.Logf("staged %d", staged)
		stop.Store(true)
		wg.Wait()
		os.RemoveAll(dir)
		if _, err := f.Stage("/f"); err != nil && !errors.Is(err, os.ErrNotExist) { // in memory there is a file, and no name for it
			t.Error(err)
		}
	})
}

// An exact DELETE removes what its check saw and nothing else.
func TestExactRetireBesideRename(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		path := filepath.Join(dir, "f")
		retired := 0
		for n := range 1000 {
			must(t, os.WriteFile(path, []byte("old"), 0o666))
			base := mustLookup(t, f, "/f").Identity
			var wg sync.WaitGroup
			var err error
			wg.Go(func() {
				var release func()
				release, err = f.Retire("/f", true, func(cur *Info) error {
					if cur.Identity != base {
						return errStale
					}
					return nil
				})
				if err == nil {
					release()
				}
			})
			body := fmt.Sprint("new ", n)
			must(t, renameOver(path, body))
			wg.Wait()
			if err == nil {
				retired++
			} else if err != errStale && !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			// Before our step or after it: what the other program wrote stays.
			if got := read(t, f, "/f"); got != body {
				t.Fatalf("%q, not %q; retire: %v", got, body, err)
			}
		}
		t.Logf("retired the old state %d times", retired)
		noReserved(t, dir)
	})
}

// A MOVE over a file that another program replaces at the same time.
func TestExactMoveBesideRename(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		path := filepath.Join(dir, "dst")
		moved := 0
		for n := range 700 {
			must(t, os.WriteFile(path, []byte("old"), 0o666))
			must(t, os.WriteFile(filepath.Join(dir, "src"), []byte("moved"), 0o666))
			base := mustLookup(t, f, "/dst").Identity
			var wg sync.WaitGroup
			var err error
			wg.Go(func() {
				var release func()
				_, release, err = f.Move("/src", "/dst", true, func(_, dst *Info) error {
					if dst == nil || dst.Identity != base {
						return errStale
					}
					return nil
				})
				if err == nil {
					release()
				}
			})
			body := fmt.Sprint("new ", n)
			must(t, renameOver(path, body))
			wg.Wait()
			if got := read(t, f, "/dst"); got != body {
				t.Fatalf("%q, not %q; move: %v", got, body, err)
			}
			_, there := f.Lookup("/src")
			if err == nil {
				moved++
				if there == nil {
					t.Fatal("moved, and src is still there")
				}
			} else if err != errStale && !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			} else if there != nil {
				t.Fatal("not moved, and src is gone")
			}
		}
		t.Logf("moved %d times", moved)
		noReserved(t, dir)
	})
}

// What is read from a settled file belongs to the state it was opened with, also while a program
// writes in place: as long as the state is the same, so are the bytes.
func TestSettled(t *testing.T) {
	disks(t, func(t *testing.T, dir string) {
		f := openRoot(t, dir, RootOptions{})
		if f.Features().Granularity > time.Microsecond {
			return // two writes within its step look the same, settled or not
		}
		const size = 256 << 10 // takes a while to copy
		version := func(n int) string { return strings.Repeat(string(rune('a'+n%26)), size) }
		mustPut(t, f, "/f", version(0))
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := 1; !stop.Load(); n++ {
				if err := inPlace(filepath.Join(dir, "f"), version(n)); err != nil {
					t.Error(err)
				}
				time.Sleep(30 * time.Microsecond)
			}
		})
		settled, unsettled := 0, 0
		for until := time.Now().Add(2 * time.Second); time.Now().Before(until) || settled == 0; {
			file, err := f.OpenRead("/f")
			must(t, err)
			if !file.(Settler).Settled() {
				unsettled++
				file.Close()
				continue
			}
			settled++
			// The last byte is copied last.
			var a, b [1]byte
			file.ReadAt(a[:], size-1)
			time.Sleep(100 * time.Microsecond)
			file.ReadAt(b[:], size-1)
			if now, err := file.Again(); err != nil || now == file.Info() && a != b {
				t.Errorf("%q and %q in one state, %v", a, b, err)
			}
			file.Close()
		}
		stop.Store(true)
		wg.Wait()
		t.Logf("%d settled, %d not", settled, unsettled)
	})
}
