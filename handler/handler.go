// Package handler is HTTP and WebDAV over a tree of resources: a request in, one answer out.
//
// It promises that every method decides its preconditions (RFC 9110 §13), the If header (RFC 4918
// §10.4) and write locks in one place, check.go, on the state that is about to change: a write that is
// refused changes nothing, and one that is answered with 2xx changed the state that it was decided on. It
// does not authenticate; whoever wraps it says with [WithUser] who is asking.
//
// Entry points: [New] makes the [Handler], an http.Handler. One file holds one method; methods return
// errors, and only ServeHTTP answers with one, through status.go.
package handler

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/handler/lock"
)

// Options of a Handler; the zero value serves the whole tree at "/" for reading and writing.
type Options struct {
	// Prefix of URL paths that this tree is served under, "/docs" or "" for all of them; see [CutPrefix].
	Prefix string
	// ReadOnly refuses every method that changes something with 403.
	ReadOnly bool
	// RequireIfMatch says what becomes of an overwrite or DELETE without a condition.
	RequireIfMatch Policy
	// MaxUploadBytes bounds a representation; 0 is no bound.
	MaxUploadBytes int64
	// ProxyTags accepts our own entity-tag in If-Match as compressing proxies respell it (W/"t",
	// "t-gzip", "t;br"), for setups where such a proxy cannot be told to leave it alone.
	ProxyTags bool
	// TrustPages lets HTML, SVG and the like run as pages of this origin, where they can do all that their
	// readers can: for trees where everybody who can put such a file there may do so anyway.
	TrustPages bool
	// State keeps dead properties; nil keeps them as long as the process.
	State *state.Store
	// Locks is the table of write locks; nil is one that ends with the process.
	Locks *lock.Table
	// MaxInfinite is how many members a PROPFIND with Depth infinity may tell of, before it is refused
	// (RFC 4918 §9.1, propfind-finite-depth); 0 is 250,000, and below 0 it is always refused.
	MaxInfinite int
	// Hosts are names of this server that Destination may have beside the Host header field: its public
	// name behind a proxy, "files.example.org" or "files.example.org:8443".
	Hosts []string
	// TrustForwarded tells whether a request came through a proxy whose Forwarded and X-Forwarded-Host
	// header fields may say the public name as well, and X-Request-Id the id; nil trusts none.
	TrustForwarded func(*http.Request) bool
	// Address is where a request comes from, for the log: behind proxies the client; nil is its RemoteAddr.
	Address func(*http.Request) string
	// MayRead tells whether who asks may read a name of this tree: lists leave out what they may not, and an If header
	// cannot try out its state. nil: who may read one name may read all.
	MayRead func(r *http.Request, name string) bool
	// MayWrite tells whether who asks may change what is at name, or, with anew, create something there or in it: their
	// page offers nothing else. What they may is decided elsewhere. nil: all may.
	MayWrite func(r *http.Request, name string, anew bool) bool
	// Elsewhere is the Handler of another tree of this server that a URL path leads to, so that COPY can have its
	// destination there; nil where there is none, or none for who asks. nil: there is no other tree.
	Elsewhere func(r *http.Request, urlPath string) *Handler
	// Shares is the Handler of the tree that a collection of this one stands for, nil where it stands for none: PROPFIND
	// tells of the root of that tree. Such a tree of places is on no disk, so that quotas are not told of it.
	// nil: this is no such tree.
	Shares func(r *http.Request, name string) *Handler
	// Over ends event streams when it is closed, since another Handler has taken this one's place: who comes back
	// is asked again who it is and what it may read. nil never is.
	Over <-chan struct{}
	// Log takes one line a request; nil logs nothing.
	Log *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Handler answers requests for one tree. Safe for concurrent use.
type Handler struct {
	fs      *etagfs.FS
	opts    Options
	state   *state.Store
	locks   *lock.Table
	allow   string // the Allow header field
	forms   forms
	writers writers
	plans   planCache
	streams streams
	pool    sync.Pool // of *response
}

// A method answers one request; the error it returns is answered by status.go.
type method func(h *Handler, w http.ResponseWriter, r *http.Request) error

// methods that this package answers. Whether one writes is said in readMethods, next to it.
var methods = map[string]method{
	http.MethodOptions: (*Handler).options,
	http.MethodGet:     (*Handler).get,
	http.MethodHead:    (*Handler).get,
	http.MethodPut:     (*Handler).put,
	http.MethodPost:    (*Handler).merge,
	http.MethodDelete:  (*Handler).delete,
	"MKCOL":            (*Handler).mkcol,
	"PROPFIND":         (*Handler).propfind,
	"PROPPATCH":        (*Handler).proppatch,
	"COPY":             (*Handler).copy,
	"MOVE":             (*Handler).move,
	"LOCK":             (*Handler).lock,
	"UNLOCK":           (*Handler).unlock,
}

// readMethods change nothing, so they are left when the tree is read-only.
var readMethods = map[string]bool{
	http.MethodOptions: true,
	http.MethodGet:     true,
	http.MethodHead:    true,
	http.MethodPost:    true, // a merge is computed, not stored
	"PROPFIND":         true,
}

// contentless methods would ignore what is sent with them. RFC 4918 §8.4.
var contentless = map[string]bool{http.MethodDelete: true, "COPY": true, "MOVE": true, "UNLOCK": true}

// davClasses is the DAV header field (RFC 4918 §10.1). It names what the table of methods can do, also where a tree is
// read-only: without class 2 davfs2 does not ask for a lock before it takes what a program writes, and loses it with the 403.
const davClasses = "1, 2, 3, extended-mkcol"

// New returns a Handler of tree.
func New(tree *etagfs.FS, o Options) (*Handler, error) {
	o.Prefix = strings.TrimRight(o.Prefix, "/")
	if o.Prefix != "" && !strings.HasPrefix(o.Prefix, "/") {
		return nil, errors.New("a URL prefix begins with a slash: " + o.Prefix)
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Address == nil {
		o.Address = func(r *http.Request) string { return r.RemoteAddr }
	}
	if o.State == nil {
		o.State = state.NewMemory(state.Options{})
	}
	if o.Locks == nil {
		var err error
		if o.Locks, err = lock.New(nil, o.Now(), lock.Options{Log: o.Log}); err != nil {
			return nil, err
		}
	}
	o.MaxInfinite = cmp.Or(o.MaxInfinite, 250_000)
	h := &Handler{fs: tree, opts: o, state: o.State, locks: o.Locks}
	h.pool.New = func() any { return new(response) }
	h.allow = h.allowed()
	return h, nil
}

// allowed lists the methods for the Allow header field (RFC 9110 §10.2.1), the well-known ones first.
// It is the same for every URL, mapped or not: Zotero and others decide by it once what a server can do.
func (h *Handler) allowed() string {
	var names []string
	for m := range methods {
		if !h.opts.ReadOnly || readMethods[m] || m == "COPY" && h.opts.Elsewhere != nil {
			names = append(names, m)
		}
	}
	first := "OPTIONS GET HEAD PUT DELETE"
	slices.SortFunc(names, func(a, b string) int { // -1, as a uint, comes after all of them
		return cmp.Or(cmp.Compare(uint(strings.Index(first, a)), uint(strings.Index(first, b))), cmp.Compare(a, b))
	})
	return strings.Join(names, ", ")
}

// allowedBut is Allow of a resource that does not take the method. RFC 9110 §15.5.6.
func (h *Handler) allowedBut(method string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(h.allow, ", "), func(m string) bool { return m == method }), ", ")
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	res := h.pool.Get().(*response)
	res.start(w, r, RequestID(r, h.opts.TrustForwarded), h.opts.Now())
	defer h.finish(res, r)
	if err := h.serve(res, r); err != nil {
		h.answer(res, r, err)
	}
}

// serve finds the method and lets it answer.
func (h *Handler) serve(w *response, r *http.Request) error {
	if err := acceptable(r); err != nil {
		return err
	}
	serve, ok := methods[r.Method]
	if !ok {
		return h.noSuchMethod(r.Method)
	}
	if h.opts.ReadOnly && !readMethods[r.Method] && r.Method != "COPY" { // which its destination refuses
		return errReadOnly
	}
	if contentless[r.Method] {
		if err := noContent(r); err != nil {
			return err
		}
	}
	return serve(h, w, r)
}

var errReadOnly = &statusError{status: http.StatusForbidden, say: "This server is read-only."}

// elsewhere are methods that others define (RFC 9110 §9, RFC 5789, RFC 3253): known, and not
// for resources of this server.
const elsewhere = " PATCH TRACE CONNECT SEARCH REPORT ACL BIND UNBIND REBIND LINK UNLINK VERSION-CONTROL CHECKIN CHECKOUT MKCALENDAR ORDERPATCH QUERY "

func (h *Handler) noSuchMethod(name string) error {
	if strings.Contains(elsewhere, " "+name+" ") {
		return methodNotAllowed("This server does not answer " + name + " here.")
	}
	return &statusError{status: http.StatusNotImplemented, say: "This server does not know the method."}
}
