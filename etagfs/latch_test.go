package etagfs

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLatchExcludesSameName(t *testing.T) {
	var ls latches
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				h := ls.hold("/a/b")
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				inside.Add(-1)
				h.release()
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d holders at once, want 1", most.Load())
	}
	if len(ls.held) != 0 {
		t.Errorf("%d latches left behind", len(ls.held))
	}
}

func TestLatchMembersTogetherCollectionAlone(t *testing.T) {
	var ls latches
	one := ls.hold("/a/one")
	two := ls.hold("/a/two") // a sibling does not wait
	got := make(chan struct{})
	go func() {
		h := ls.hold("/a")
		close(got)
		h.release()
	}()
	select {
	case <-got:
		t.Fatal("the collection was held while members were")
	case <-time.After(20 * time.Millisecond):
	}
	one.share() // the members may change again, the collection must not go yet
	select {
	case <-got:
		t.Fatal("the collection was held while a member was made durable")
	case <-time.After(20 * time.Millisecond):
	}
	one.release()
	two.release()
	<-got
}

// Operations on the same names in opposite order must not wait for each other for ever.
func TestLatchOppositeOrders(t *testing.T) {
	var ls latches
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				if i%2 == 0 {
					ls.hold("/a/x", "/b/y").release()
				} else {
					ls.hold("/b/y", "/a").release()
				}
			}
		})
	}
	wg.Wait()
}
