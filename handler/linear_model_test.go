package handler_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// resource is what the model holds at a mapped URL.
type resource struct {
	collection bool
	body, tag  string
}

// modelTree is the sequential specification of a few URLs; "/" is always a collection. States are never
// changed, only copied.
type modelTree map[string]resource

// request is one operation of a history.
type request struct {
	part        string // histories with different ones are independent
	method, url string
	dst         string // of COPY and MOVE
	keep        bool   // Overwrite: F
	body        string
	ifMatch     string
	ifNoneMatch string
	passing     bool // ifMatch or ifNoneMatch is a passing tag: see passing
	amid        bool // a MOVE that names a state had the resource at both names: see passing
}

// answer is what a request came to.
type answer struct {
	status    int
	tag, body string
	passing   bool // tag is, or there is none
}

// model is what any interleaving of requests must look like from outside: each takes effect at one moment
// between its start and its answer.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byPart := make(map[string][]porcupine.Operation)
		for _, op := range history {
			part := op.Input.(request).part
			byPart[part] = append(byPart[part], op)
		}
		for _, ops := range byPart {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return modelTree{} },
	Step: func(state, in, out any) (bool, any) {
		next, ok := state.(modelTree).step(in.(request), out.(answer))
		return ok, next
	},
	Equal:             func(a, b any) bool { return maps.Equal(a.(modelTree), b.(modelTree)) },
	DescribeOperation: func(in, out any) string { return in.(request).String() + " -> " + out.(answer).String() },
	DescribeState:     func(state any) string { return fmt.Sprint(state) },
}

func (r request) String() string {
	s := r.method + " " + r.url
	for _, f := range [][2]string{{"to", r.dst}, {"If-Match:", r.ifMatch}, {"If-None-Match:", r.ifNoneMatch}, {"body", r.body}} {
		if f[1] != "" {
			s += " " + f[0] + " " + f[1]
		}
	}
	if r.keep {
		s += " Overwrite: F"
	}
	return s
}

func (a answer) String() string { return fmt.Sprintf("%d %s %s", a.status, a.tag, a.body) }

// step tells whether the answer is right in this state, and gives the state after it.
func (t modelTree) step(in request, out answer) (modelTree, bool) {
	cur, mapped := t[in.url]
	holds := in.holds(cur, mapped)
	switch out.status {
	case 200: // RFC 9110 §9.3.1
		return t, in.reads() && (in.amid && out.passing || mapped && (holds || in.passing) && (out.passing || out.tag == cur.tag) && (in.method == "HEAD" || out.body == cur.body))
	case 304:
		return t, in.reads() && in.ifMatch == "" && (in.amid && out.passing || mapped && (!holds || in.passing) && (out.passing || out.tag == cur.tag))
	case 404:
		return t, !mapped && in.method != "PUT" && in.method != "MKCOL"
	case 405:
		return t, in.method == "MKCOL" && mapped
	case 409: // RFC 4918 §9.3.1, §9.7.1, §9.8.5
		if in.dst != "" {
			return t, !t.hasParent(in.dst)
		}
		return t, (in.method == "PUT" || in.method == "MKCOL") && !t.hasParent(in.url)
	case 412: // RFC 9110 §13.2.2, RFC 4918 §10.6; which of several reasons to refuse is told is open
		_, there := t[in.dst]
		return t, !holds || in.passing && mapped || in.keep && there || in.amid
	case 201, 204:
		return t.write(in, out, cur, mapped, holds)
	}
	return t, false
}

func (r request) reads() bool { return r.method == "GET" || r.method == "HEAD" }

// holds evaluates the preconditions. RFC 9110 §13.1.1, §13.1.2.
func (r request) holds(cur resource, mapped bool) bool {
	if r.ifMatch != "" && !(mapped && (r.ifMatch == "*" || r.ifMatch == cur.tag)) {
		return false
	}
	return r.ifNoneMatch == "" || !(mapped && (r.ifNoneMatch == "*" || r.ifNoneMatch == cur.tag))
}

func (t modelTree) hasParent(url string) bool {
	dir := path.Dir(url)
	return dir == "/" || t[dir].collection
}

// write is a change that was made.
func (t modelTree) write(in request, out answer, cur resource, mapped, holds bool) (modelTree, bool) {
	if !holds {
		return t, false
	}
	created := out.status == 201
	switch in.method {
	case "PUT":
		return t.with(in.url, resource{body: in.body, tag: out.tag}), t.hasParent(in.url) && created == !mapped && out.tag != ""
	case "MKCOL":
		return t.with(in.url, resource{collection: true}), t.hasParent(in.url) && created && !mapped
	case "DELETE":
		return t.without(in.url), mapped && !created
	case "COPY", "MOVE":
		_, there := t[in.dst]
		next := t.with(in.dst, resource{body: cur.body, tag: out.tag})
		if in.method == "MOVE" {
			delete(next, in.url)
		}
		return next, mapped && t.hasParent(in.dst) && created == !there && !(in.keep && there) && out.tag != ""
	}
	return t, false
}

func (t modelTree) with(url string, r resource) modelTree {
	next := maps.Clone(t)
	next[url] = r
	return next
}

// without takes a resource away with all its members.
func (t modelTree) without(url string) modelTree {
	next := maps.Clone(t)
	maps.DeleteFunc(next, func(u string, _ resource) bool { return u == url || strings.HasPrefix(u, url+"/") })
	return next
}

// passing marks tags that no write was answered with. A MOVE that names a state gives the file a second name for
// a moment, and the kernel moves the ctime of what it renames a moment before the name: who looks then sees
// a tag of its own for the same bytes.
// It may refuse writes, and must never let one through. With tags from content such a reader may get none. For
// the same reason who reads while the file moves away may be told the tag that it has where it goes. Where such a MOVE replaces
// something, the file is at both names until the old one goes, which lasts where another thread gets the processor: then it may
// be read at either, and a write be refused for it.
func passing(history []porcupine.Operation) {
	given := make(map[string]bool)
	moves := make(map[string]porcupine.Operation) // by the tag they were answered with
	var exact []porcupine.Operation               // those that name a state and have replaced something
	for _, op := range history {
		in, out := op.Input.(request), op.Output.(answer)
		if in.reads() || out.status >= 300 {
			continue
		}
		given[out.tag] = true
		if in.method == "MOVE" {
			moves[out.tag] = op
			if in.ifMatch != "" && out.status == 204 {
				exact = append(exact, op)
			}
		}
	}
	for i := range history {
		in, out := history[i].Input.(request), history[i].Output.(answer)
		in.passing = unknown(given, in.ifMatch) || unknown(given, in.ifNoneMatch)
		out.passing = unknown(given, out.tag) || out.tag == "" && in.reads()
		if m, moved := moves[out.tag]; moved && in.reads() && m.Input.(request).url == in.url {
			out.passing = out.passing || together(m, history[i])
		}
		in.amid = slices.ContainsFunc(exact, func(m porcupine.Operation) bool {
			move := m.Input.(request)
			return (move.url == in.url || move.dst == in.url) && together(m, history[i])
		})
		history[i].Input, history[i].Output = in, out
	}
}

func unknown(given map[string]bool, tag string) bool { return tag != "" && tag != "*" && !given[tag] }

// together tells whether neither had been answered when the other one came.
func together(a, b porcupine.Operation) bool { return a.Call < b.Return && b.Call < a.Return }
