package etagfs

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"ifmatch/fs"
)

// The bytes are secured when the last of them is written, and before they get their name: by fsync, or so that the one of the
// directory makes them durable (package fs). There is nothing else to sync them.
func TestBytesAreSyncedBetweenTheLastOfThemAndTheStep(t *testing.T) {
	for name, open := range map[string]func(string, fs.RootOptions) (fs.FS, error){"portable": fs.OpenPortable, "root": fs.OpenRoot} {
		for _, content := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/content=%v", name, content), func(t *testing.T) {
				var steps []string
				base, err := open(t.TempDir(), fs.RootOptions{Hook: func(step, name string) error {
					if step == "fsync" && name == "/" {
						step = "fsync of the directory"
					}
					steps = append(steps, step)
					return nil
				}})
				must(t, err)
				defer base.Close()
				f := New(base, Options{Settings: Settings{Content: content, NoNotify: true}})
				defer f.Close()
				for _, size := range []int{1 << 20, 5} { // is created, is replaced
					steps = nil
					_, _, err := f.Put(ctx, "/f", bytes.NewReader(make([]byte, size)), PutOptions{})
					must(t, err)
					wrote, step := lastOf(steps, "write"), lastOf(steps, "link", "rename")
					secured := lastOf(steps[:step], "fsync", "write out")
					if wrote < 0 || secured < wrote || lastOf(steps, "fsync of the directory") < step {
						t.Errorf("%d bytes: %q", size, steps)
					}
				}
			})
		}
	}
}

// A write that is refused, or whose body breaks off, leaves no open file and no name. Nor does one that is made, however large
// what it replaces is.
func TestWritesLeaveNothingOpen(t *testing.T) {
	f, dir := disk(t, Options{})
	open := func() int {
		members, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(members)
	}
	refused := Write{Exact: true, Check: func(*Info) error { return iofs.ErrInvalid }}
	before := 0
	for n := range 12 {
		put(t, f, "/f", "content")
		must(t, second(f.Update(ctx, "/f", time.Unix(1e9, 0), Write{})))
		put(t, f, "/large", strings.Repeat("x", 1<<20))
		_, _, err := f.Put(ctx, "/large", strings.NewReader("small"), PutOptions{Write: Write{Exact: true}})
		must(t, err)
		for _, c := range []string{"d", "e"} {
			must(t, os.MkdirAll(filepath.Join(dir, c, "below"), 0o700))
		}
		must(t, third(f.Move(ctx, "/d", "/e", Write2{Exact: true})))
		must(t, third(f.Copy(ctx, "/e", "/d", CopyOptions{})))
		must(t, third(f.Copy(ctx, "/f", "/d", CopyOptions{})))
		must(t, third(f.Move(ctx, "/d", "/e/f", Write2{Exact: true})))
		must(t, f.Remove(ctx, "/e/below", Write{}))
		must(t, f.Remove(ctx, "/e/f", Write{Exact: true}))
		must(t, f.Remove(ctx, "/e", Write{}))
		must(t, os.WriteFile(filepath.Join(dir, fs.ReservedPrefix+"0123456789abcdef-1"), nil, 0o600)) // of a server that was killed
		must(t, second(f.base.Sweep()))
		for what, err := range map[string]error{
			"put":    third(f.Put(ctx, "/f", strings.NewReader("x"), PutOptions{Write: refused})),
			"body":   third(f.Put(ctx, "/f", iotest.ErrReader(iofs.ErrInvalid), PutOptions{})),
			"delete": f.Remove(ctx, "/f", refused),
			"mkcol":  second(f.MakeCollection(ctx, "/c", time.Unix(1e9, 0), refused)),
			"copy":   third(f.Copy(ctx, "/f", "/g", CopyOptions{Write2: Write2{Check: func(_, _ *Info, _ string) error { return iofs.ErrInvalid }}})),
		} {
			if !errors.Is(err, iofs.ErrInvalid) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if n == 0 {
			before = open()
		}
	}
	if after := open(); after > before+5 {
		t.Errorf("%d descriptors, and %d before", after, before)
	}
	members, err := os.ReadDir(dir)
	if err != nil || len(members) != 2 {
		t.Errorf("what is left: %v, %v", members, err)
	}
}

func second[A any](_ A, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }

// lastOf is the place of the last of these steps, -1 where there is none.
func lastOf(steps []string, these ...string) int {
	for i, step := range slices.Backward(steps) {
		if slices.Contains(these, step) {
			return i
		}
	}
	return -1
}

// BenchmarkDurablePut compares a durable Put of 4 KiB over an existing file with a bare program that does the
// same fsyncs: write a file, fsync it, rename it over, fsync the directory. The two take turns, since a disk is not as fast
// now as it was a second ago; an operation is one of each.
func BenchmarkDurablePut(b *testing.B) {
	body := make([]byte, 4096)
	for _, writers := range []int{1, 8} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			dir := b.TempDir()
			base, err := fs.OpenRoot(b.TempDir(), fs.RootOptions{})
			must(b, err)
			defer base.Close()
			f := New(base, Options{})
			defer f.Close()
			var bare, ours time.Duration
			for left := b.N; left > 0; left -= turn {
				n := min(turn, left)
				bare += parallel(writers, n, func(id int) {
					if err := bareDurable(dir, fmt.Sprintf("f%d", id), body); err != nil {
						b.Error(err)
					}
				})
				ours += parallel(writers, n, func(id int) {
					if _, _, err := f.Put(ctx, fmt.Sprintf("/f%d", id), bytes.NewReader(body), PutOptions{}); err != nil {
						b.Error(err)
					}
				})
			}
			b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
			b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ifmatch-ns/op")
			b.ReportMetric(float64(ours)/float64(bare), "ifmatch/bare")
		})
	}
}

// turn is how many operations one does before it is the other's turn.
const turn = 64

// parallel does n operations, spread over so many writers, and tells how long that took.
func parallel(writers, n int, do func(id int)) time.Duration {
	var left atomic.Int64
	left.Store(int64(n))
	began := time.Now()
	var all sync.WaitGroup
	for id := range writers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				do(id)
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func bareDurable(dir, name string, body []byte) error {
	tmp := filepath.Join(dir, name+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(body); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
