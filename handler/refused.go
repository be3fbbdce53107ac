package handler

import (
	"net/http"
	"strconv"

	"golang.org/x/net/webdav"
)

// withRepresentation answers a refused write with the current bytes when the client would rather have
// them than a sentence (Prefer: return=representation), so that it can merge at once. RFC 8144 §3.2. It is the same for
// 423 and 428, which are answered to the same clients. done is false when a sentence has to do.
func (h *Handler) withRepresentation(w *response, r *http.Request, e *statusError) (done bool) {
	switch e.status {
	case http.StatusPreconditionFailed, http.StatusPreconditionRequired, webdav.StatusLocked:
	default:
		return false
	}
	if r.Method != http.MethodPut && r.Method != http.MethodDelete || !parsePrefer(r.Header).representation {
		return false
	}
	t, err := h.target(r)
	if err != nil {
		return false
	}
	f, err := h.fs.OpenTagged(r.Context(), t.name)
	if err != nil {
		return false // unmapped, or a collection
	}
	defer f.Close()
	c, err := contentOf(f)
	if err != nil {
		return false
	}
	defer c.free()
	if c.anew {
		return false
	}
	h.setMetadata(w, r, f.State())
	h.setType(w, t.name)
	set(w, "Content-Length", strconv.FormatInt(c.size, 10))
	set(w, "Content-Location", h.href(t.name, false))
	set(w, "Preference-Applied", "return=representation")
	set(w, "Vary", "Prefer")
	w.WriteHeader(e.status)
	if _, err := c.send(w, c.size); err != nil {
		panic(http.ErrAbortHandler) // cut off: never whole under a tag that is not theirs
	}
	return true
}

// endRefused has the connection end with the answer to a DELETE or MOVE that is refused. KDE 5 reads only the header of
// that answer, and takes its content for the answer to its next request, so that a folder stands still until the idle
// connection is closed. A 401 it reads whole, and asks again on the same connection. With HTTP/2 an answer has a stream of
// its own, and "close" would end the others as well. RFC 9112 §9.6.
func endRefused(w http.ResponseWriter, r *http.Request, status int) {
	if (r.Method == http.MethodDelete || r.Method == "MOVE") && r.ProtoMajor == 1 && status != http.StatusUnauthorized {
		set(w, "Connection", "close")
	}
}
