package handler_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// A history of requests is right when there is an order of them, each between its start and its answer,
// in which a plain sequential model gives the same answers: the tree is linearizable.

const (
	linearClients     = 8
	linearOperations  = 10_000
	linearCollections = 4
	linearMembers     = 2
)

// request is one operation of the history.
type request struct {
	method     string
	collection int
	member     int    // -1: the collection itself
	ifMatch    string // "": none
	ifNone     bool   // If-None-Match: *
	value      string // content of a PUT
}

// reply is what came back.
type reply struct {
	status     int
	tag, value string
}

// collectionState is the model: a collection that exists or not, with registers as members.
type collectionState struct {
	exists  bool
	members [linearMembers]register
}

type register struct{ tag, value string } // no tag: unmapped

// step is the sequential specification of each method: RFC 9110 §9.3, §13.2.2, RFC 4918 §9.3, §9.7.1.
func step(s collectionState, in request, out reply) (bool, collectionState) {
	if in.member < 0 {
		return stepCollection(s, in, out)
	}
	cur := s.members[in.member]
	mapped := cur.tag != ""
	switch {
	case in.method == "GET" && mapped:
		// A weak tag promises nothing: the file was still open for writing.
		return out.status == 200 && out.value == cur.value && (out.tag == cur.tag || strings.HasPrefix(out.tag, "W/")), s
	case in.method == "GET":
		return out.status == 404, s
	case in.ifMatch != "" && in.ifMatch != cur.tag, in.ifNone && mapped:
		return out.status == 412, s
	case in.method == "DELETE" && !mapped:
		return out.status == 404, s
	case in.method == "DELETE":
		s.members[in.member] = register{}
		return out.status == 204, s
	case !s.exists:
		return out.status == 409, s
	}
	want := 204
	if !mapped {
		want = 201
	}
	s.members[in.member] = register{out.tag, in.value}
	return out.status == want && out.tag != "" && out.tag != cur.tag, s
}

func stepCollection(s collectionState, in request, out reply) (bool, collectionState) {
	if in.method == "MKCOL" {
		if s.exists {
			return out.status == 405, s
		}
		return out.status == 201, collectionState{exists: true}
	}
	if !s.exists {
		return out.status == 404, s
	}
	return out.status == 204, collectionState{}
}

var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, linearCollections)
		for _, op := range history {
			c := op.Input.(request).collection
			parts[c] = append(parts[c], op)
		}
		return parts
	},
	Init: func() any { return collectionState{} },
	Step: func(state, in, out any) (bool, any) {
		return step(state.(collectionState), in.(request), out.(reply))
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(in, out any) string {
		return fmt.Sprintf("%+v -> %+v", in, out)
	},
}

// record has clients do what they like for a while and returns what happened.
func record(t *testing.T, base fs.FS, operations int) []porcupine.Operation {
	t.Helper()
	tree := etagfs.New(base, etagfs.Options{Relaxed: true})
	defer tree.Close()
	h, err := handler.New(tree, handler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	histories := make([][]porcupine.Operation, linearClients)
	var all sync.WaitGroup
	for c := range linearClients {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(c), uint64(operations)))
			var seen [linearCollections][linearMembers]string // the last tags that this client was told
			for n := range operations / linearClients {
				in := choose(rnd, &seen, fmt.Sprintf("%d/%d", c, n))
				op := porcupine.Operation{ClientId: c, Input: in, Call: int64(time.Since(began))}
				out := send(h, in)
				op.Return, op.Output = int64(time.Since(began)), out
				if in.member >= 0 && out.tag != "" {
					seen[in.collection][in.member] = out.tag
				}
				histories[c] = append(histories[c], op)
			}
		})
	}
	all.Wait()
	var history []porcupine.Operation
	for _, h := range histories {
		history = append(history, h...)
	}
	return history
}

// choose mixes reads, conditional and plain writes, and now and then a collection that comes or goes.
func choose(rnd *rand.Rand, seen *[linearCollections][linearMembers]string, value string) request {
	in := request{method: "GET", collection: rnd.IntN(linearCollections), member: rnd.IntN(linearMembers)}
	tag := seen[in.collection][in.member]
	switch n := rnd.IntN(100); {
	case n < 3:
		in.method, in.member = "DELETE", -1
	case n < 12:
		in.method, in.member = "MKCOL", -1
	case n < 40:
		in.method, in.value, in.ifMatch = "PUT", value, tag
	case n < 52:
		in.method, in.value, in.ifNone = "PUT", value, true
	case n < 62:
		in.method, in.value = "PUT", value
	case n < 70:
		in.method, in.ifMatch = "DELETE", tag
	}
	return in
}

func send(h http.Handler, in request) reply {
	path := fmt.Sprintf("/c%d", in.collection)
	if in.member >= 0 {
		path += fmt.Sprintf("/m%d", in.member)
	}
	r := httptest.NewRequest(in.method, path, strings.NewReader(in.value))
	if in.ifMatch != "" {
		r.Header.Set("If-Match", in.ifMatch)
	}
	if in.ifNone {
		r.Header.Set("If-None-Match", "*")
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	out := reply{status: rec.Code, tag: rec.Header().Get("Etag")}
	if rec.Code == http.StatusOK {
		out.value = rec.Body.String()
	}
	return out
}

func TestLinearizable(t *testing.T) {
	for kind, open := range trees {
		t.Run(kind, func(t *testing.T) {
			base := open(t)
			defer base.Close()
			history := record(t, base, linearOperations)
			if got := porcupine.CheckOperationsTimeout(model, history, 2*time.Minute); got != porcupine.Ok {
				t.Errorf("the history of %d operations is %s", len(history), got)
			}
			statuses := make(map[int]int)
			for _, op := range history {
				statuses[op.Output.(reply).status]++
			}
			for _, status := range []int{200, 201, 204, 404, 405, 409, 412} {
				if statuses[status] == 0 {
					t.Errorf("nothing was answered with %d: %v", status, statuses)
				}
			}
		})
	}
}

// unchecked is a tree whose commits do without the check under the latch.
type unchecked struct{ fs.FS }

type uncheckedStage struct{ fs.Staged }

func (u unchecked) Stage(name string) (fs.Staged, error) {
	s, err := u.FS.Stage(name)
	return uncheckedStage{s}, err
}

func (s uncheckedStage) Commit(exact bool, check func(*fs.Info) error) (fs.Info, bool, func(), error) {
	return s.Staged.Commit(exact, func(cur *fs.Info) error {
		_ = check(cur)
		return nil
	})
}

// Without the second check, updates are lost, and the checker sees it: it can fail.
func TestLinearizabilityNeedsTheSecondCheck(t *testing.T) {
	for range 5 {
		base := unchecked{fs.NewMemory()}
		history := record(t, base, linearOperations)
		base.Close()
		if porcupine.CheckOperationsTimeout(model, history, 2*time.Minute) == porcupine.Illegal {
			return
		}
	}
	t.Error("nobody noticed that commits check nothing")
}
