package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/fs"
)

// engines are what every promise must hold on; reopen closes a store and opens it again.
func engines(t *testing.T, test func(t *testing.T, s *Store, reopen func(*Store) *Store)) {
	t.Run("memory", func(t *testing.T) {
		e := newMemory()
		open := func() *Store {
			s, err := New(e, Options{})
			must(t, err)
			return s
		}
		test(t, open(), func(s *Store) *Store { s.Close(); return open() })
	})
	t.Run("bbolt", func(t *testing.T) {
		dir := t.TempDir()
		test(t, open(t, dir), func(s *Store) *Store {
			must(t, s.Close())
			return open(t, dir)
		})
	})
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func set(space, local, xml string) Op { return Op{Name{space, local}, []byte(xml)} }

func patch(t testing.TB, s *Store, name string, ops ...Op) {
	t.Helper()
	must(t, s.Patch(name, ops))
}

// show is the properties of a name as text.
func show(t testing.TB, s *Store, name string) string {
	t.Helper()
	ps, err := s.Properties(name)
	must(t, err)
	var out []string
	for _, p := range ps {
		out = append(out, p.Name.Space+p.Name.Local+"="+string(p.XML))
	}
	if len(ps) > 0 && !s.HasBelow(name) {
		t.Errorf("HasBelow(%s) and Properties disagree", name)
	}
	return strings.Join(out, " ")
}

func TestPatch(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		if s.HasBelow("/a") || s.MembersHave("/") {
			t.Error("an empty store has something")
		}
		patch(t, s, "/a", set("u:", "x", "1"), set("", "y", "2"), set("u:", "z", ""))
		patch(t, s, "/a", set("u:", "x", "3"), Op{Name: Name{"", "y"}}, Op{Name: Name{"", "none"}},
			set("", "n", "4"), Op{Name: Name{"", "n"}}, set("", "n", "5"))
		want := "u:x=3 u:z= n=5"
		if got := show(t, s, "/a"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s = reopen(s)
		if got := show(t, s, "/a"); got != want {
			t.Errorf("after a restart: got %q, want %q", got, want)
		}
		patch(t, s, "/a", Op{Name: Name{"u:", "x"}}, Op{Name: Name{"u:", "z"}}, Op{Name: Name{"", "n"}})
		if s.HasBelow("/a") || s.MembersHave("/") || s.bytes != 0 || s.resources.Load() != 0 {
			t.Errorf("something is counted that is not there: %d bytes", s.bytes)
		}
	})
}

func TestTooLargeChangesNothing(t *testing.T) {
	s, err := New(newMemory(), Options{MaxPropertyBytes: 100, MaxResourceBytes: 150, MaxStoreBytes: 400})
	must(t, err)
	big := strings.Repeat("x", 90)
	patch(t, s, "/a", set("", "p", big))
	for what, ops := range map[string][]Op{
		"one property": {set("", "q", "1"), set("", "r", strings.Repeat("x", 101))},
		"one resource": {set("", "q", big)},
	} {
		if err := s.Renew("/a", append(ops, set("", "s", big))); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s, made anew: got %v", what, err)
		}
		if err := s.Patch("/a", ops); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v", what, err)
		}
		if got := show(t, s, "/a"); got != "p="+big {
			t.Errorf("%s: properties changed: %s", what, got)
		}
	}
	for i := 0; err == nil; i++ {
		err = s.Patch(fmt.Sprintf("/n%d", i), []Op{set("", "p", big)})
	}
	if !errors.Is(err, ErrTooLarge) || s.size() > 400 {
		t.Errorf("the whole store: %v, %d bytes", err, s.size())
	}
	patch(t, s, "/a", Op{Name: Name{"", "p"}}) // less is always taken
}

// fill gives properties to a few names of a tree.
func fill(t testing.TB, s *Store) {
	for _, name := range []string{"/", "/a", "/a/b", "/a/b/c", "/a-b", "/a/bb", "/ab/c", "/z"} {
		patch(t, s, name, set("", "p", name))
	}
}

// all is every name with properties and what they are.
func all(t testing.TB, s *Store) string {
	var out []string
	err := s.view(func(tx Tx) error {
		return tx.Scan(Properties, nil, func(k, v []byte) error {
			ps, err := decodeProperties(v)
			if err == nil {
				out = append(out, nameOf(k)+"="+string(ps[0].XML))
			}
			return err
		})
	})
	must(t, err)
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestForget(t *testing.T) {
	for name, want := range map[string]string{
		"/a":    "/-/ /a-b=/a-b /ab/c=/ab/c /z=/z",
		"/a/b":  "/-/ /a-b=/a-b /a/bb=/a/bb /a=/a /ab/c=/ab/c /z=/z",
		"/none": "/-/ /a-b=/a-b /a/b/c=/a/b/c /a/b=/a/b /a/bb=/a/bb /a=/a /ab/c=/ab/c /z=/z",
		"/":     "",
	} {
		engines(t, func(t *testing.T, s *Store, _ func(*Store) *Store) {
			fill(t, s)
			must(t, s.Forget(name))
			if got := strings.Replace(all(t, s), "/=/", "/-/", 1); got != want {
				t.Errorf("after forgetting %s: got %q, want %q", name, got, want)
			}
		})
	}
}

func TestIntents(t *testing.T) {
	type step struct {
		change Change
		want   string
	}
	for what, c := range map[string]step{
		"move": {Change{Step: Move, Src: "/a", Dst: "/z"},
			"/=/ /a-b=/a-b /ab/c=/ab/c /z/b/c=/a/b/c /z/b=/a/b /z/bb=/a/bb /z=/a"},
		"copy": {Change{Step: Copy, Src: "/a/b", Dst: "/ab", Carries: true, Carried: []Carried{{"", oneProp("/a/b")}, {"/d", oneProp("/a/d")}}},
			"/=/ /a-b=/a-b /a/b/c=/a/b/c /a/b=/a/b /a/bb=/a/bb /a=/a /ab/d=/a/d /ab=/a/b /z=/z"},
		"copy of what has none": {Change{Step: Copy, Src: "/a/b", Dst: "/ab", Carries: true},
			"/=/ /a-b=/a-b /a/b/c=/a/b/c /a/b=/a/b /a/bb=/a/bb /a=/a /z=/z"},
		"copy of before": {Change{Step: Copy, Src: "/a/b", Dst: "/ab"},
			"/=/ /a-b=/a-b /a/b/c=/a/b/c /a/b=/a/b /a/bb=/a/bb /a=/a /ab/c=/a/b/c /ab=/a/b /z=/z"},
		"shallow copy of before": {Change{Step: Copy, Src: "/a/b", Dst: "/ab", Shallow: true},
			"/=/ /a-b=/a-b /a/b/c=/a/b/c /a/b=/a/b /a/bb=/a/bb /a=/a /ab=/a/b /z=/z"},
		"move without properties onto some": {Change{Step: Move, Src: "/none", Dst: "/a"},
			"/=/ /a-b=/a-b /ab/c=/ab/c /z=/z"},
		"remove": {Change{Step: Remove, Src: "/ab"},
			"/=/ /a-b=/a-b /a/b/c=/a/b/c /a/b=/a/b /a/bb=/a/bb /a=/a /z=/z"},
	} {
		t.Run(what, func(t *testing.T) {
			engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
				fill(t, s)
				in, err := s.Begin(c.change, false)
				if err != nil || in == nil {
					t.Fatal(in, err)
				}
				must(t, in.Done())
				s = reopen(s)
				if got := all(t, s); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if n, err := s.Recover(tree{}, nil); n != 0 || err != nil {
					t.Errorf("%d intents left: %v", n, err)
				}
			})
		})
	}
}

func TestNoIntentWithoutState(t *testing.T) {
	s := NewMemory(Options{})
	patch(t, s, "/ab", set("", "p", "1"))
	in, err := s.Begin(Change{Step: Move, Src: "/a", Dst: "/b"}, false)
	if in != nil || err != nil {
		t.Fatal(in, err)
	}
	in.Abandon()
	if err := in.Done(); err != nil {
		t.Error(err)
	}
	if in, _ := s.Begin(Change{Step: Remove, Src: "/a"}, true); in == nil {
		t.Error("locks alone are state, too")
	}
}

// tree is what names hold.
type tree map[string]Node

func (t tree) Node(name string) (Node, error) { return t[name], nil }
func (t tree) Empty() bool                    { return len(t) == 0 }
func (t tree) Stamp(name string, _ fs.Identity, _ time.Time) error {
	return fmt.Errorf("%s got a time that nobody set", name)
}

// removed are the locks that Recover ends.
type removed []string

func (r *removed) RemoveTree(name string) error    { *r = append(*r, name); return nil }
func (r *removed) RemoveMembers(name string) error { *r = append(*r, name+"/*"); return nil }

// oneProp is the record of a resource with a property p.
func oneProp(value string) []byte {
	return encodeProperties([]Property{{Name{"", "p"}, []byte(value)}})
}

// carried is what comes with a copy of the root of a tree.
func carried(t *testing.T) []Carried {
	t.Helper()
	s, to := NewMemory(Options{}), NewMemory(Options{})
	all := to.Luggage()
	for name, at := range map[string]string{"/": "", "/a": "/a", "/a/b": "/a/b"} {
		patch(t, s, name, set("", "p", name))
		value, err := s.Carry(name)
		must(t, err)
		must(t, all.Add(at, value))
	}
	return all.All()
}

// TestLuggageIsBounded: what is under way to a store is in memory, so there is a bound for all of it; and it comes off again.
func TestLuggageIsBounded(t *testing.T) {
	s := NewMemory(Options{MaxCarriedBytes: 100})
	one, two := s.Luggage(), s.Luggage()
	must(t, one.Add("/a", make([]byte, 48)))
	must(t, two.Add("/b", make([]byte, 48)))
	for range 2 {
		if err := one.Add("/c", make([]byte, 10)); !errors.Is(err, ErrTooLarge) {
			t.Error("too much:", err)
		}
	}
	one.Drop()
	must(t, two.Add("/c", make([]byte, 48)))
	if n := len(two.All()); n != 2 {
		t.Errorf("%d resources", n)
	}
	two.Drop()
	two.Drop()
	if n := s.underWay.Load(); n != 0 {
		t.Errorf("%d bytes under way", n)
	}
}

// TestCopyThatWouldNotFit: a COPY of more than the store may keep is refused before the step.
func TestCopyThatWouldNotFit(t *testing.T) {
	s := NewMemory(Options{MaxStoreBytes: 100})
	patch(t, s, "/s", set("", "p", strings.Repeat("x", 60)))
	value, err := s.Carry("/s")
	must(t, err)
	c := Change{Step: Copy, Src: "/s", Dst: "/d", Carries: true, Carried: []Carried{{"", value}}}
	if _, err := s.Begin(c, false); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// TestRecover takes the power away between an intent and what follows it, before and after the step.
func TestRecover(t *testing.T) {
	src, dst := Node{1, 10}, Node{1, 20}
	for _, c := range []struct {
		what    string
		change  Change
		after   map[string]Node // the tree that the next start finds
		want    string
		dropped string
	}{
		{"move not taken", Change{Step: Move, Src: "/s", Dst: "/d", SrcNode: src, DstNode: dst},
			map[string]Node{"/s": src, "/d": dst}, "/d=/d /s=/s", ""},
		{"move taken", Change{Step: Move, Src: "/s", Dst: "/d", SrcNode: src, DstNode: dst},
			map[string]Node{"/d": src}, "/d=/s", "/s /d/*"},
		{"copy of before not taken", Change{Step: Copy, Src: "/s", Dst: "/d", SrcNode: src, DstNode: dst},
			map[string]Node{"/s": src, "/d": dst}, "/d=/d /s=/s", ""},
		{"copy of before taken", Change{Step: Copy, Src: "/s", Dst: "/d", SrcNode: src, DstNode: dst},
			map[string]Node{"/s": src, "/d": {1, 30}}, "/d=/s /s=/s", "/d/*"},
		{"copy not taken", Change{Step: Copy, Src: "/s", Dst: "/d", DstNode: dst, Carries: true, Carried: carried(t)},
			map[string]Node{"/d": dst}, "/d=/d /s=/s", ""},
		{"copy taken", Change{Step: Copy, Src: "/s", Dst: "/d", DstNode: dst, Carries: true, Carried: carried(t)},
			map[string]Node{"/s": src, "/d": {1, 30}}, "/d/a/b=/a/b /d/a=/a /d=/ /s=/s", "/d/*"},
		{"remove not taken", Change{Step: Remove, Src: "/s", SrcNode: src},
			map[string]Node{"/s": src}, "/d=/d /s=/s", ""},
		{"remove taken", Change{Step: Remove, Src: "/s", SrcNode: src},
			map[string]Node{}, "/d=/d", "/s"},
	} {
		t.Run(c.what, func(t *testing.T) {
			engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
				patch(t, s, "/s", set("", "p", "/s"))
				patch(t, s, "/d", set("", "p", "/d"))
				if _, err := s.Begin(c.change, false); err != nil {
					t.Fatal(err)
				}
				s = reopen(s)
				var dropped removed
				n, err := s.Recover(tree(c.after), &dropped)
				if n != 1 || err != nil {
					t.Fatal(n, err)
				}
				if got := all(t, s); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				if got := strings.Join(dropped, " "); got != c.dropped {
					t.Errorf("locks dropped at %q, want %q", got, c.dropped)
				}
				s = reopen(s)
				if n, _ := s.Recover(tree{}, nil); n != 0 {
					t.Error("the intent is still there")
				}
			})
		})
	}
}

func TestLocksKeepOrder(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		s.SaveLocks(map[string][]byte{"t1": []byte("old"), "t2": []byte("x")}, nil)
		s.SaveLocks(map[string][]byte{"t1": []byte("new")}, []string{"t2", "none"})
		must(t, s.SaveLocks(map[string][]byte{"t3": nil}, nil)())
		s = reopen(s)
		got := map[string]string{}
		s.LoadLocks(func(token string, record []byte) error { got[token] = string(record); return nil })
		if want := map[string]string{"t1": "new", "t3": ""}; !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A note that came after somebody looked is not what he meant to drop.
func TestForgetDigestsDropsWhatWasSeen(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		const n = 2*forgetAtOnce + 1
		seen := map[string][]byte{}
		for i := range n {
			s.NoteDigest(fmt.Sprint("/8/", i), []byte("old"))
		}
		s.EachDigest(func(name string, record []byte) error { seen[name] = record; return nil })
		if len(seen) != n {
			t.Fatalf("%d records are listed, want %d", len(seen), n)
		}
		s.NoteDigest("/8/7", []byte("new"))
		s.EachDigest(func(string, []byte) error { return nil }) // which writes that one
		s.NoteDigest("/8/8", []byte("new"))
		must(t, s.ForgetDigests(seen))
		s = reopen(s)
		var left []string
		s.EachDigest(func(name string, record []byte) error { left = append(left, name+"="+string(record)); return nil })
		if !slices.Equal(left, []string{"/8/7=new", "/8/8=new"}) {
			t.Errorf("left: %v, want the new ones", left)
		}
	})
}

func TestDigestsAreLazyAndKept(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		s.NoteDigest("/a/b", []byte("1"))
		s.NoteDigest("/a/c", []byte("2"))
		if got := s.Digest("/a/b"); string(got) != "1" {
			t.Errorf("before it is written: %q", got)
		}
		s = reopen(s)
		if got := s.Digest("/a/b"); string(got) != "1" {
			t.Errorf("after a restart: %q", got)
		}
		var names []string
		s.EachDigest(func(name string, _ []byte) error { names = append(names, name); return nil })
		if !slices.Equal(names, []string{"/a/b", "/a/c"}) {
			t.Errorf("kept: %v", names)
		}
	})
}

func TestConcurrentPatchesAllCount(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := range 20 {
					if err := s.Patch(fmt.Sprintf("/d/%d", i%4), []Op{set("", fmt.Sprint(g, "-", i), "v")}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		s = reopen(s)
		n := 0
		for i := range 4 {
			ps, _ := s.Properties(fmt.Sprintf("/d/%d", i))
			n += len(ps)
		}
		if n != 16*20 {
			t.Errorf("%d properties, want %d", n, 16*20)
		}
	})
}

func TestSecondServerOnOneDirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := Open(dir, Options{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	s.Close()
	open(t, dir)
}

// A start writes nothing to a store that is there, for which a full disk may have no room.
func TestOpenWritesNothing(t *testing.T) {
	dir := t.TempDir()
	var before []byte
	for range 2 {
		s, err := Open(dir, Options{})
		must(t, err)
		must(t, s.Close())
		now, err := os.ReadFile(filepath.Join(dir, fileName))
		must(t, err)
		if before != nil && !bytes.Equal(now, before) {
			t.Error("the file is another one after a start")
		}
		before = now
	}
}

func TestClosed(t *testing.T) {
	s := open(t, t.TempDir())
	s.Close()
	if err := s.Patch("/a", []Op{set("", "p", "1")}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestDamagedStoreIsMovedAside damages the file in many ways: each time the server starts, with all
// records that were there or with none.
func TestDamagedStoreIsMovedAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 300 {
		s.begin(func(tx Tx, c *counts) error {
			return put(tx, c, keyOf(fmt.Sprintf("/d%d/f", i)), encodeProperties([]Property{{Name{"u:", "p"}, []byte(strings.Repeat("v", 300))}}))
		})
	}
	s.SaveLocks(map[string][]byte{"t": []byte("r")}, nil)()
	s.Close()
	whole, err := os.ReadFile(filepath.Join(dir, fileName))
	must(t, err)
	page := os.Getpagesize()
	damages := map[string]func(b []byte) []byte{
		"empty":     func(b []byte) []byte { return nil },
		"text":      func(b []byte) []byte { return []byte("this is no store\n") },
		"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
		"no metas":  func(b []byte) []byte { clear(b[:2*page]); return b },
		"one page":  func(b []byte) []byte { return b[:page] },
		"one meta":  func(b []byte) []byte { return b[:page+page/2] },
		"cut short": func(b []byte) []byte { return b[:3*page] },
		"cut odd":   func(b []byte) []byte { return b[:len(b)/2+77] },
	}
	damages["a circle"] = func(b []byte) []byte { // below each branch is the branch itself, second of its pages
		for at := 2 * page; at < len(b); at += page {
			if branch := binary.NativeEndian.Uint16(b[at+8:]) == 1; branch && binary.NativeEndian.Uint16(b[at+10:]) > 2 {
				below := binary.NativeEndian.Uint64(b[at+16+16+8:])
				copy(b[int(below)*page:], b[at:at+page])
				binary.NativeEndian.PutUint64(b[int(below)*page:], below)
			}
		}
		return b
	}
	for i := 2; i < len(whole)/page && i < 40; i++ {
		damages[fmt.Sprintf("page %d of zeros", i)] = func(b []byte) []byte { clear(b[i*page : (i+1)*page]); return b }
		damages[fmt.Sprintf("page %d of noise", i)] = func(b []byte) []byte {
			for j := range page {
				b[i*page+j] = byte(j*7 + i)
			}
			return b
		}
	}
	aside := 0
	for what, damage := range damages {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, fileName), damage(bytes.Clone(whole)), 0o600))
			var log bytes.Buffer
			s, err := Open(dir, Options{Relaxed: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
			must(t, err)
			defer s.Close()
			moved, _ := filepath.Glob(filepath.Join(dir, fileName+".damaged-*"))
			if len(moved) > 0 != strings.Contains(log.String(), "damaged") {
				t.Errorf("moved %v, log %q", moved, log.String())
			}
			aside += len(moved)
			if n := s.resources.Load(); n != 0 && n != 300 {
				t.Errorf("%d of 300 records are there", n)
			}
			patch(t, s, "/new", set("", "p", "1")) // and it goes on
			if got := show(t, s, "/new"); got != "p=1" {
				t.Errorf("got %q", got)
			}
		})
	}
	t.Logf("%d of %d damages were met", aside, len(damages))
}

// FuzzRecord: no record, however damaged, is taken for another one or stops the server.
func FuzzRecord(f *testing.F) {
	f.Add(encodeProperties([]Property{{Name{"u:", "p"}, []byte("<p/>")}, {Name{"", "q"}, nil}}))
	f.Add([]byte{1, 'a', 200})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		ps, err := decodeProperties(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) || ps != nil {
				t.Fatal(ps, err)
			}
			return
		}
		again, err := decodeProperties(encodeProperties(ps))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(ps) {
			t.Fatalf("%v became %v, %v", ps, again, err)
		}
	})
}

func TestReady(t *testing.T) {
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		before := s.Commits()
		patch(t, s, "/a", set("urn:x", "p", "1"))
		if c := s.Commits(); c.Count() != before.Count()+1 {
			t.Errorf("%d transactions, want one more than %d", c.Count(), before.Count())
		}
		if err := s.Ready(); err != nil {
			t.Error(err)
		}
		if again := reopen(s); again.Ready() != nil || s.Ready() != ErrClosed {
			t.Errorf("opened again: %v; closed: %v", again.Ready(), s.Ready())
		}
	})
}

// What is kept in a file that nobody finds again is lost, so it is not ready.
func TestReadyMissesItsFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	file := filepath.Join(dir, fileName)
	must(t, os.Rename(file, file+".old"))
	for range 2 {
		if err := s.Ready(); err == nil || !strings.HasPrefix(err.Error(), file+" was removed or replaced") {
			t.Error(err)
		}
		must(t, os.WriteFile(file, nil, 0o600))
	}
	must(t, os.Rename(file+".old", file))
	must(t, s.Ready())
}

// What is acknowledged is durable or not as the store was told last, also for who writes meanwhile.
func TestRelaxBesideWriters(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	must(t, err)
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for n := range 25 {
				if err := s.Patch(fmt.Sprintf("/%d/%d", i, n), []Op{{Name{"u:", "p"}, []byte("1")}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		if err := s.Relax(i%2 == 0); err != nil {
			t.Error(err)
		}
		if e := s.engine.(*boltEngine); e.db.NoSync != (i%2 == 0) {
			t.Errorf("round %d: NoSync %v", i, e.db.NoSync)
		}
	}
	writers.Wait()
	s.Close()
	if err := s.Relax(false); err == nil {
		t.Error("a closed store was made durable")
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 4 {
		for n := range 25 {
			if !s.HasBelow(fmt.Sprintf("/%d/%d", i, n)) {
				t.Errorf("/%d/%d is gone", i, n)
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
