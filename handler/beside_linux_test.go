package handler_test

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ifmatch/fs"
	"ifmatch/handler"
)

// besideBody is what the file holds: the last version of the program beside the server that its writer has
// seen, and the line of descent, which a saved file keeps and a new one begins.
func besideBody(version, descent int64) string { return fmt.Sprintf("%08d %08d", version, descent) }

func parseBeside(body string) (version, descent int64, ok bool) {
	n, err := fmt.Sscanf(body, "%d %d", &version, &descent)
	return version, descent, n == 2 && err == nil
}

// beside is a program on the same machine, and what the clients of the server did meanwhile.
type beside struct {
	path    string
	version int64
	removed atomic.Int64 // the newest version that a DELETE has seen and removed
	born    atomic.Int64 // the last line of descent
	saved   atomic.Int64
	stop    atomic.Bool
}

// client saves, deletes and creates on the condition that the state is the one it has seen.
func (b *beside) client(t *testing.T, url string, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	for !b.stop.Load() && !t.Failed() {
		res, body := do(t, "GET", url, "")
		tag := res.Header.Get("Etag")
		version, descent, whole := parseBeside(body)
		switch {
		case res.StatusCode == http.StatusNotFound:
			b.expect(t, url, "PUT", besideBody(0, b.born.Add(1)), "If-None-Match", "*")
		case res.StatusCode != http.StatusOK || !whole || tag == "" || tag[0] == 'W':
			// another program writes just now
		case rnd.IntN(12) == 0:
			if b.expect(t, url, "DELETE", "", "If-Match", tag) {
				for old := b.removed.Load(); old < version && !b.removed.CompareAndSwap(old, version); old = b.removed.Load() {
				}
			}
		case b.expect(t, url, "PUT", besideBody(version, descent), "If-Match", tag):
			b.saved.Add(1)
		}
	}
}

// expect sends a write and tells whether it was made.
func (b *beside) expect(t *testing.T, url, method, body string, fields ...string) bool {
	res, say := do(t, method, url, body, fields...)
	switch res.StatusCode {
	case 201, 204:
		return true
	case 404, 412, 503:
		return false
	}
	t.Errorf("%s: %s %s", method, res.Status, say)
	return false
}

// write puts the next version into the file in one of the ways of programs.
func (b *beside) write(how int) error {
	b.version++
	body := besideBody(b.version, b.born.Add(1))
	switch how {
	case 0: // rename over
		if err := os.WriteFile(b.path+".new", []byte(body), 0o666); err != nil {
			return err
		}
		return os.Rename(b.path+".new", b.path)
	case 1, 2: // in place, of the same size; then with the old time, as touch -r does
		info, err := os.Stat(b.path)
		if err != nil {
			return err
		}
		f, err := openAtName(b.path)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte(body), 0)
		if err = errors.Join(err, f.Close()); err == nil && how == 2 {
			err = os.Chtimes(b.path, info.ModTime(), info.ModTime())
		}
		return err
	}
	f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(body)
	return errors.Join(err, f.Close())
}

// openAtName opens the file at path for writing. A program can find a file by its name and have it open only after it was
// replaced or deleted, and would write into what is gone (README, "Where it ends"): such an open is made again.
func openAtName(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		opened, err := f.Stat()
		there, e := os.Stat(path)
		if err = errors.Join(err, e); err == nil && os.SameFile(opened, there) {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
}

// kept waits until the file holds the version, or what is based on it, or was deleted by who had seen it. An
// exchange that brought out the wrong file shows it until that is put back.
func (b *beside) kept() error {
	var body []byte
	var err error
	for wait := time.Millisecond; wait < 20*time.Second; wait *= 2 {
		if body, err = os.ReadFile(b.path); err == nil {
			if version, _, ok := parseBeside(string(body)); ok && version >= b.version {
				return nil
			}
		}
		if b.removed.Load() >= b.version {
			return nil
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("version %d is lost: %q %v", b.version, body, err)
}

// unlinked removes a file that nobody else could have made; nothing that descends from it may come back.
func (b *beside) unlinked() error {
	if err := b.write(0); err != nil {
		return err
	}
	gone := b.born.Load()
	if body, err := os.ReadFile(b.path); err == nil {
		_, gone, _ = parseBeside(string(body))
	}
	if err := os.Remove(b.path); err != nil {
		return err
	}
	time.Sleep(time.Millisecond)
	var descent int64
	for wait := time.Millisecond; wait < 20*time.Second; wait *= 2 {
		body, err := os.ReadFile(b.path)
		if _, descent, _ = parseBeside(string(body)); err != nil || descent != gone {
			return nil
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("what was removed has come back: %d", descent)
}

// A program beside the server replaces the file, writes in place, hides that from mtime, creates the name and
// removes it, while clients save, delete and create with conditions: a write of a client replaces or
// removes only what that client has seen.
func TestProgramBesideTheServer(t *testing.T) {
	for mode, tags := range tagModes {
		t.Run(mode, func(t *testing.T) {
			rounds := 2500
			if tags.NoNotify {
				rounds = 500
			}
			dir := t.TempDir()
			base, err := fs.OpenRoot(dir, fs.RootOptions{})
			must(t, err)
			url := serveTree(t, base, tags, handler.Options{}) + "/f"
			b := &beside{path: filepath.Join(dir, "f")}
			var all sync.WaitGroup
			for c := range 3 {
				all.Go(func() { b.client(t, url, uint64(c)) })
			}
			// Where the clock is coarse, two writes within its step cannot be told apart.
			step := base.Features().Granularity
			rnd := rand.New(rand.NewPCG(1, 1))
			made := make(map[int]int)
			rounds = min(rounds, int(8*time.Second/step))
			for n := 0; n < rounds || b.saved.Load() == 0 || len(made) < 5; n++ { // until they have met
				if step > time.Microsecond {
					time.Sleep(step)
				}
				how := rnd.IntN(5)
				if how == 4 {
					err = b.unlinked()
				} else if err = b.write(how); err == nil {
					time.Sleep(time.Duration(rnd.IntN(1500)) * time.Microsecond)
					if err = b.kept(); err != nil {
						err = fmt.Errorf("%w (way %d)", err, how)
					}
				}
				switch {
				case err == nil:
					made[how]++
				case !errors.Is(err, iofs.ErrNotExist) && !errors.Is(err, iofs.ErrExist):
					t.Error(err)
				}
				if t.Failed() {
					break
				}
			}
			b.stop.Store(true)
			all.Wait()
			t.Logf("%v writes beside %d saves", made, b.saved.Load())
		})
	}
}
