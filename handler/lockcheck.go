package handler

import (
	"net/http"
	"net/url"
	"path"

	"golang.org/x/net/webdav"

	"ifmatch/etagfs"
	"ifmatch/handler/lock"
)

// lockCheck is what the If header and the locks have to say about one request. RFC 4918 §6.4, §10.4.
type lockCheck struct {
	h      *Handler
	r      *http.Request
	header ifHeader
	there  *Handler // of a destination under another prefix, where the header may name resources, too; else nil
}

// lockCheck parses the If header once. Errors: as parseIf.
func (h *Handler) lockCheck(r *http.Request) (*lockCheck, error) {
	header, err := parseIf(r.Header["If"])
	if err != nil {
		return nil, err
	}
	return &lockCheck{h: h, r: r, header: header}, nil
}

// condition decides the If header for t, whose state is cur. It is 412 when all lists fail.
func (c *lockCheck) condition(t target, cur *etagfs.Info) error {
	if !c.header.present {
		return nil
	}
	ok := c.header.evaluate(c.h.opts.ProxyTags, func(tag string) ifState {
		if tag == "" {
			return c.itself(t, cur)
		}
		in, other, ok := c.resource(tag)
		if !ok {
			return unmappedState
		}
		if in.fs.SameTree(c.h.fs) && other.name == t.name {
			return c.itself(t, cur)
		}
		state, _ := in.fs.Stat(other.name) // nil: nothing is known to be there
		return in.ifState(in.lockPlace("", other.name, state), state)
	})
	if !ok {
		return &refusal{field: "If", cur: copied(cur), say: "None of the lists in the If header is true for the current state and its locks."}
	}
	return nil
}

// resource is what a Resource-Tag names, and the Handler of its tree; ok is false for what cannot be a resource
// that this request is about, and for what is not for who asks to read: its entity-tag could be guessed. Behind a
// proxy clients write another host than ours, so the path counts.
func (c *lockCheck) resource(tag string) (in *Handler, t target, ok bool) {
	u, err := url.Parse(tag)
	if err != nil {
		return nil, t, false
	}
	in = c.h
	if t, err = in.parse(u); err == errNoResource && c.there != nil {
		in = c.there
		t, err = in.parse(u)
	}
	if err != nil || reserved(t.name) {
		return nil, t, false
	}
	if may := in.opts.MayRead; may != nil && !may(c.r, t.name) {
		return nil, t, false
	}
	t.name = in.form(c.r.Context(), t.name, false)
	return in, t, true
}

// beside are the names of other resources, in the tree of h, whose entity-tags the If header asks for.
// They must hold still until the step, or two writers that name each other's state could both win.
func (c *lockCheck) beside(h *Handler) (names []string) {
	for _, tag := range c.header.statesNamed() {
		if in, t, ok := c.resource(tag); ok && in.fs.SameTree(h.fs) {
			names = append(names, t.name)
		}
	}
	return names
}

// readCondition decides the If header of a GET or HEAD, which nearly none of them has.
func (h *Handler) readCondition(r *http.Request, t target, cur *etagfs.Info) error {
	if r.Header["If"] == nil {
		return nil
	}
	c, err := h.lockCheck(r)
	if err != nil {
		return err
	}
	return c.condition(t, cur)
}

// unmappedState is what cannot be a resource of this tree.
var unmappedState = ifState{holds: func(string) bool { return false }}

// itself is the state of the resource of the request.
func (c *lockCheck) itself(t target, cur *etagfs.Info) ifState {
	return c.h.ifState(c.h.lockPlace(c.r.Method, t.name, cur), cur)
}

// ifState is the state cur of the resource at p, for the If header.
func (h *Handler) ifState(p lock.Place, cur *etagfs.Info) ifState {
	s := ifState{holds: func(token string) bool { return h.locks.Holds(h.opts.Now(), p, token) }}
	if cur != nil {
		s.etag = cur.Tag
	}
	return s
}

// permit tells whether the changes may happen with the tokens that were submitted. It is 423 when not.
func (c *lockCheck) permit(changes ...lock.Change) error {
	holder := lock.Holder{User: User(c.r.Context()), Tokens: c.header.tokens}
	return c.h.locked(c.h.locks.Permit(c.h.opts.Now(), holder, changes...))
}

// change is what the method does to t, whose state is cur; kinds of changes are those of RFC 4918 §7.
// What COPY and MOVE do to their destination is theirs to say.
func (c *lockCheck) change(t target, cur *etagfs.Info) []lock.Change {
	if c.h.locks.Count() == 0 {
		return nil
	}
	kind := lock.Modify
	switch c.r.Method {
	case http.MethodPut:
		if cur == nil {
			kind = lock.Map
		}
	case "PROPPATCH":
	case http.MethodDelete, "MOVE":
		kind = lock.MapTree
	case "MKCOL", "LOCK":
		if cur != nil {
			return nil // 405 (RFC 4918 §7.3); and conflicts of a LOCK are for the table to tell
		}
		kind = lock.Map
	default:
		return nil
	}
	return []lock.Change{{Place: c.h.lockPlace(c.r.Method, t.name, cur), Kind: kind, Collection: c.h.isCollection}}
}

// lockPlace is where locks look for what the method does to name, whose state is cur: its real name, and the links that
// lead there now. Links are looked for where there are locks, and name is not the real one; so a Check asks anew.
func (h *Handler) lockPlace(method, name string, cur *etagfs.Info) lock.Place {
	if cur != nil {
		return h.lockPlaceAs(method, name, cur.Name)
	}
	return h.lockPlaceAs(method, name, "")
}

// lockPlaceAs is lockPlace of what has the name real; "": it is not known, since nothing is there.
func (h *Handler) lockPlaceAs(method, name, real string) lock.Place {
	p := lock.Place{Name: name}
	if h.locks.Count() > 0 && name != real {
		way := h.fs.Way
		if actsOnLink(method) {
			way = h.wayOfParent
		}
		if now, links, err := way(name); err == nil { // else a parent is missing; the method finds out
			p = lock.Place{Name: now, Way: links}
		}
	}
	if real != "" {
		p.Name = real
	}
	return p
}

// lockPlaceIn is the place of a member of the collection in, which way leads to.
func (h *Handler) lockPlaceIn(in string, way []string, base string, info *etagfs.Info) lock.Place {
	if info.Real == "" || h.locks.Count() == 0 {
		return lock.Place{Name: info.Name, Way: way}
	}
	return h.lockPlaceAs("", path.Join(in, base), info.Name)
}

// locked is the answer to errors of package lock. RFC 4918 §11.3, §16.
func (h *Handler) locked(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *lock.LockedError:
		locks := h.locksAt(e.Roots)
		return &statusError{status: webdav.StatusLocked, cause: err, dav: h.davHrefs("lock-token-submitted", e.Roots), locks: locks,
			say: "It is locked" + describeLocks(locks) + ", and the request does not submit the lock token in an If header. Nothing was changed."}
	case *lock.ConflictError:
		locks := h.locksAt(e.Roots)
		return &statusError{status: webdav.StatusLocked, cause: err, dav: h.davHrefs("no-conflicting-lock", e.Roots), locks: locks,
			say: "It is locked" + describeLocks(locks) + ", and that lock excludes this one. Nothing was changed."}
	}
	return err
}

// locksAt are the locks with these roots.
func (h *Handler) locksAt(roots []string) (locks []lock.Lock) {
	for _, root := range roots[:min(len(roots), maxErrorHrefs)] {
		for _, l := range h.locks.Covering(h.opts.Now(), lock.Place{Name: root}) {
			if l.Root == root {
				locks = append(locks, l)
			}
		}
	}
	return locks
}

// showing lets an answer of locked tell of the state that stays as it is.
func (h *Handler) showing(err error, cur *etagfs.Info) error {
	if e, ok := err.(*statusError); ok && cur != nil {
		e.cur, e.header = copied(cur), h.validators(cur)
		e.say += " " + h.describe(cur)
	}
	return err
}

// maxErrorHrefs bounds how many locks an error names; one would be enough (RFC 4918 §16).
const maxErrorHrefs = 100

// davHrefs is a DAV:error element that names resources.
func (h *Handler) davHrefs(element string, names []string) string {
	b := append([]byte("<D:"+element), '>')
	for _, name := range names[:min(len(names), maxErrorHrefs)] {
		b = append(append(append(b, "<D:href>"...), h.href(name, h.isCollection(name))...), "</D:href>"...)
	}
	return string(append(b, "</D:"+element+">"...))
}
