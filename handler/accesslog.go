package handler

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"golang.org/x/net/webdav"
)

// finish logs the request, answers a panic with 500, and gives the response back.
func (h *Handler) finish(w *response, r *http.Request) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler {
		w.failure = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		if w.status == 0 {
			h.answer(w, r, w.failure)
			p = nil
		} else {
			p = http.ErrAbortHandler // the answer was begun: cut it off, so that nobody takes it for whole
		}
	}
	if p != nil && w.why == "" {
		w.why = "cut off"
	}
	h.logAccess(w, r)
	*w = response{} // it forgets the request before it serves another one
	h.pool.Put(w)
	if p != nil {
		panic(p)
	}
}

// logAccess writes the one line of a request: 5xx is ours and an error, the state of the disk is
// ours and a warning, all else is the client's news.
func (h *Handler) logAccess(w *response, r *http.Request) {
	level := slog.LevelInfo
	if w.warn {
		level = slog.LevelWarn
	}
	switch w.status {
	case http.StatusNotImplemented, webdav.StatusInsufficientStorage, http.StatusBadGateway: // a Destination elsewhere
	default:
		if w.status >= 500 {
			level = slog.LevelError
		}
	}
	if !h.opts.Log.Enabled(r.Context(), level) {
		return
	}
	var room [11]slog.Attr
	attrs := append(room[:0],
		slog.String("id", w.id),
		slog.String("method", r.Method),
		slog.String("path", r.URL.Path),
		slog.Int("status", w.status),
		slog.Int64("bytes", w.sent),
		slog.Duration("duration", h.opts.Now().Sub(w.began)),
		slog.String("remote", h.opts.Address(r)))
	if u := User(r.Context()); u != "" {
		attrs = append(attrs, slog.String("user", u))
	}
	if tag := w.Header()["Etag"]; len(tag) > 0 {
		attrs = append(attrs, slog.String("etag", tag[0]))
	}
	if w.why != "" {
		attrs = append(attrs, slog.String("why", w.why))
	}
	if w.failure != nil {
		attrs = append(attrs, slog.String("cause", w.failure.Error()))
	}
	h.opts.Log.LogAttrs(r.Context(), level, "request", attrs...)
}
