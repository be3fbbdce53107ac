package state

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ifmatch/fs"
)

// fullDisk is an Engine that makes nothing durable while it is full.
type fullDisk struct {
	Engine
	full  atomic.Bool
	tries atomic.Int64
}

var errFull = errors.New("full")

func (f *fullDisk) Update(fn func(Tx) error) error {
	f.tries.Add(1)
	return f.Engine.Update(func(tx Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if f.full.Load() {
			return errFull
		}
		return nil
	})
}

func startFull(t *testing.T) (*fullDisk, *Store) {
	t.Helper()
	e := &fullDisk{Engine: newMemory()}
	s, err := New(e, Options{})
	must(t, err)
	return e, s
}

// TestFailedDoneComesBeforeWhatIsLater: the follow-up of a change must not be applied by the next start over what was
// acknowledged meanwhile.
func TestFailedDoneComesBeforeWhatIsLater(t *testing.T) {
	for step, after := range map[Step]tree{
		Move:   {"/b": {1, 10}},
		Copy:   {"/a": {1, 10}, "/b": {1, 11}},
		Remove: {"/a": {1, 12}}, // made anew
	} {
		t.Run(string(step), func(t *testing.T) {
			e, s := startFull(t)
			patch(t, s, "/a", set("", "p", "old"))
			in, err := s.Begin(Change{Step: step, Src: "/a", Dst: "/b", SrcNode: Node{1, 10}}, false)
			must(t, err)
			e.full.Store(true)
			if err := in.Done(); !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			name := "/b"
			if step == Remove {
				name = "/a"
			}
			if err := s.Patch(name, []Op{set("", "q", "lost")}); !errors.Is(err, errFull) {
				t.Error("acknowledged before what it follows:", err)
			}
			e.full.Store(false)
			want := "q=new"
			if step == Remove {
				must(t, s.Forget("/a"))
			} else {
				want = "p=old q=new"
			}
			patch(t, s, name, set("", "q", "new"))
			s, err = New(e, Options{}) // the power was cut
			must(t, err)
			var ended removed
			n, err := s.Recover(after, &ended)
			if n != 0 || len(ended) > 0 || err != nil {
				t.Errorf("%d intents left, locks ended at %v: %v", n, ended, err)
			}
			if got := show(t, s, name); got != want {
				t.Errorf("%s has %q, want %q", name, got, want)
			}
		})
	}
}

// TestNoStepWithoutItsIntent: what cannot be kept, or cannot be told after a crash, is refused before the tree changes.
func TestNoStepWithoutItsIntent(t *testing.T) {
	e, s := startFull(t)
	patch(t, s, "/a", set("", "p", "1"))
	e.full.Store(true)
	if in, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b"}, false); in != nil || !errors.Is(err, errFull) {
		t.Error("move:", in, err)
	}
	if in, err := s.Stamp("/a", []Op{set("", "p", "2")}, fs.Identity{}, time.Unix(1, 0)); in != nil || !errors.Is(err, errFull) {
		t.Error("stamp:", in, err)
	}
	e.full.Store(false)
	s.tree = oddTree{broken: "/a"}
	if in, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b"}, false); in != nil || err == nil {
		t.Error("move of what cannot be looked at:", in, err)
	}
	if got := show(t, s, "/a"); got != "p=1" {
		t.Errorf("got %q", got)
	}
}

// TestBeginSeesWhatIsOwed: whether a name has properties is known only after what was done to it.
func TestBeginSeesWhatIsOwed(t *testing.T) {
	e, s := startFull(t)
	patch(t, s, "/a/c", set("", "p", "1"))
	in, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b"}, false)
	must(t, err)
	e.full.Store(true)
	in.Done()
	for what, err := range map[string]error{
		"begin":  second(s.Begin(Change{Step: Remove, Src: "/b/c"}, false)),
		"forget": s.Forget("/b/c"),
		"carry":  second(s.Carry("/b/c")),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if in, err := s.Begin(Change{Step: Remove, Src: "/z"}, false); in != nil || err != nil {
		t.Error("what has no properties can be removed from a full disk:", err)
	}
	e.full.Store(false)
	in, err = s.Begin(Change{Step: Remove, Src: "/b/c"}, false)
	if in == nil || err != nil {
		t.Fatal("no intent:", err)
	}
	must(t, in.Done())
	if got := all(t, s); got != "" || s.debts.owing.Load() || len(s.debts.names) > 0 {
		t.Errorf("left: %q, owing %v", got, s.debts.names)
	}
}

func second[T any](_ T, err error) error { return err }

// TestDebtsKeepTheirOrder, and Close pays them.
func TestDebtsKeepTheirOrder(t *testing.T) {
	e, s := startFull(t)
	must(t, s.SaveLocks(map[string][]byte{"t": []byte("x")}, nil)())
	patch(t, s, "/a", set("", "p", "1"))
	one, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b"}, false)
	must(t, err)
	two, err := s.Begin(Change{Step: Move, Src: "/b", Dst: "/c"}, true)
	must(t, err)
	idle, err := s.Begin(Change{Step: Remove, Src: "/c"}, true)
	must(t, err)
	e.full.Store(true)
	for _, err := range []error{s.DropLocks([]string{"t"})(), one.Done(), two.Done()} {
		if !errors.Is(err, errFull) {
			t.Error(err)
		}
	}
	idle.Abandon()
	if s.caughtUp() == nil {
		t.Error("not full")
	}
	e.full.Store(false)
	must(t, s.Close())
	s, err = New(e, Options{})
	must(t, err)
	if got := all(t, s); got != "/c=1" {
		t.Errorf("got %s", got)
	}
	must(t, s.LoadLocks(func(token string, _ []byte) error { t.Error("a lock is left"); return nil }))
	if n, err := s.Recover(tree{}, nil); n != 0 || err != nil {
		t.Errorf("%d intents left: %v", n, err)
	}
}

// TestDebtsArePaidWithoutAnotherChange, not long after there is room.
func TestDebtsArePaidWithoutAnotherChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, s := startFull(t)
		patch(t, s, "/a", set("", "p", "1"))
		for _, c := range []Change{{Step: Move, Src: "/a", Dst: "/b"}, {Step: Move, Src: "/b", Dst: "/c"}} {
			in, err := s.Begin(c, false)
			must(t, err)
			e.full.Store(true)
			if err := in.Done(); !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			e.tries.Store(0)
			time.Sleep(time.Hour)
			if n := e.tries.Load(); n < 60 || n > 70 {
				t.Errorf("it was tried %d times in an hour", n)
			}
			e.full.Store(false)
			time.Sleep(maxRetry)
			if left, err := s.interrupted(); len(left) > 0 || err != nil || s.debts.owing.Load() {
				t.Errorf("%d intents left: %v", len(left), err)
			}
			e.tries.Store(0)
			time.Sleep(time.Hour)
			if n := e.tries.Load(); n > 0 {
				t.Errorf("%d transactions when nothing is owed", n)
			}
		}
		must(t, s.Close())
		if got := all(t, s); got != "/c=1" {
			t.Errorf("got %s", got)
		}
	})
}

// TestDebtThatFailsAlone holds back what comes after it and nothing before.
func TestDebtThatFailsAlone(t *testing.T) {
	s := NewMemory(Options{})
	errBad, bad, hold := errors.New("bad"), true, make(chan struct{})
	s.begin(func(Tx, *counts) error { <-hold; return nil })
	before := s.SaveLocks(map[string][]byte{"before": nil}, nil)
	owed := s.follow(func(Tx, *counts) error {
		if bad {
			return errBad
		}
		return nil
	}, "/a")
	after := s.SaveLocks(map[string][]byte{"after": nil}, nil)
	close(hold)
	must(t, before())
	if err := owed.wait(); err != errBad {
		t.Error(err)
	}
	if err := after(); err != errBad {
		t.Error(err)
	}
	bad = false
	must(t, s.caughtUp("/a/b"))
}

// TestRecoverOnFullDisk goes on, and does it later.
func TestRecoverOnFullDisk(t *testing.T) {
	e, s := startFull(t)
	patch(t, s, "/a", set("", "p", "1"))
	_, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b", SrcNode: Node{1, 10}}, false)
	must(t, err)
	s, err = New(e, Options{})
	must(t, err)
	e.full.Store(true)
	_, err = s.Recover(tree{"/b": {1, 10}}, &removed{})
	must(t, err)
	e.full.Store(false)
	patch(t, s, "/b", set("", "q", "2"))
	if got := show(t, s, "/b"); got != "p=1 q=2" {
		t.Errorf("got %q", got)
	}
}
