package main

import (
	"io"
	"net/http"
	"slices"

	"ifmatch/handler"
)

// What browsers ask before a page of another origin may speak to a share (the Fetch standard, "CORS
// protocol"), for origins that the share names.

const (
	corsMethods = "OPTIONS, GET, HEAD, PUT, DELETE, POST, PROPFIND, PROPPATCH, MKCOL, COPY, MOVE, LOCK, UNLOCK"
	corsExposed = "ETag, DAV, Allow, Location, Content-Location, Lock-Token, Content-Range, Accept-Ranges, Content-Length, Retry-After, WWW-Authenticate, Preference-Applied, Repr-Digest, X-OC-Mtime, X-Request-Id"
)

// allowOrigin returns a writer whose answer the page may read. A preflight it answers itself, and
// returns nil: it comes without a login.
func allowOrigin(w http.ResponseWriter, r *http.Request, origins []string) http.ResponseWriter {
	origin := r.Header.Get("Origin")
	if !slices.Contains(origins, origin) {
		return &corsWriter{ResponseWriter: w}
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return &corsWriter{ResponseWriter: w, origin: origin}
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Methods", corsMethods)
	if asked := r.Header.Values("Access-Control-Request-Headers"); len(asked) > 0 {
		h["Access-Control-Allow-Headers"] = asked
	}
	h.Set("Access-Control-Max-Age", "600")
	h.Set("X-Request-Id", handler.RequestID(r, nil))
	h.Set("Vary", "Origin, Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// corsWriter adds its fields last, since handlers set theirs whole.
type corsWriter struct {
	http.ResponseWriter
	origin string // "" for none that the share names
	wrote  bool
}

func (w *corsWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *corsWriter) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.wrote = true
		h := w.Header()
		h["Vary"] = append(slices.Clip(h["Vary"]), "Origin")
		if w.origin != "" {
			h.Set("Access-Control-Allow-Origin", w.origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", corsExposed)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *corsWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets files go by sendfile.
func (w *corsWriter) ReadFrom(src io.Reader) (int64, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	return io.Copy(w.ResponseWriter, src)
}
