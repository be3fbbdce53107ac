package handler

import (
	"net/http"

	"ifmatch/etagfs"
)

// delete retires a resource, a collection with all its members, in one step. RFC 9110 §9.3.5, RFC 4918 §9.6.
func (h *Handler) delete(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	if t.name == "/" {
		return &statusError{status: http.StatusForbidden, say: "The root collection cannot be deleted."}
	}
	depth, err := parseDepth(r.Header["Depth"])
	if err != nil {
		return err
	}
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	var before *etagfs.Info
	decide := write.Check
	write.Check = mapped(func(cur *etagfs.Info) error {
		if cur.IsCollection() && depth != depthInfinity {
			return badDepth("infinity") // RFC 4918 §9.6.1: who says 0 or 1 does not mean all members
		}
		if err := decide(cur); err != nil {
			return err
		}
		before = copied(cur)
		return nil
	})
	if _, err := h.early(r, t, write); err != nil {
		return err
	}
	gone := removal{h: h}
	defer gone.end()
	err = h.fs.Remove(r.Context(), t.name, gone.write(write))
	if isUnmapped(err) {
		return write.Check(nil) // it went away meanwhile, or its parent did
	}
	if err != nil {
		return err
	}
	h.overwritten(r, before)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
