package handler

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ifmatch/etagfs"
)

// explain writes the body of an error answer in the form that the client reads best: DAV:error where
// there is an element (RFC 4918 §16), problem details (RFC 9457) or HTML when Accept asks, else a
// sentence of plain text, as for curl.
func (h *Handler) explain(w *response, r *http.Request, e *statusError) {
	status := e.status
	if status == clientGone {
		status = http.StatusBadRequest
	}
	kind, body := form(r.Header["Accept"], e)
	set(w, "Content-Type", kind)
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Cache-Control", "no-store")
	set(w, "Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if e.status == clientGone {
		w.status = clientGone
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(body))
	}
}

// form chooses the form and writes the body.
func form(accept []string, e *statusError) (kind, body string) {
	want := strings.ToLower(joined(accept))
	switch {
	case strings.Contains(want, "application/problem+json") || strings.Contains(want, "application/json"):
		return "application/problem+json", problem(e)
	case strings.Contains(want, "text/html"):
		return "text/html; charset=utf-8", page(e)
	case e.dav != "":
		return "application/xml; charset=utf-8", `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
			`<D:error xmlns:D="DAV:">` + e.dav + "</D:error>\n"
	}
	return "text/plain; charset=utf-8", e.say + "\n"
}

func problem(e *statusError) string {
	p := map[string]any{"title": http.StatusText(e.status), "status": e.status, "detail": e.say}
	for member, value := range e.more {
		p[member] = value
	}
	b, err := json.Marshal(p)
	if err != nil { // strings and an int: cannot fail
		panic(err)
	}
	return string(b) + "\n"
}

func page(e *statusError) string {
	title := strconv.Itoa(e.status) + " " + http.StatusText(e.status)
	return "<!doctype html><html lang=en><meta charset=utf-8><meta name=color-scheme content=\"light dark\"><title>" +
		title + "</title><h1>" + title + "</h1><p>" + strings.ReplaceAll(html.EscapeString(e.say), "\n", "<br>") + "</p></html>\n"
}

// refused is 412: what is wrong, what the current state is, and how to go on.
func (h *Handler) refused(r *http.Request, e *refusal) *statusError {
	say := e.say
	if !readMethods[r.Method] {
		say += " Nothing was changed."
	}
	if e.cur == nil {
		say += " To create it, send If-None-Match: *."
	} else {
		say += " " + h.describe(e.cur)
		if !e.cur.Tag.IsZero() {
			say += " Get it, merge your change, and save with If-Match: " + e.cur.Tag.String() + "."
		}
	}
	return &statusError{status: http.StatusPreconditionFailed, say: say, header: h.validators(e.cur), more: h.members(e.cur), cause: e}
}

// precondRequired is 428 (RFC 6585 §3), showing the two headers to send.
func (h *Handler) precondRequired(e *needsCondition) *statusError {
	header := h.validators(e.cur)
	tag := "\"the ETag that you have read\""
	if !e.cur.Tag.IsZero() {
		tag = e.cur.Tag.String()
	}
	return &statusError{status: http.StatusPreconditionRequired, header: header, more: h.members(e.cur), cause: e,
		say: "This server asks every write to say which state it changes. Nothing was changed. " + h.describe(e.cur) +
			"\nTo replace or delete the state that you have read, send\n  If-Match: " + tag +
			"\nTo create only if nothing is there, send\n  If-None-Match: *"}
}

// describe says in one sentence what is at the URL now.
func (h *Handler) describe(cur *etagfs.Info) string {
	at := cur.ModTime().UTC().Format(time.RFC3339)
	if cur.IsCollection() {
		return "There is a collection, changed " + at + "."
	}
	s := fmt.Sprintf("The current state has ETag %s, %d bytes, changed %s", cur.Tag, cur.SizeBytes, at)
	if by, known := h.writers.last(cur); known && by.user != "" {
		s += " by " + by.user
	}
	return s + "."
}

// members are what problem details (RFC 9457 §3.2) tell of a state, for programs.
func (h *Handler) members(cur *etagfs.Info) map[string]any {
	if cur == nil {
		return nil
	}
	m := map[string]any{"lastModified": cur.ModTime().UTC().Format(time.RFC3339Nano)}
	if cur.IsCollection() {
		return m
	}
	m["size"] = cur.SizeBytes
	if !cur.Tag.IsZero() {
		m["etag"] = cur.Tag.String()
	}
	if by, known := h.writers.last(cur); known && by.user != "" {
		m["lastModifiedBy"] = by.user
	}
	return m
}

// validators of a state as header fields; none for nil.
func (h *Handler) validators(cur *etagfs.Info) http.Header {
	if cur == nil {
		return nil
	}
	header := http.Header{"Last-Modified": {h.lastModified(cur)}}
	if !cur.Tag.IsZero() {
		header["Etag"] = []string{cur.Tag.String()}
	}
	return header
}

// lastModified is never later than the answer itself (RFC 9110 §8.8.2.1), whatever touch -d did.
func (h *Handler) lastModified(cur *etagfs.Info) string {
	t := cur.ModTime()
	if now := h.opts.Now(); t.After(now) {
		t = now
	}
	return t.UTC().Format(http.TimeFormat)
}
