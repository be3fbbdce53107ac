package handler

import (
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ifmatch/handler/web"
)

// Refuse answers with a status of 4xx or 5xx and a sentence, for what stands before a Handler, such as a login: in the same
// forms and with the same header fields. prefix is that of the Handler, "/" or "" where it stands before several, and id
// the RequestID. It returns the bytes of the body.
func Refuse(w http.ResponseWriter, r *http.Request, prefix, id string, status int, say string) (bytes int64) {
	var res response
	res.start(w, r, id, time.Time{})
	e := &statusError{status: status, say: say}
	if status >= 500 {
		e = e.quoting(id)
	}
	endRefused(&res, r, status)
	h := Handler{opts: Options{Prefix: strings.TrimSuffix(prefix, "/")}} // of no tree: there is no state to tell of
	h.explain(&res, r, e)
	return res.sent
}

// explain writes the body of an error answer in the form that the client reads best: problem details (RFC 9457),
// HTML, DAV:error (RFC 4918 §16) or a sentence of plain text as Accept says; else DAV:error where there is an
// element, and plain text, as for curl, where there is none.
func (h *Handler) explain(w *response, r *http.Request, e *statusError) {
	status := e.status
	if status == clientGone {
		status = http.StatusBadRequest
	}
	kind, body := h.errorBody(w, r.Header["Accept"], e)
	set(w, "Content-Type", kind)
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Cache-Control", "no-store, no-transform") // a proxy that compressed it would respell its ETag
	set(w, "Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if e.status == clientGone {
		w.status = clientGone
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body))
	}
}

// The forms, by the media types that ask for them.
const (
	formProblem = iota
	formPage
	formXML
	formPlain
	noForm
)

var bodyForms = map[string]int{
	"*/*": noForm, "text/*": formPlain,
	"application/problem+json": formProblem, "application/json": formProblem,
	"text/html": formPage, "application/xml": formXML, "text/xml": formXML, "text/plain": formPlain,
}

// errorBody chooses the form and writes the body.
func (h *Handler) errorBody(w http.ResponseWriter, accept []string, e *statusError) (kind, body string) {
	switch asked := askedForm(accept); {
	case asked == formProblem:
		return "application/problem+json", h.problem(e)
	case asked == formPage:
		return pageType, h.errorPage(w, e)
	case asked == formXML:
		return xmlType, h.davError(e, true)
	case asked == noForm && e.dav != "":
		return xmlType, h.davError(e, false)
	}
	return "text/plain; charset=utf-8", e.say + "\n"
}

// askedForm is the form that Accept names with the highest weight, the first of equals. */* asks for none, and stands back
// behind its equals.
func askedForm(accept []string) int {
	best, most := noForm, 0.0
	for kind, weight := range accepted(accept) {
		form, ok := bodyForms[kind]
		if ok && weight > 0 && (weight > most || weight == most && best == noForm) {
			best, most = form, weight
		}
	}
	return best
}

// accepted are the media types of Accept, in lower case, and their weights. RFC 9110 §12.5.1.
func accepted(accept []string) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if len(accept) == 0 { // of which it would cost four allocations to say nothing
			return
		}
		for item := range strings.SplitSeq(strings.ToLower(joined(accept)), ",") {
			kind, params, _ := strings.Cut(item, ";")
			weight := 1.0
			for param := range strings.SplitSeq(params, ";") {
				if q, isWeight := strings.CutPrefix(strings.TrimSpace(param), "q="); isWeight {
					if weight, _ = strconv.ParseFloat(q, 64); !(weight <= 1) {
						weight = 1
					}
				}
			}
			if !yield(strings.TrimSpace(kind), weight) {
				return
			}
		}
	}
}

// problem is RFC 9457, with what there is now as further members.
func (h *Handler) problem(e *statusError) string {
	p := map[string]any{"title": http.StatusText(e.status), "status": e.status, "detail": e.say}
	for member, value := range h.members(e.cur) {
		p[member] = value
	}
	if len(e.locks) > 0 {
		p["locks"] = h.lockMembers(e.locks)
	}
	b, err := json.Marshal(p)
	if err != nil { // strings and numbers: cannot fail
		panic(err)
	}
	return string(b) + "\n"
}

// errorPage is for people: what is wrong, and a way back.
func (h *Handler) errorPage(w http.ResponseWriter, e *statusError) string {
	title := strconv.Itoa(e.status) + " " + http.StatusText(e.status)
	p := &web.Page{Title: title, Assets: h.href(PageAssets+web.Hash(), true), Nonce: web.NewNonce(),
		Crumbs: append(h.crumbs("/"), web.Crumb{Base: title}), Body: e.say}
	set(w, "Content-Security-Policy", web.Policy(p.Nonce))
	var b strings.Builder
	if err := web.Render(&b, "error", p); err != nil { // strings: cannot fail
		panic(err)
	}
	return b.String()
}

// davError is DAV:error: first the element of RFC 4918, as clients know it, and last the sentence, for people (RFC 9110
// §15.5). In between, who asked for XML gets what there is now, in elements that have their names from the RFC.
func (h *Handler) davError(e *statusError, asked bool) string {
	b := []byte(xmlHead + `<D:error xmlns:D="DAV:">` + e.dav)
	if asked && (e.cur != nil || len(e.locks) > 0) {
		b = append(h.appendState(append(b, "<D:prop>"...), e), "</D:prop>"...)
	}
	b = appendXMLText(append(b, "<D:responsedescription>"...), e.say)
	return string(append(b, "</D:responsedescription></D:error>\n"...))
}
