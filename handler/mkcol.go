package handler

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/net/webdav"

	"ifmatch/etagfs/state"
	"ifmatch/fs"
)

// mkcol creates an empty collection, with properties when the request has a DAV:mkcol body: all of it or
// nothing. RFC 4918 §9.3, RFC 5689.
func (h *Handler) mkcol(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	t.slash = false // a collection is meant either way, and a file stands in its way: 405, and not 404
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	if _, err := h.early(r, t, write); err != nil {
		return err
	}
	p, err := h.mkcolBody(r)
	if err != nil {
		return err
	}
	if p.failed != 0 {
		return p.mkcolRefused(w)
	}
	info, err := h.fs.MakeCollection(r.Context(), t.name, p.modTime, h.fresh(t, "", p.ops, write))
	switch {
	case isUnmapped(err):
		return h.noPlace(t.name, err)
	case errors.Is(err, state.ErrTooLarge):
		p.fail(func(*propChange) bool { return true }, webdav.StatusInsufficientStorage)
		return p.mkcolRefused(w)
	case err != nil:
		return err
	}
	h.stored(w, t.name, info, true)
	return nil
}

// mkcolBody reads the body of an extended MKCOL; without one nothing is to be set.
// Errors: 415 for a body that is not XML (RFC 4918 §9.3), 400 and 422 as for PROPPATCH.
func (h *Handler) mkcolBody(r *http.Request) (*patchPlan, error) {
	p := &patchPlan{}
	if kind := r.Header.Get("Content-Type"); r.ContentLength > 0 && !isXML(kind) {
		return nil, errMkcolBody
	}
	doc, err := readXMLBody(r)
	if err != nil || len(doc) == 0 {
		return p, err
	}
	if !isXML(r.Header.Get("Content-Type")) {
		return nil, errMkcolBody
	}
	changes, err := parseMkcol(doc)
	if err != nil {
		return nil, err
	}
	rest := changes[:0]
	var kind *propChange
	for _, c := range changes {
		if c.name == livePropNames[propResourceType] {
			kind = &c
		} else {
			rest = append(rest, c)
		}
	}
	p = h.planPatch(rest)
	if kind != nil && !oneDAV(kind.value.kids, "collection") {
		// RFC 5689 §3.3: a kind of collection that this server does not make.
		p.changes = append(p.changes, *kind)
		p.statuses = append(p.statuses, statusResourceType)
		p.failed = http.StatusForbidden
	}
	return p, nil
}

// isXML tells whether a Content-Type is one of XML (RFC 7303).
func isXML(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/xml" || kind == "text/xml" || strings.HasSuffix(kind, "+xml")
}

var errMkcolBody = &statusError{status: http.StatusUnsupportedMediaType,
	say: "MKCOL takes no content, or a DAV:mkcol element as application/xml."}

// mkcolRefused tells which properties stand against the new collection. RFC 5689 §5.2.
func (p *patchPlan) mkcolRefused(w http.ResponseWriter) error {
	b := p.appendPropstats([]byte(xmlHead + `<D:mkcol-response xmlns:D="DAV:">`))
	return answerXML(w, p.failed, append(b, "</D:mkcol-response>\n"...))
}

// noPlace is the 409 of a step that found no place for name. When its parent is there, it is a symbolic link that leads
// out, behind which nothing can come to be; or the parent is there again.
func (h *Handler) noPlace(name string, err error) error {
	if h.parentExists(name) != nil {
		return noParent(err)
	}
	return &statusError{status: http.StatusConflict, cause: err,
		say: "A symbolic link with this name leads out of what is served, or in circles, or the parent collection was missing for a moment."}
}

// noParent is 409: RFC 4918 §9.3.1, §9.7.1.
func noParent(err error) error {
	if errors.Is(err, fs.ErrNotDir) {
		return &statusError{status: http.StatusConflict, say: "A parent of this URL is not a collection.", cause: err}
	}
	return &statusError{status: http.StatusConflict, cause: err,
		say: "The parent collection does not exist; create it with MKCOL first."}
}
