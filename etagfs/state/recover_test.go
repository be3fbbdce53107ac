package state

import (
	"errors"
	"strings"
	"testing"
)

// oddTree is a tree that is not quite as it was.
type oddTree struct {
	tree
	empty  bool
	broken string // cannot be looked at
}

func (o oddTree) Empty() bool { return o.empty }

func (o oddTree) Node(name string) (Node, error) {
	if name == o.broken {
		return Node{}, errors.New("input/output error")
	}
	return o.tree[name], nil
}

// TestRecoverInAnotherTree starts after a boot that gave the disk another number, or did not mount it.
func TestRecoverInAnotherTree(t *testing.T) {
	root, src, dst := Node{1, 2}, Node{1, 10}, Node{1, 11}
	at := func(dev uint64, names string) tree {
		all := tree{"/": {dev, 2}, "/a": {dev, 10}, "/b": {dev, 11}}
		some := tree{}
		for _, name := range strings.Fields(names) {
			some[name] = all[name]
		}
		return some
	}
	const before = "/a=/a /b=/b"
	for _, c := range []struct {
		what string
		step Step
		old  bool // a record that does not know the root
		now  oddTree
		want string
		left int
	}{
		{"remove not taken, another number", Remove, false, oddTree{tree: at(2, "/ /a /b")}, before, 0},
		{"remove not taken, another number, old record", Remove, true, oddTree{tree: at(2, "/ /a /b")}, before, 0},
		{"remove taken, another number", Remove, false, oddTree{tree: at(2, "/ /b")}, "/b=/b", 0},
		{"remove taken, nothing else is there", Remove, false, oddTree{tree: at(1, "/"), empty: true}, "/b=/b", 0},
		{"remove taken, old record", Remove, true, oddTree{tree: at(1, "/ /b")}, "/b=/b", 0},
		{"remove, a mount in place of it", Remove, false, oddTree{tree: tree{"/": root, "/a": {3, 10}}}, "/b=/b", 0},
		{"copy not taken, another number", Copy, false, oddTree{tree: at(2, "/ /a /b")}, before, 0},
		{"copy taken, another number", Copy, false, oddTree{tree: tree{"/": {2, 2}, "/b": {2, 12}}}, "/a=/a /b=/a", 0},
		{"copy not taken, what it was to replace is gone", Copy, false, oddTree{tree: tree{"/": root, "/a": src}}, before, 0},
		{"move taken, another number", Move, false, oddTree{tree: tree{"/": {2, 2}, "/b": {2, 10}}}, "/b=/a", 0},
		{"move taken, a copy of the tree", Move, false, oddTree{tree: tree{"/": {3, 7}, "/b": {3, 12}}}, "/b=/a", 0},
		{"move taken, a copy that is a whole disk", Move, false, oddTree{tree: tree{"/": {3, 2}, "/b": {3, 12}}}, "/b=/a", 0},
		{"move not taken, a copy of the tree", Move, false, oddTree{tree: tree{"/": {3, 7}, "/a": {3, 8}, "/b": {3, 12}}}, before, 1},
		{"move, another directory", Move, false, oddTree{tree: tree{"/": {1, 7}, "/x": {1, 8}}}, before, 1},
		{"not mounted", Remove, false, oddTree{tree: tree{"/": {1, 7}}, empty: true}, before, 1},
		{"not mounted, the same inode", Remove, false, oddTree{tree: tree{"/": {5, 2}}, empty: true}, before, 1},
		{"not mounted, old record", Remove, true, oddTree{tree: tree{"/": {1, 7}}, empty: true}, before, 1},
		{"another directory", Remove, false, oddTree{tree: tree{"/": {1, 7}, "/x": {1, 8}}}, before, 1},
		{"the name cannot be looked at", Remove, false, oddTree{tree: at(1, "/"), broken: "/a"}, before, 1},
		{"the root cannot be looked at", Remove, false, oddTree{tree: at(1, "/"), broken: "/"}, before, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := NewMemory(Options{})
			if !c.old {
				_, err := s.Recover(tree{"/": root, "/a": src, "/b": dst}, nil)
				must(t, err)
			}
			patch(t, s, "/a", set("", "p", "/a"))
			patch(t, s, "/b", set("", "p", "/b"))
			_, err := s.Begin(Change{Step: c.step, Src: "/a", Dst: "/b", SrcNode: src, DstNode: dst}, false)
			must(t, err)
			must(t, s.Close())
			s, err = New(s.engine, Options{})
			must(t, err)
			if n, err := s.Recover(c.now, &removed{}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			must(t, s.begin(func(Tx, *counts) error { return nil }).wait())
			if got := all(t, s); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if left, err := s.interrupted(); len(left) != c.left || err != nil {
				t.Errorf("%d intents left: %v", len(left), err)
			}
		})
	}
}

// TestUnsureIntentHoldsNoOtherBack: each is judged by itself.
func TestUnsureIntentHoldsNoOtherBack(t *testing.T) {
	s := NewMemory(Options{})
	for _, name := range []string{"/a", "/b"} {
		patch(t, s, name, set("", "p", name))
		_, err := s.Begin(Change{Step: Remove, Src: name, SrcNode: Node{1, 10}}, false)
		must(t, err)
	}
	_, err := s.Recover(oddTree{broken: "/a"}, &removed{})
	must(t, err)
	if got := all(t, s); got != "/a=/a" {
		t.Errorf("got %s", got)
	}
}

// TestRecordOfBefore: what older servers wrote can be read.
func TestRecordOfBefore(t *testing.T) {
	in, err := decodeIntent(make([]byte, 8), []byte(`{"Step":"remove","Src":"/a","Dst":"","SrcNode":{"Dev":1,"Ino":10},"DstNode":{"Dev":0,"Ino":0},"Shallow":false}`))
	if err != nil || in.SrcNode != (Node{1, 10}) || in.Root != (Node{}) {
		t.Errorf("got %+v, %v", in, err)
	}
	in, err = decodeIntent(make([]byte, 8), []byte(`{"Step":"copy","Src":"/","Dst":"/d","SrcNode":{"Dev":1,"Ino":2},"DstNode":{"Dev":0,"Ino":0},"Shallow":false,`+
		`"Foreign":true,"Carried":[{"Name":"/a","Value":"AA=="}]}`))
	if err != nil || !in.Carries || len(in.Carried) != 1 || in.Carried[0].Name != "/a" {
		t.Errorf("from another tree: got %+v, %v", in, err)
	}
}

// TestLeftIntentEndsBeforeLaterChanges: what Recover could not tell must not be carried out by a later start on top of
// what was acknowledged since.
func TestLeftIntentEndsBeforeLaterChanges(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Store) error
		left   int
	}{
		"patch":           {func(s *Store) error { return s.Patch("/b", []Op{set("", "q", "1")}) }, 0},
		"patch below":     {func(s *Store) error { return s.Patch("/a/x", []Op{set("", "q", "1")}) }, 0},
		"patch elsewhere": {func(s *Store) error { return s.Patch("/ab", []Op{set("", "q", "1")}) }, 1},
		"forget":          {func(s *Store) error { return s.Forget("/b") }, 0},
		"step": {func(s *Store) error {
			in, err := s.Begin(Change{Step: Remove, Src: "/a"}, false)
			in.Abandon()
			return err
		}, 0},
		"step above, without state": {func(s *Store) error { return second(s.Begin(Change{Step: Copy, Dst: "/", Carries: true}, false)) }, 0},
		"put or lock":               {func(s *Store) error { return s.Overtake("/a") }, 0},
		"put elsewhere":             {func(s *Store) error { return s.Overtake("/c") }, 1},
		"put elsewhere, then there": {func(s *Store) error { return errors.Join(s.Overtake("/c"), s.Overtake("/a")) }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			e, s := startFull(t)
			patch(t, s, "/a", set("", "p", "a"))
			patch(t, s, "/b", set("", "p", "b"))
			_, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b", SrcNode: Node{1, 10}}, false)
			must(t, err)
			s, err = New(e, Options{})
			must(t, err)
			_, err = s.Recover(oddTree{tree: tree{"/b": {1, 10}}, broken: "/b"}, &removed{})
			must(t, err)
			if c.left == 0 {
				e.full.Store(true)
				if err := c.change(s); !errors.Is(err, errFull) {
					t.Error("not before the intent has ended:", err)
				}
				e.full.Store(false)
			}
			s.tree = nil // as if it could be looked at again
			must(t, c.change(s))
			if left, err := s.interrupted(); len(left) < c.left || err != nil {
				t.Errorf("%d intents left: %v", len(left), err)
			}
			s, err = New(e, Options{}) // the power was cut
			must(t, err)
			var ended removed
			if _, err := s.Recover(tree{"/b": {1, 10}}, &ended); err != nil || (len(ended) > 0) != (c.left > 0) {
				t.Errorf("locks ended at %v: %v", ended, err)
			}
		})
	}
}

// TestDamagedIntents: nobody can tell what they were about, so the store is not taken for whole.
func TestDamagedIntents(t *testing.T) {
	for _, record := range []struct{ key, value string }{{"short", "{}"}, {"8 bytes.", "no JSON"}} {
		s := NewMemory(Options{})
		must(t, s.begin(func(tx Tx, _ *counts) error { return tx.Put(Intents, []byte(record.key), []byte(record.value)) }).wait())
		if _, err := s.Recover(tree{}, &removed{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v: %v", record, err)
		}
	}
}
