package etagfs

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ifmatch/fs"
)

func TestLatchExcludesSameName(t *testing.T) {
	ls := latches{Latches: new(Latches)}
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

// Latches are taken in the order of paths, also those of two trees: the members of a collection follow it.
func TestOrderOfLatches(t *testing.T) {
	order := []string{"", "/", "/a", "/a/b", "/a/b/c", "/a/c", "/a!", "/a!/b", "/ab"}
	for i, a := range order {
		for j, b := range order {
			if got := byPath(a, b); got != cmp.Compare(i, j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
	within := func(dir string) *FS { return New(fs.NewMemory(), Options{Latches: new(Latches), Within: dir}) }
	c, b, a := within("/c"), within("/b"), within("/b")
	if !b.before(c) || c.before(b) || !b.before(a) || a.before(b) {
		t.Error("trees are in no order, or not in that of their directories and then of their making")
	}
}

func TestLatchMembersTogetherCollectionAlone(t *testing.T) {
	ls := latches{Latches: new(Latches)}
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
	ls := latches{Latches: new(Latches)}
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

// One file is latched once, whichever of two trees it is reached through; and the latches of two trees, taken one after the
// other, are taken in the order in which a tree around both takes them.
func TestLatchesOfTreesInsideEachOther(t *testing.T) {
	var table Latches
	outer := latches{Latches: &table, within: "/srv"}
	inner := latches{Latches: &table, within: "/srv/a"}
	for _, c := range []struct {
		outer, inner string
		together     bool
	}{
		{"/a/f", "/f", false},
		{"/a/f", "/g", true},
		{"/a", "/f", false},
		{"/a", "/", false},
		{"/b", "/", true},
		{"/a-1", "/f", true},
	} {
		one := outer.hold(c.outer)
		got := make(chan *held)
		go func() { got <- inner.hold(c.inner) }()
		var two *held
		if c.together {
			two = <-got
			one.release()
		} else {
			select {
			case <-got:
				t.Errorf("%s and, inside, %s were held at once", c.outer, c.inner)
			case <-time.After(20 * time.Millisecond):
			}
			one.release()
			two = <-got
		}
		two.release()
	}
	if len(table.held) != 0 {
		t.Errorf("%d latches left behind", len(table.held))
	}
	beside := latches{Latches: &table, within: "/srv/a-1"}
	first, second := inner.hold("/f"), beside.hold("/g")
	around := make(chan []string)
	go func() {
		h := outer.hold("/a-1/g", "/a/f")
		around <- h.names
		h.release()
	}()
	apart := append(slices.Clone(first.names), second.names...)
	second.release()
	first.release()
	if all := <-around; !slices.Equal(all[1:], apart) {
		t.Errorf("around both: %q, one after the other: %q", all, apart)
	}
}

// slowDir makes directories durable when told to.
type slowDir struct {
	fs.FS
	begun, end chan struct{}
}

func (s slowDir) SyncDir(name string) error {
	s.begun <- struct{}{}
	<-s.end
	return s.FS.SyncDir(name)
}

// While a name is made durable others may change it: who writes one file at once shares what that costs.
func TestNoLatchOfTheNameWhileItIsMadeDurable(t *testing.T) {
	base := slowDir{fs.NewMemory(), make(chan struct{}), make(chan struct{})}
	f := New(base, Options{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, _, err := f.Put(ctx, "/f", strings.NewReader("new"), PutOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 {
		select {
		case <-base.begun:
		case <-time.After(10 * time.Second):
			t.Fatal("one waits until the other one is durable")
		}
	}
	close(base.end)
	all.Wait()
}
