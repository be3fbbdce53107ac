package fstest

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"maps"
	"strings"
	"sync"
	"testing"

	"ifmatch/fs"
)

// together runs n of fn at once.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// Of all who create one name exactly one wins.
func testCreateRace(t *testing.T, f fs.FS) {
	for round := range 20 {
		name := fmt.Sprintf("/f%d", round)
		var mu sync.Mutex
		won := []string{}
		together(8, func(i int) {
			body := fmt.Sprint("writer ", i)
			_, created, err := put(f, name, body, func(cur *fs.Info) error {
				if cur != nil {
					return errRefused
				}
				return nil
			})
			switch {
			case err == nil && created:
				mu.Lock()
				won = append(won, body)
				mu.Unlock()
			case !errors.Is(err, errRefused):
				t.Errorf("create: created %v, %v", created, err)
			}
		})
		if len(won) != 1 {
			t.Fatalf("%d writers created %s", len(won), name)
		}
		want(t, f, name, won[0])
	}
}

// Compare and swap: every accepted write is one step of a counter. Writers hold the latch of the name while they
// commit, as those of a server do, and read without it.
func testReplaceRace(t *testing.T, f fs.FS) {
	Put(t, f, "/counter", "")
	var latch sync.Mutex
	const writers, steps = 6, 25
	together(writers, func(int) {
		for range steps {
			for {
				r, err := f.OpenRead("/counter")
				if err != nil {
					t.Errorf("open: %v", err)
					return
				}
				id := r.Info().Identity
				body := make([]byte, r.Info().SizeBytes)
				_, err = r.ReadAt(body, 0)
				r.Close()
				if err != nil && len(body) > 0 {
					t.Errorf("read: %v", err)
					return
				}
				latch.Lock()
				_, _, err = put(f, "/counter", string(body)+"+", func(cur *fs.Info) error {
					if cur == nil || cur.Identity != id {
						return errRefused
					}
					return nil
				})
				latch.Unlock()
				if err == nil {
					break
				}
				if !errors.Is(err, errRefused) && !errors.Is(err, fs.ErrBusy) {
					t.Errorf("replace: %v", err)
					return
				}
			}
		}
	})
	want(t, f, "/counter", strings.Repeat("+", writers*steps))
}

// Whatever a writer does, a reader gets one whole representation with its own state. Writers hold
// the latch of the name, as those of a server do. The time of change is not compared: being
// replaced between open and fstat moves it.
func testReadersSeeWholeRepresentations(t *testing.T, f fs.FS) {
	body := func(i int) string { return strings.Repeat(string(rune('a'+i)), 10_000+i) }
	Put(t, f, "/f", body(0))
	var mu sync.Mutex
	states := map[fs.Identity]string{noCtime(lookup(t, f, "/f")): body(0)}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	type reading struct {
		id   fs.Identity
		body string
	}
	var read []reading
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := f.OpenRead("/f")
				if err != nil {
					t.Errorf("a mapped name could not be opened: %v", err)
					return
				}
				b := make([]byte, r.Info().SizeBytes)
				_, err = r.ReadAt(b, 0)
				id := noCtime(r.Info())
				r.Close()
				if err != nil {
					t.Errorf("read: %v", err)
					return
				}
				mu.Lock()
				read = append(read, reading{id, string(b)})
				mu.Unlock()
			}
		})
	}
	var latch sync.Mutex
	together(3, func(w int) {
		for i := range 40 {
			b := body((w*40 + i) % 26)
			latch.Lock()
			info, _, err := put(f, "/f", b, accept)
			latch.Unlock()
			if err != nil {
				t.Errorf("put: %v", err)
				return
			}
			mu.Lock()
			states[noCtime(info)] = b
			mu.Unlock()
		}
	})
	close(stop)
	readers.Wait()
	for _, r := range read {
		if want, ok := states[r.id]; !ok || want != r.body {
			t.Fatalf("state %+v (known: %v) came with %q, %d bytes", r.id, ok, short(r.body), len(r.body))
		}
	}
}

func noCtime(info fs.Info) fs.Identity {
	info.Ctime = 0
	return info.Identity
}

// Moves and retires of one name: each resource ends in exactly one place.
func testMoveRetireRace(t *testing.T, f fs.FS) {
	for round := range 20 {
		Put(t, f, "/src", "x")
		results := make([]error, 6)
		together(6, func(i int) {
			if i%2 == 0 {
				_, results[i] = move(f, "/src", fmt.Sprintf("/dst%d", i))
			} else {
				results[i] = retire(f, "/src")
			}
		})
		won, expect := 0, map[string]string{}
		for i, err := range results {
			switch {
			case err == nil:
				won++
				if i%2 == 0 {
					expect[fmt.Sprintf("/dst%d", i)] = "x"
				}
			case !errors.Is(err, iofs.ErrNotExist):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d of the changes won", round, won)
		}
		if got := Tree(t, f); !maps.Equal(got, expect) {
			t.Fatalf("round %d: tree = %v, want %v", round, got, expect)
		}
		for name := range expect {
			must(t, retire(f, name))
		}
	}
}
