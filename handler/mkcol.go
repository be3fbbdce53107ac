package handler

import (
	"errors"
	"io"
	iofs "io/fs"
	"net/http"

	"ifmatch/fs"
)

// mkcol creates an empty collection. RFC 4918 §9.3.
func (h *Handler) mkcol(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	if _, err := h.early(t, write.Check); err != nil {
		return err
	}
	if hasBody(r) {
		return &statusError{status: http.StatusUnsupportedMediaType, say: "MKCOL takes no content here."}
	}
	info, err := h.fs.MakeCollection(r.Context(), t.name, write)
	switch {
	case errors.Is(err, iofs.ErrExist):
		return methodNotAllowed("Something is mapped to this URL already; MKCOL makes new collections only.")
	case isUnmapped(err):
		return noParent(err)
	case err != nil:
		return err
	}
	set(w, "Location", h.href(t.name, true))
	set(w, "Last-Modified", h.lastModified(info))
	set(w, "Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// hasBody tells whether the request has content, without asking the client to send it.
func hasBody(r *http.Request) bool {
	if r.ContentLength > 0 {
		return true
	}
	if r.ContentLength == 0 {
		return false
	}
	var one [1]byte
	n, _ := io.ReadFull(r.Body, one[:])
	return n > 0
}

// noParent is 409: RFC 4918 §9.3.1, §9.7.1.
func noParent(err error) error {
	if errors.Is(err, fs.ErrNotDir) {
		return &statusError{status: http.StatusConflict, say: "A parent of this URL is not a collection.", cause: err}
	}
	return &statusError{status: http.StatusConflict, cause: err,
		say: "The parent collection does not exist; create it with MKCOL first."}
}
