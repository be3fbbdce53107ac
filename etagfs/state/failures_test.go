package state

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

// long is a name of n bytes.
func long(n int) string { return "/" + strings.Repeat("s", n-1) }

// TestNameTooLongIsRefusedBeforeTheStep: what the engine cannot keep must not be found out after the tree has changed.
func TestNameTooLongIsRefusedBeforeTheStep(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		patch(t, s, long(maxKeyBytes), set("", "p", "1"))
		if err := s.Patch(long(maxKeyBytes+1), []Op{set("", "p", "1")}); !errors.Is(err, fs.ErrNameTooLong) {
			t.Errorf("a first property: %v", err)
		}
		patch(t, s, "/a/"+strings.Repeat("b", 100), set("", "p", "1"))
		fits, tooLong := long(maxKeyBytes-101), long(maxKeyBytes-100)
		for _, step := range []Step{Move, Copy} {
			if _, err := s.Begin(Change{Step: step, Src: "/a", Dst: tooLong}, true); !errors.Is(err, fs.ErrNameTooLong) {
				t.Errorf("%s: %v", step, err)
			}
		}
		carries := Change{Step: Copy, Src: "/a", Dst: tooLong, Carries: true, Carried: []Carried{{"/" + strings.Repeat("b", 100), []byte("x")}}}
		if _, err := s.Begin(carries, false); !errors.Is(err, fs.ErrNameTooLong) {
			t.Errorf("what is carried: %v", err)
		}
		in, err := s.Begin(Change{Step: Move, Src: "/a", Dst: fits}, false)
		if err == nil {
			err = in.Done()
		}
		if err != nil {
			t.Error("the longest name:", err)
		}
		s = reopen(s)
		if got := show(t, s, fits+"/"+strings.Repeat("b", 100)); got != "p=1" {
			t.Errorf("the longest name has %q", got)
		}
	})
}

// TestRecoverEndsWhatCannotBeKept is the start after an older server took such a step.
func TestRecoverEndsWhatCannotBeKept(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		patch(t, s, "/a", set("", "p", "1"))
		patch(t, s, "/a/b", set("", "p", "2"))
		in := &Intent{Change: Change{Step: Move, Src: "/a", Dst: long(maxKeyBytes - 1), SrcNode: Node{1, 10}}, number: 1, store: s}
		must(t, s.begin(func(tx Tx, _ *counts) error { return in.save(tx) }).wait())
		s = reopen(s)
		n, err := s.Recover(tree{in.Dst: {1, 10}}, &removed{})
		if n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if got := show(t, s, in.Dst); got != "p=1" || s.HasBelow("/a") {
			t.Errorf("what can be kept: got %q", got)
		}
		s = reopen(s)
		if n, err := s.Recover(tree{}, nil); n != 0 || err != nil {
			t.Errorf("%d intents left: %v", n, err)
		}
	})
}

// TestFailingJobIsAlone puts one between two others in one transaction.
func TestFailingJobIsAlone(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		errBad, hold := errors.New("bad"), make(chan struct{})
		s.begin(func(Tx, *counts) error { <-hold; return nil }) // what comes meanwhile goes together
		one := s.begin(func(tx Tx, c *counts) error {
			return put(tx, c, keyOf("/one"), encodeProperties([]Property{{Name{"", "p"}, []byte("1")}}))
		})
		bad := s.begin(func(tx Tx, c *counts) error {
			put(tx, c, keyOf("/bad"), encodeProperties([]Property{{Name{"", "p"}, []byte("1")}}))
			return errBad
		})
		torn := s.begin(func(Tx, *counts) error { panic("a damaged page") })
		two := s.SaveLocks(map[string][]byte{"t": []byte("x")}, nil)
		close(hold)
		if err := bad.wait(); err != errBad {
			t.Errorf("the failing one: %v", err)
		}
		if err := torn.wait(); !errors.Is(err, ErrDamaged) {
			t.Errorf("the panicking one: %v", err)
		}
		must(t, one.wait())
		must(t, two())
		if s.resources.Load() != 1 {
			t.Errorf("%d resources are counted", s.resources.Load())
		}
		s = reopen(s)
		if show(t, s, "/one") != "p=1" || s.HasBelow("/bad") {
			t.Error("not what was acknowledged")
		}
	})
}

// TestTakeBackIsOwed: the other half of a change was not done, so this one must not stay.
func TestTakeBackIsOwed(t *testing.T) {
	e, s := startFull(t)
	patch(t, s, "/a", set("", "p", "1"))
	a, err := s.Stamp("/a", []Op{set("", "p", "2"), set("", "q", "2")}, fs.Identity{}, time.Unix(1, 0))
	must(t, err)
	b, err := s.Stamp("/b", []Op{set("", "p", "2")}, fs.Identity{}, time.Unix(1, 0))
	must(t, err)
	e.full.Store(true)
	a.TakeBack()
	b.TakeBack()
	e.full.Store(false)
	must(t, s.caughtUp("/a"))
	if got := show(t, s, "/a"); got != "p=1" || s.HasBelow("/b") {
		t.Errorf("got %q", got)
	}
	if left, err := s.interrupted(); len(left) > 0 || err != nil {
		t.Errorf("%d intents left: %v", len(left), err)
	}
}
