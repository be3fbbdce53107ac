package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestFileCutShortWhileOpen: a disk that cannot give the first pages back, or a backup that is copied over the file, costs
// answers, and holds nobody for ever, however many ask at the time.
func TestFileCutShortWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
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
