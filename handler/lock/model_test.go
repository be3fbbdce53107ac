package lock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"testing"
	"time"
)

// TestTableAgreesWithTheDefinition compares every answer of a Table with the sentences of RFC 4918 §6-7
// applied to a plain list of locks, over random trees and random symbolic links on the way into them.
func TestTableAgreesWithTheDefinition(t *testing.T) {
	names := []string{"/"}
	for _, a := range []string{"a", "ab", "b"} {
		names = append(names, "/"+a)
		for _, b := range []string{"x", "xy"} {
			names = append(names, "/"+a+"/"+b, "/"+a+"/"+b+"/f")
		}
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		table, list, now := newTable(t, nil), []Lock(nil), start
		for range 60 {
			now = now.Add(time.Duration(r.IntN(40)) * time.Second)
			list = slices.DeleteFunc(list, func(l Lock) bool { return !now.Before(l.Expires) })
			name := names[r.IntN(len(names))]
			var way []string
			for range max(0, r.IntN(6)-3) {
				way = append(way, names[1+r.IntN(len(names)-1)])
			}
			p := Place{name, way}
			switch r.IntN(5) {
			case 0, 1:
				want := Lock{Root: name, Shared: r.IntN(2) == 0, Infinite: r.IntN(2) == 0, Links: way, Timeout: time.Duration(1+r.IntN(600)) * time.Second}
				l, err := table.Create(now, want)
				if conflicts(list, want) != (err != nil) {
					t.Fatalf("seed %d: create %v among %v: %v", seed, want, list, err)
				}
				if err == nil {
					list = append(list, l)
				}
			case 2:
				if len(list) > 0 {
					i := r.IntN(len(list))
					through := p
					if r.IntN(2) == 0 {
						through = at(list[i].Root)
					}
					inside := len(covering(list[i:i+1], through)) > 0
					if err := table.Unlock(now, through, list[i].Token, ""); inside != (err == nil) {
						t.Fatalf("seed %d: unlock %v through %v: %v", seed, list[i], through, err)
					}
					if inside {
						list = slices.Delete(list, i, i+1)
					}
				}
			case 3:
				if r.IntN(4) == 0 {
					table.RemoveTree(name)
					gone := func(root string) bool { return root == name || below(root, name) }
					list = slices.DeleteFunc(list, func(l Lock) bool { return gone(l.Root) || slices.ContainsFunc(l.Links, gone) })
				}
			}
			var h Holder
			for _, l := range list {
				if r.IntN(2) == 0 {
					h.Tokens = append(h.Tokens, l.Token)
				}
			}
			for i := range r.IntN(2) * 2 * fewTokens {
				h.Tokens = append(h.Tokens, fmt.Sprint("urn:x:", i)) // tokens of no lock change nothing
			}
			c := Change{p, Kind(r.IntN(3)), func(name string) bool {
				return slices.ContainsFunc(names, func(n string) bool { return below(n, name) })
			}}
			if got, want := table.Permit(now, h, c) == nil, permitted(list, names, h, c); got != want {
				t.Fatalf("seed %d: %v %d with %v among %v: got %t, want %t", seed, p, c.Kind, h, list, got, want)
			}
			if got, want := len(table.Covering(now, p)), len(covering(list, p)); got != want {
				t.Fatalf("seed %d: %d locks cover %v, want %d", seed, got, p, want)
			}
			for i, l := range list {
				if got, want := table.Holds(now, p, l.Token), len(covering(list[i:i+1], p)) > 0; got != want {
					t.Fatalf("seed %d: %v in the state of %v: %t", seed, l, p, got)
				}
			}
			around := covering(list, p)
			for _, l := range list {
				member := func(root string) bool { return root != "/" && path.Dir(root) == name }
				known := func(o Lock) bool { return o.Token == l.Token }
				if (member(l.Root) || slices.ContainsFunc(l.Links, member)) && !slices.ContainsFunc(around, known) {
					around = append(around, l)
				}
			}
			if got, want := len(table.Around(now, p)), len(around); got != want {
				t.Fatalf("seed %d: %d locks around %v, want %d", seed, got, p, want)
			}
		}
	}
}

// covering are the locks of the resource itself, those of a collection and its members that it is in, and those of one
// that a link is in which was followed on the way. The links that a lock was asked for through are its resources as well.
func covering(list []Lock, p Place) (ls []Lock) {
	for _, l := range list {
		covers := false
		for _, root := range append([]string{l.Root}, l.Links...) {
			in := func(name string) bool { return l.Infinite && below(name, root) }
			covers = covers || root == p.Name || in(p.Name) || slices.ContainsFunc(p.Way, in)
		}
		if covers {
			ls = append(ls, l)
		}
	}
	return ls
}

func conflicts(list []Lock, want Lock) bool {
	for _, l := range list {
		member := func(root string) bool { return want.Infinite && below(root, want.Root) }
		meets := len(covering([]Lock{l}, Place{want.Root, want.Links})) > 0 || member(l.Root) || slices.ContainsFunc(l.Links, member)
		if meets && !(l.Shared && want.Shared) {
			return true
		}
	}
	return false
}

func permitted(list []Lock, names []string, h Holder, c Change) bool {
	free := func(p Place) bool {
		shared, mine := false, false
		for _, l := range covering(list, p) {
			submitted := slices.Contains(h.Tokens, l.Token)
			if !l.Shared && !submitted {
				return false
			}
			shared, mine = shared || l.Shared, mine || l.Shared && submitted
		}
		return mine || !shared
	}
	if !free(c.Place) {
		return false
	}
	if c.Kind != Modify && c.Name != "/" && !free(at(path.Dir(c.Name))) {
		return false
	}
	for _, n := range names {
		if c.Kind != MapTree || n != c.Name && !below(n, c.Name) {
			continue
		}
		// A collection has members that no lock is rooted at, too.
		if !free(Place{n, c.Way}) || c.Collection(n) && !free(Place{path.Join(n, "member"), c.Way}) {
			return false
		}
	}
	return true
}

func BenchmarkPermit(b *testing.B) {
	for _, n := range []int{0, 1, 10_000} {
		b.Run(fmt.Sprintf("locks=%d", n), func(b *testing.B) {
			table := newTable(b, nil)
			var last Lock
			for i := range n {
				last = grant(b, table, Lock{Root: fmt.Sprintf("/d%d/f%d", i/100, i)})
			}
			h := Holder{Tokens: []string{last.Token}}
			b.ReportAllocs()
			for b.Loop() {
				must(b, table.Permit(start, h, Change{Place: at(last.Root + "x"), Kind: Map}))
			}
		})
	}
}

func BenchmarkCreateUnlockAmong10000(b *testing.B) {
	table := newTable(b, nil)
	for i := range 10_000 {
		grant(b, table, Lock{Root: fmt.Sprintf("/d%d/f%d", i/100, i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		l, err := table.Create(start, Lock{Root: "/d1/new", Timeout: time.Hour})
		must(b, errors.Join(err, table.Unlock(start, at("/d1/new"), l.Token, "")))
	}
}
