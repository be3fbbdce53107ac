package state

import (
	"errors"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"ifmatch/fs"
)

// recounted is what a start counts in the records that s has now.
func recounted(t *testing.T, s *Store) *Store {
	t.Helper()
	again, err := New(s.engine, Options{})
	must(t, err)
	again.queue.stop()
	return again
}

// TestCountsAreThoseOfTheRecords: whatever changes properties, what is known without reading is what a start would count.
func TestCountsAreThoseOfTheRecords(t *testing.T) {
	names := []string{"/", "/a", "/a/b", "/a/b/c", "/a-b", "/ab", "/ab/c"}
	engines(t, func(t *testing.T, s *Store, reopen func(*Store) *Store) {
		r := rand.New(rand.NewPCG(1, 2))
		any := func() string { return names[r.IntN(len(names))] }
		some := func() (ops []Op) {
			for _, name := range []Name{{"u:", "p"}, ContentLanguage, {"u:", "getcontentlanguage"}} {
				if op := (Op{Name: name}); r.IntN(2) == 0 {
					if r.IntN(3) > 0 {
						op.XML = []byte("<x>DAV:getcontentlanguage</x>")
					}
					ops = append(ops, op)
				}
			}
			return ops
		}
		seen := 0
		for range 200 {
			switch name := any(); r.IntN(8) {
			case 0:
				must(t, s.Renew(name, some()))
			case 1:
				in, err := s.Stamp(name, some(), fs.Identity{}, time.Unix(1, 0))
				must(t, err)
				in.TakeBack()
			case 2:
				change := Change{Step: []Step{Move, Copy, Remove}[r.IntN(3)], Src: any(), Dst: name}
				if fs.Overlap(change.Src, name) {
					continue
				}
				if change.Step == Copy {
					value, err := s.Carry(change.Src)
					must(t, err)
					change.Carries, change.Carried = true, []Carried{{"", value}, {"/c", value}}
				}
				in, err := s.Begin(change, false)
				must(t, err)
				if r.IntN(2) == 0 {
					must(t, in.Done())
				} else { // as if the server ended here
					s = reopen(s)
					taken := tree{"/": {1, 1}}
					if change.Step != Remove {
						taken[change.Dst] = Node{1, 2}
					}
					_, err := s.Recover(taken, new(removed))
					must(t, errors.Join(err, s.caughtUp()))
				}
			default:
				patch(t, s, name, some()...)
			}
			want := recounted(t, s)
			if !maps.Equal(s.dirs, want.dirs) || s.bytes != want.bytes || s.resources.Load() != want.resources.Load() ||
				s.languages.Load() != want.languages.Load() {
				t.Fatalf("counted %v, %d bytes, %d, %d; there are %v, %d bytes, %d, %d", s.dirs, s.bytes, s.resources.Load(),
					s.languages.Load(), want.dirs, want.bytes, want.resources.Load(), want.languages.Load())
			}
			for _, name := range names {
				lang, err := s.Language(name)
				must(t, err)
				ps, err := s.Properties(name)
				must(t, err)
				var want []byte
				for _, p := range ps {
					if p.Name == ContentLanguage {
						want, seen = p.XML, seen+1
					}
				}
				if string(lang) != string(want) {
					t.Fatalf("the language of %s is %q, want %q", name, lang, want)
				}
			}
		}
		if seen == 0 {
			t.Error("no resource ever had a language")
		}
	})
}

// TestLanguageCostsNothingWhereNoneIs: each GET asks for it.
func TestLanguageCostsNothingWhereNoneIs(t *testing.T) {
	s := NewMemory(Options{})
	patch(t, s, "/d/x", set("u:", "p", "1"))
	patch(t, s, "/e/x", Op{ContentLanguage, []byte("<l>de</l>")})
	views := 0
	s.engine = counted{s.engine, &views}
	if n := testing.AllocsPerRun(100, func() { s.Language("/d/x") }); n != 0 || views != 0 {
		t.Errorf("%v allocations, %d transactions", n, views)
	}
	if lang, err := s.Language("/e/x"); string(lang) != "<l>de</l>" || err != nil || views != 1 {
		t.Errorf("%q %v, %d transactions", lang, err, views)
	}
}

// counted counts how often an Engine is read.
type counted struct {
	Engine
	views *int
}

func (c counted) View(fn func(Tx) error) error {
	*c.views++
	return c.Engine.View(fn)
}
