package handler

import (
	"errors"
	iofs "io/fs"
	"net/http"
	"slices"
	"strings"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
)

// depth is the value of the Depth header field. RFC 4918 §10.2.
type depth int

const (
	depthZero depth = iota
	depthOne
	depthInfinity
)

// propfind tells properties of a resource and of its members. It opens no file, keeps memory for one
// chunk of the answer whatever the number of members, and decides about errors before it sends the
// first byte. RFC 4918 §9.1.
func (h *Handler) propfind(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	cur, err := h.early(t, write.Check)
	if err != nil {
		return err
	}
	if cur == nil {
		return errNoResource
	}
	f := &finder{h: h, name: t.name, noRoot: false}
	if f.depth, f.noRoot, err = propfindDepth(r.Header["Depth"]); err != nil {
		return err
	}
	prefer := parsePrefer(r.Header)
	doc, err := readXMLBody(r)
	if err != nil {
		return err
	}
	body, err := parsePropfind(doc)
	if err != nil {
		return err
	}
	if f.depth == depthZero || !cur.IsCollection() {
		prefer.noRoot = false
		f.noRoot = false
	}
	f.noRoot = f.noRoot || prefer.noRoot
	prefer.applied(w)
	f.plan = planProps(body, prefer.minimal)
	return f.answer(w, r, cur)
}

// propfindDepth reads the Depth header field of a PROPFIND; without one it is infinity. Microsoft's
// clients add ",noroot" (RFC 8144 §3 is the same as a preference).
func propfindDepth(lines []string) (d depth, noRoot bool, err error) {
	v := strings.ToLower(strings.TrimSpace(joined(lines)))
	if before, ok := strings.CutSuffix(v, "noroot"); ok {
		v, noRoot = strings.TrimRight(before, ", "), true
	}
	switch v {
	case "0":
		return depthZero, noRoot, nil
	case "1":
		return depthOne, noRoot, nil
	case "infinity", "":
		return depthInfinity, noRoot, nil
	}
	return 0, false, badDepth("0, 1 or infinity")
}

func badDepth(allowed string) error {
	return &statusError{status: http.StatusBadRequest, say: "Depth must be " + allowed + " here."}
}

// finder answers one PROPFIND.
type finder struct {
	h      *Handler
	name   string // of the target
	depth  depth
	noRoot bool // Prefer: depth-noroot: the target itself is left out
	plan   *propPlan
	ms     *multistatus
	r      *http.Request
	res    liveResource
	path   []byte // href of the collection being listed, with a slash at the end
	have   bool   // members of that collection have dead properties
	seen   int    // members so far
	within bool   // Depth infinity is known to be within the bound
}

// node tells collections apart, whatever links lead to them.
type node struct{ dev, ino uint64 }

func nodeOf(i *etagfs.Info) node { return node{i.Dev, i.Ino} }

func (f *finder) answer(w http.ResponseWriter, r *http.Request, cur *etagfs.Info) error {
	f.ms = newMultistatus(w, f.plan.spaces)
	defer f.ms.close()
	f.r = r
	f.res = liveResource{h: f.h, now: f.h.opts.Now()}
	if f.depth == depthInfinity && cur.IsCollection() && f.h.opts.MaxInfinite < 0 {
		return errFiniteDepth
	}
	f.path = []byte(f.h.href(f.name, cur.IsCollection()))
	if !f.noRoot {
		f.have = f.plan.dead
		if err := f.one(f.path, f.name[strings.LastIndexByte(f.name, '/')+1:], cur); err != nil {
			return err
		}
	}
	if f.depth != depthZero && cur.IsCollection() {
		if err := f.members(f.name, []node{nodeOf(cur)}); err != nil {
			if !f.ms.began {
				clear(w.Header())
			}
			return readError(err)
		}
	}
	return f.ms.end()
}

// one appends the answer for one resource.
func (f *finder) one(href []byte, base string, info *etagfs.Info) error {
	var dead []state.Property
	if f.have {
		var err error
		if dead, err = f.h.state.Properties(info.Name); err != nil {
			return err
		}
	}
	f.res.info, f.res.base = info, base
	if base == "" {
		f.res.base = "/"
	}
	m := f.ms
	m.buf = append(append(append(m.buf, "<D:response><D:href>"...), href...), "</D:href>"...)
	m.buf = f.plan.appendPropstats(m.buf, &f.res, dead)
	m.endResponse()
	if !m.full() {
		return nil
	}
	return f.flush()
}

// flush sends a chunk. Whether Depth infinity is within its bound is found out before the first one.
func (f *finder) flush() error {
	if f.depth == depthInfinity && !f.within {
		if err := f.bound(); err != nil {
			return err
		}
	}
	return f.ms.flush()
}

// members answers for the members of the collection name, and for all below when the depth says so:
// first the members of one collection, then of each collection in it, so that no more than one
// directory is open. above are the collections that the way leads through, for links in circles.
func (f *finder) members(name string, above []node) error {
	var deeper []collection
	f.have = f.plan.dead && f.h.state.MembersHave(name)
	stem := len(f.path)
	err := f.h.fs.List(name, func(base string, info *etagfs.Info) error {
		if !showable(base) {
			return nil
		}
		f.path = appendPath(f.path[:stem], base)
		if info.IsCollection() {
			f.path = append(f.path, '/')
			if n := nodeOf(info); f.depth == depthInfinity && !slices.Contains(above, n) {
				deeper = append(deeper, collection{base, n})
			}
		}
		if f.seen++; f.depth == depthInfinity && !f.within && f.seen > f.h.opts.MaxInfinite {
			return errFiniteDepth
		}
		return f.one(f.path, base, info)
	})
	f.path = f.path[:stem]
	if err != nil {
		return err
	}
	return below(name, deeper, above, func(name, base string, above []node) error {
		f.path = append(appendPath(f.path[:stem], base), '/')
		return f.members(name, above)
	})
}

// collection is a member still to be listed.
type collection struct {
	base string
	node node
}

// below calls list for each of the collections in name. One that vanished or may not be read tells
// nothing of its members; itself it was told of.
func below(name string, in []collection, above []node, list func(name, base string, above []node) error) error {
	for _, c := range in {
		member := name + "/" + c.base
		if name == "/" {
			member = "/" + c.base
		}
		err := list(member, c.base, append(above, c.node))
		if err != nil && !isUnmapped(err) && !errors.Is(err, iofs.ErrPermission) {
			return err
		}
	}
	return nil
}

// bound counts what Depth infinity would tell of, as far as it must. RFC 4918 §9.1.1: never cut silently.
func (f *finder) bound() error {
	left := f.h.opts.MaxInfinite
	var count func(name string, above []node) error
	count = func(name string, above []node) error {
		var deeper []collection
		err := f.h.fs.List(name, func(base string, info *etagfs.Info) error {
			if left--; left < 0 {
				return errFiniteDepth
			}
			if n := nodeOf(info); info.IsCollection() && showable(base) && !slices.Contains(above, n) {
				deeper = append(deeper, collection{base, n})
			}
			return f.r.Context().Err()
		})
		if err != nil {
			return err
		}
		return below(name, deeper, above, func(name, _ string, above []node) error { return count(name, above) })
	}
	root, err := f.h.fs.Stat(f.name)
	if err != nil {
		return err
	}
	if err := count(f.name, []node{nodeOf(root)}); err != nil {
		return err
	}
	f.within = true
	return nil
}

var errFiniteDepth = &statusError{status: http.StatusForbidden, dav: "<D:propfind-finite-depth/>",
	say: "There are too many members for Depth infinity; ask collection by collection with Depth 1."}
