package handler_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"ifmatch/fs"
)

// Clients that work at once, each in a collection of its own, do not notice each other: all that each is answered and
// can list is what the model says, as if it were alone. Now and then one of them moves something away, and
// another one moves it home, with its properties.
func TestSequencesTogether(t *testing.T) {
	const acts = 50
	for mode, tags := range tagModes {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(mode, "/", seed), func(t *testing.T) {
			s := &sequence{t: t, open: fs.OpenRoot, tags: tags, roots: []string{"/"}, came: new(statuses)}
			all := s.begin()
			defer all.stop()
			want(t, "create", all.ask("MKCOL", handOver, ""), 201)
			parcels := make(chan parcel, clients)
			var done sync.WaitGroup
			var homes []*play
			for i := range clients {
				home := fmt.Sprint("/home", i)
				want(t, "create", all.ask("MKCOL", home, ""), 201)
				homes = append(homes, all.home(home))
			}
			for i, p := range homes {
				done.Go(func() { p.live(seed+uint64(i), acts, parcels) })
			}
			done.Wait()
			for len(parcels) > 0 {
				if err := homes[0].fetch("/home0/rest", <-parcels); err != nil {
					t.Error(err)
				}
			}
			for _, p := range homes {
				p.quiet = false
				if err := p.look(); err != nil {
					t.Errorf("in the end: %v", err)
				}
			}
		})
	}
}

const clients = 4

// handOver is the collection through which things are moved.
const handOver = "/between"

// parcel is what lies there: names and what they are, by the model of who put it there.
type parcel struct {
	name  string
	nodes map[string]davNode
}

// home is the play of one client in a collection of a tree that others play in, too.
func (p *play) home(name string) *play {
	s := *p.sequence
	s.roots = []string{name}
	tree := newDAVTree(p.tags.Content, s.roots)
	tree.trees = []string{"/"}
	return &play{sequence: &s, dir: p.dir, stateDir: p.stateDir, shares: p.shares, tree: tree, quiet: true}
}

// live acts at random.
func (p *play) live(seed uint64, acts int, parcels chan parcel) {
	r := &author{Rand: rand.New(rand.NewPCG(seed, 0)), seed: seed}
	for n := range acts {
		a := r.next(p.tree)
		if !a.isRequest() || a.method == "DELETE" && p.tree.isRoot(a.name) {
			continue
		}
		err := p.do(a)
		if err == nil && n%5 == 0 && len(parcels) < cap(parcels)/2 {
			err = p.send(r.name(p.tree), fmt.Sprint(handOver, p.roots[0], "-", n), parcels)
		}
		if err == nil && n%7 == 0 {
			err = p.glance(fmt.Sprint("/home", r.IntN(clients)), fmt.Sprint(handOver, p.roots[0], "-copy-", n))
		}
		if err == nil && n%3 == 0 {
			select {
			case got := <-parcels:
				err = p.fetch(r.below(r.collection(p.tree)), got)
			default:
			}
		}
		if err != nil {
			p.t.Errorf("seed %d, act %d of %s: %v", seed, n, p.roots[0], err)
			return
		}
	}
}

// glance copies what another one is working on. Which of its states the copy has is open; but it comes to be, whole.
func (p *play) glance(of, to string) error {
	res := p.ask("COPY", of, "", "Destination: "+to)
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 201 {
		return fmt.Errorf("COPY %s to %s: %v %d %s", of, to, err, res.StatusCode, body)
	}
	if res = p.ask("DELETE", to, ""); res.StatusCode != 204 {
		return fmt.Errorf("DELETE %s: %d", to, res.StatusCode)
	}
	return nil
}

// send moves something away.
func (p *play) send(name, to string, parcels chan parcel) error {
	if p.tree.isRoot(name) {
		return nil
	}
	p.tree.at[handOver] = davNode{collection: true}
	defer delete(p.tree.at, handOver)
	if err := p.do(act{method: "MOVE", name: name, dst: to, tokens: "all"}); err != nil {
		return err
	}
	if _, moved := p.tree.at[to]; !moved {
		return nil
	}
	got := parcel{to, make(map[string]davNode)}
	for _, n := range p.tree.members(to, "infinity") {
		got.nodes[n] = p.tree.at[n]
	}
	p.forget(to)
	parcels <- got
	return nil
}

// fetch moves it home.
func (p *play) fetch(to string, got parcel) error {
	for name, n := range got.nodes {
		p.tree.at[name] = n
	}
	err := p.do(act{method: "MOVE", name: got.name, dst: to, tokens: "all"})
	p.forget(got.name) // where it was refused, it stays there
	return err
}

// forget takes something out of the model that is not at home.
func (p *play) forget(name string) {
	p.tree.drop(name)
	maps.DeleteFunc(p.tree.former, func(n, _ string) bool { return within(n, name) })
}
