package handler

import (
	"errors"
	"net/http"

	"ifmatch/etagfs"
)

// check returns the one decision of whether a write to t may happen: preconditions in the order of
// RFC 9110 §13.2.2, then the If header and the locks of RFC 4918, then the policy for writes that
// name no state at all. The early check and the commit both ask it, the second one under the latch.
func (h *Handler) check(r *http.Request, t target) (etagfs.Write, error) {
	locks, err := h.lockCheck(r)
	if err != nil {
		return etagfs.Write{}, err
	}
	return h.checkWith(locks, r, t), nil
}

// checkWith is check with an If header that was parsed before.
func (h *Handler) checkWith(locks *lockCheck, r *http.Request, t target) etagfs.Write {
	pre := parsePreconditions(r.Header, h.opts.ProxyTags)
	decide := func(cur *etagfs.Info) error {
		if t.slash && cur != nil && !cur.IsCollection() {
			return errNotCollection
		}
		if err := pre.evaluate(r.Method, cur); err != nil {
			return err
		}
		if err := locks.condition(t, cur); err != nil {
			return err
		}
		if err := locks.permit(locks.change(t, cur)...); err != nil {
			return h.showing(err, cur)
		}
		return h.permit(r, &pre, cur)
	}
	named := locks.header.asksForETag()
	return h.oneForm(r.Method, t, etagfs.Write{Check: decide, Exact: pre.exact() || named, Tags: pre.tagged() || named, Beside: locks.beside(h)})
}

// early asks check for the state of now, without a latch: a refusal that is certain already needs no
// body, and preconditions come before the 409 of a URL whose parents are missing. Only the check
// at the commit counts.
func (h *Handler) early(r *http.Request, t target, write etagfs.Write) (*etagfs.Info, error) {
	cur, err := h.current(r, t, write.Tags)
	if err != nil {
		return nil, err
	}
	if write.Tags {
		h.tagAll(r, write.Beside)
	}
	return cur, write.Check(cur)
}

// tagAll has the files hashed that a condition names besides the resource of the request, before a latch is held. What
// cannot be hashed has no tag then, and the condition says so.
func (h *Handler) tagAll(r *http.Request, names []string) {
	for _, name := range names {
		_, _ = h.fs.StatTagged(r.Context(), name)
	}
}

// parentGone is the answer when the parent went away after the early check, so that the commit never
// asked: what check says of an unmapped URL comes first, then 409. Other errors stay as they are.
func (h *Handler) parentGone(name string, check etagfs.Check, err error) error {
	if _, answered := errors.AsType[*statusError](err); answered || !isUnmapped(err) {
		return err
	}
	if err := check(nil); err != nil {
		return err
	}
	return h.noPlace(name, err)
}

// current is the state of t, nil when the URL is unmapped. Its Name is the one that the method is about.
func (h *Handler) current(r *http.Request, t target, tagged bool) (*etagfs.Info, error) {
	cur, err := h.stat(r, t.name, tagged)
	if isUnmapped(err) {
		return nil, nil
	}
	if err == nil && actsOnLink(r.Method) {
		cur.Name, err = h.realParent(t.name)
	}
	return cur, err
}

// actsOnLink tells whether the method acts on a symbolic link itself, and not on what it leads to.
func actsOnLink(method string) bool { return method == http.MethodDelete || method == "MOVE" }
