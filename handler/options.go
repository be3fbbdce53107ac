package handler

import "net/http"

// options says what this server can do, the same for every URL and for "*": scanners and Windows ask
// about made-up names and turn away from anything but 200. It ignores preconditions (RFC 9110 §13.2.1).
func (h *Handler) options(w http.ResponseWriter, r *http.Request) error {
	set(w, "Allow", h.allow)
	set(w, "Dav", davClasses)
	set(w, "Ms-Author-Via", "DAV") // without it Windows speaks FrontPage first
	set(w, "Accept-Ranges", "bytes")
	set(w, "Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}
