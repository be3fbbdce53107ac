package handler

import (
	"net/http"
	"path"
	"strings"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
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
	write.Check = mapped(write.Check)
	cur, err := h.early(r, t, write)
	if err != nil {
		return err
	}
	f, err := h.finder(r, t, cur)
	if err != nil {
		return err
	}
	f.prefer.applied(w)
	h.tellSlash(w, t, cur)
	return f.answer(w, cur)
}

// finder answers one PROPFIND.
type finder struct {
	h       *Handler
	name    string // of the target
	depth   depth
	noRoot  bool // Prefer: depth-noroot: the target itself is left out
	plan    *propPlan
	prefer  prefer
	ms      *multistatus
	r       *http.Request
	res     liveResource
	path    []byte // href of the collection being listed, with a slash at the end
	have    bool   // members of that collection have dead properties
	seen    int    // members so far
	within  bool   // Depth infinity is known to be within the bound
	missing []int  // scratch: items of the plan that the present resource lacks
}

// finder reads what the request asks for, of a resource whose state is cur.
func (h *Handler) finder(r *http.Request, t target, cur *etagfs.Info) (f *finder, err error) {
	f = &finder{h: h, r: r, name: t.name, prefer: parsePrefer(r.Header)}
	if f.depth, f.noRoot, err = propfindDepth(r.Header["Depth"]); err != nil {
		return nil, err
	}
	doc, err := readXMLBody(r)
	if err != nil {
		return nil, err
	}
	if f.plan, err = h.plans.plan(doc); err != nil {
		return nil, err
	}
	if !cur.IsCollection() {
		f.depth = depthZero
	}
	if f.depth == depthInfinity && h.opts.MaxInfinite < 0 {
		return nil, errFiniteDepth
	}
	f.prefer.noRoot = f.prefer.noRoot && f.depth != depthZero
	f.noRoot = f.noRoot && f.depth != depthZero || f.prefer.noRoot
	return f, nil
}

func (f *finder) answer(w http.ResponseWriter, cur *etagfs.Info) error {
	f.ms = newMultistatus(w, f.plan.spaces)
	defer f.ms.close()
	f.res = liveResource{h: f.h, now: f.h.opts.Now()}
	if f.plan.locks {
		f.res.way = f.h.lockPlace(f.r.Method, f.name, cur).Way
	}
	f.path = []byte(f.h.href(f.name, cur.IsCollection()))
	if !f.noRoot {
		f.have = f.plan.dead
		if err := f.one(f.path, f.name[strings.LastIndexByte(f.name, '/')+1:], cur); err != nil {
			return err
		}
	}
	if f.depth != depthZero {
		if err := f.members(f.name, []node{nodeOf(cur)}); err != nil {
			return readError(err)
		}
	}
	return f.ms.end()
}

// one appends the answer for one resource.
func (f *finder) one(href []byte, base string, info *etagfs.Info) error {
	in, info := f.share(info)
	var dead []state.Property
	if f.have || f.plan.dead && (info.Real != "" || in != f.h) { // what a link leads to is a member of another collection
		var err error
		if dead, err = in.state.Properties(info.Name); err != nil {
			return err
		}
	}
	f.res.h, f.res.info, f.res.base = in, info, base
	if base == "" {
		f.res.base = path.Base("/" + in.opts.Prefix)
	}
	m := f.ms
	m.buf = append(append(append(m.buf, "<D:response><D:href>"...), href...), "</D:href>"...)
	m.buf = f.propstats(m.buf, dead)
	m.endResponse()
	if !m.full() {
		return nil
	}
	return f.flush()
}

// share is the root of the tree that a collection stands for, and the Handler of that tree; else info itself. What who
// asks may not read of it is not told.
func (f *finder) share(info *etagfs.Info) (in *Handler, of *etagfs.Info) {
	if f.h.opts.Shares == nil {
		return f.h, info
	}
	in = f.h.opts.Shares(f.r, info.Name)
	if in == nil || in.opts.MayRead != nil && !in.opts.MayRead(f.r, "/") {
		return f.h, info
	}
	root, err := in.fs.Stat("/")
	if err != nil {
		return f.h, info
	}
	return in, root
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
