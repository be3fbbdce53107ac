package fs

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A large body is fsynced while it is received. The system tells of what it could not write once, to whichever fsync comes
// next: so what one of those found is an error of Prepare, though the last one finds nothing.
func TestFlushBeforePrepare(t *testing.T) {
	for _, fails := range []bool{false, true} {
		var syncs atomic.Int64
		begun, goOn := make(chan bool), make(chan bool)
		r := openRoot(t, t.TempDir(), RootOptions{Hook: func(step, name string) error {
			if step != "fsync" {
				return nil
			}
			if syncs.Add(1) > 1 {
				return nil
			}
			begun <- true
			<-goOn
			if fails {
				return unix.EIO
			}
			return nil
		}})
		s, err := r.Stage("/f")
		must(t, err)
		defer s.Discard()
		if _, err := s.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		s.WriteOut(0, flushBytes-1)
		s.WriteOut(flushBytes-1, 1)
		<-begun
		s.WriteOut(flushBytes, flushBytes) // one is under way
		close(goOn)
		err = s.Prepare(time.Time{}, true)
		if fails != errors.Is(err, unix.EIO) || !fails && err != nil {
			t.Errorf("fails: %v; Prepare says: %v", fails, err)
		}
		want := int64(2)
		if fails || r.tried.Load().ordered { // where the bytes are written out instead
			want = 1
		}
		if got := syncs.Load(); got != want {
			t.Errorf("fails: %v; %d calls of fsync, want %d", fails, got, want)
		}
	}
}
