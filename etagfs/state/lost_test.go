package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestFileCutShortWhileOpen: a disk that cannot give the first pages back, or a backup that is copied over the file, costs
// answers, and holds nobody for ever, however many ask at the time.
func TestFileCutShortWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	must(t, err)
	patch(t, s, "/a", set("", "p", "1"))
	var asking sync.WaitGroup
	for client := range 4 {
		asking.Go(func() {
			for i := range 200 {
				if client == 0 && i == 50 {
					must(t, os.Truncate(filepath.Join(dir, fileName), 0))
				}
				s.Properties("/a")
				s.Patch(fmt.Sprintf("/%d", client), []Op{set("", "p", "1")})
			}
		})
	}
	closed := make(chan error)
	go func() {
		asking.Wait()
		err := s.Ready()
		s.Close()
		closed <- err
	}()
	select {
	case err := <-closed:
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("ready: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("somebody waits for ever")
	}
}

// TestFileOutgrowsItsMap: bbolt maps a larger file when nobody reads, and whoever begins to read waits for that. So who reads
// has to be able to end meanwhile.
func TestFileOutgrowsItsMap(t *testing.T) {
	file := filepath.Join(t.TempDir(), fileName)
	e, err := openBolt(file, true)
	must(t, err)
	must(t, e.db.Close())
	e.db, err = bolt.Open(file, 0o600, &bolt.Options{NoSync: true}) // as where initialMmapBytes is 0
	must(t, err)
	done := make(chan error)
	e.View(func(Tx) error {
		go func() {
			done <- e.Update(func(tx Tx) error { return tx.Put(Properties, []byte("/a"), make([]byte, 64<<20)) })
		}()
		time.Sleep(100 * time.Millisecond) // until it waits for this one
		go func() { done <- e.View(func(Tx) error { return nil }) }()
		time.Sleep(100 * time.Millisecond)
		return nil
	})
	for range 2 {
		must(t, <-done)
	}
	must(t, e.Close())
}

// TestStartWithDamagedPages: a page that goes on in millions of others, and a key that is nowhere, are damage, and neither cost
// the start memory and time nor end it.
func TestStartWithDamagedPages(t *testing.T) {
	good := t.TempDir()
	s := open(t, good)
	for i := range 100 {
		patch(t, s, fmt.Sprintf("/%d", i), set("", "p", strings.Repeat("v", 1000)))
	}
	must(t, s.Close())
	for what, c := range map[string]struct {
		flags uint16
		at    int
		says  uint32
	}{
		"a leaf goes on without end":         {leaf, 12, 1 << 22},
		"the second key of a branch is far":  {branchPage, pageHeader + element, 1 << 29},
		"a branch leads back to a meta page": {branchPage, pageHeader + 8, 0},
	} {
		t.Run(what, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(good, fileName))
			must(t, err)
			for page := range slices.Chunk(text[2*os.Getpagesize():], os.Getpagesize()) {
				if binary.NativeEndian.Uint16(page[8:]) == c.flags {
					binary.NativeEndian.PutUint32(page[c.at:], c.says)
				}
			}
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, fileName), text, 0o600))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			must(t, open(t, dir).Close())
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 50<<20 {
				t.Errorf("the start took %d MiB", took>>20)
			}
			if moved, _ := filepath.Glob(filepath.Join(dir, fileName+".damaged-*")); len(moved) != 1 {
				t.Errorf("moved aside: %q", moved)
			}
		})
	}
}

// TestCopyOfAFileInUse: a backup that was copied while the server wrote has pages of several moments. It is moved aside, or
// everything works with it: nothing fails again and again.
func TestCopyOfAFileInUse(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{Relaxed: true})
	must(t, err)
	defer s.Close()
	dice := rand.New(rand.NewPCG(1, 2))
	change := func(s *Store, times int) error {
		for range times {
			value := strings.Repeat("v", dice.IntN(6000))
			if err := s.Patch(fmt.Sprintf("/%d", dice.IntN(100)), []Op{set("", fmt.Sprint("p", dice.IntN(5)), value)}); err != nil {
				return err
			}
		}
		return nil
	}
	read := func(later int) []byte {
		must(t, change(s, later))
		text, err := os.ReadFile(filepath.Join(dir, fileName))
		must(t, err)
		return text[:min(len(text), 1000*os.Getpagesize())] // the rest was never written
	}
	before, after := read(500), read(20)
	aside := 0
	for page := 2; page < 500; page += 7 {
		dir := t.TempDir()
		at := page * os.Getpagesize()
		torn := slices.Concat(before[:at], after[at:])
		must(t, os.WriteFile(filepath.Join(dir, fileName), torn, 0o600))
		s, err := Open(dir, Options{Relaxed: true})
		must(t, err)
		if err := change(s, 300); err != nil {
			t.Errorf("cut at page %d: %v", page, err)
		}
		s.Close()
		if moved, _ := filepath.Glob(filepath.Join(dir, fileName+".damaged-*")); len(moved) > 0 {
			aside++
		}
	}
	t.Logf("%d were moved aside", aside)
}
