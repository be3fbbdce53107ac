package handler

import (
	"context"
	"errors"
	iofs "io/fs"
	"net/http"
	"os"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// statusError is an error that knows its answer. Methods return one when the cause alone does not tell
// the status; all other errors are looked up in causes below.
type statusError struct {
	status int
	say    string       // one plain sentence for the client: what is wrong and how to go on
	dav    string       // content of DAV:error where RFC 4918 names an element: `<D:lock-token-submitted>…`
	header http.Header  // more fields of the answer, canonical keys; nil for none
	cur    *etagfs.Info // the state that is there, for whoever asks for more than a sentence; nil for none
	locks  []lock.Lock  // the locks that stand against it; nil for none
	cause  error        // for the log; may be nil
}

func (e *statusError) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return e.say
}

func (e *statusError) Unwrap() error { return e.cause }

// clientGone is logged where the client left before the answer; nobody will read it.
const clientGone = 499

// causes says how errors of the tree are answered; read is the answer where only looking was asked.
// The order matters only where an error wraps two sentinels.
var causes = []struct {
	err         error
	read, write int
	say         string
}{
	{context.Canceled, clientGone, clientGone, "The request was given up."},
	{context.DeadlineExceeded, 503, 503, "The server took too long; try again."},
	{etagfs.ErrQuota, 507, 507, "There is no room for it within the quota of this share; nothing was changed."},
	{fs.ErrNoSpace, 507, 507, "There is no space left for it; nothing was changed."},
	{state.ErrTooLarge, 507, 507, "These are more dead properties than the server keeps; nothing was changed."},
	{fs.ErrTooLarge, 413, 413, "The file system cannot hold such a large file; nothing was changed."},
	{fs.ErrReadOnly, 403, 403, "The file system is read-only."},
	{fs.ErrNameTooLong, 414, 414, "The name is too long for the file system."},
	{fs.ErrBadName, 400, 400, "The file system does not allow this name."},
	{fs.ErrSpelling, 404, 409, "The file system takes this name for an existing one that differs only in upper and lower case; nothing was changed, use the existing one."},
	{fs.ErrBusy, 503, 503, "Another program has the file open, or the way to it was being changed; nothing was changed, try again."},
	{fs.ErrTooManyOpen, 503, 503, "The server has too many files open; nothing was changed, try again."},
	{fs.ErrCrossDevice, 502, 502, "Source and destination are on different file systems; nothing was changed, use COPY and DELETE."},
	{fs.ErrNotEmpty, 409, 409, "The file system cannot remove this collection in one step while it has members; nothing was changed, remove them first."},
	{errChanged, 503, 503, "Another program is changing the file just now; try again."},
	{fs.ErrIsDir, 405, 405, "This is a collection."},
	{fs.ErrLoop, 404, 403, "A symbolic link on the way leads in circles."},
	{fs.ErrRelink, 403, 403, "This is a symbolic link that would lead elsewhere from there; nothing was changed."},
	{fs.ErrSpecial, 404, 403, "This is neither a file nor a collection that can be served."},
	{fs.ErrNotDir, 404, 409, "A parent of this URL is not a collection."},
	{iofs.ErrPermission, 403, 403, "The server has no permission to do this; nothing was changed."},
	{iofs.ErrExist, 405, 405, "Something is mapped to this URL already."},
	{iofs.ErrNotExist, 404, 404, "There is nothing at this URL."},
}

// noRoom are the elements of DAV:error where there is no room. RFC 4331 §6.
var noRoom = map[error]string{
	etagfs.ErrQuota: "<D:quota-not-exceeded/>",
	fs.ErrNoSpace:   "<D:sufficient-disk-space/>",
}

// answer writes the answer for an error that a method returned. When the answer has begun already, the
// connection is cut, so that nobody takes the part for the whole.
func (h *Handler) answer(w *response, r *http.Request, err error) {
	e := h.statusOf(r, err)
	w.why = e.Error()
	if e.status >= 500 && !errors.Is(err, etagfs.ErrQuota) { // which is the client's news
		w.failure = err
		e = e.quoting(w.id)
	}
	// The disk is full, or is not written to any more, as after a fault of it: clients alone would know.
	w.warn = errors.Is(err, fs.ErrNoSpace) || errors.Is(err, fs.ErrReadOnly) && !h.fs.Features().ReadOnly
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	for _, key := range []string{"Content-Language", "Content-Location", "Preference-Applied"} {
		delete(w.Header(), key) // it is of the answer that there was to be
	}
	for key, values := range e.header {
		w.Header()[key] = values
	}
	if e.status == http.StatusMethodNotAllowed {
		set(w, "Allow", h.allowedBut(r.Method))
	}
	endRefused(w, r, e.status)
	if !h.withRepresentation(w, r, e) {
		h.explain(w, r, e)
	}
}

// statusOf finds the answer for err.
func (h *Handler) statusOf(r *http.Request, err error) *statusError {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*refusal](err); ok {
		return h.refused(r, e)
	}
	if e, ok := errors.AsType[*needsCondition](err); ok {
		return h.precondRequired(e)
	}
	if e, ok := errors.AsType[*etagfs.AfterError](err); ok {
		return &statusError{status: 500, cause: e,
			say: "The change was made, but it is not certain that it would survive a power cut; look before you repeat it."}
	}
	if e, ok := errors.AsType[*etagfs.BodyError](err); ok {
		return brokenBody(r, e)
	}
	for _, c := range causes {
		if errors.Is(err, c.err) {
			status := c.write
			if readMethods[r.Method] {
				status = c.read
			}
			e := &statusError{status: status, say: c.say, dav: noRoom[c.err], cause: err}
			if status == http.StatusServiceUnavailable {
				e.header = http.Header{"Retry-After": {"1"}}
			}
			return e
		}
	}
	return &statusError{status: 500, say: "Something went wrong in the server; its log says what.", cause: err}
}

// brokenBody is the answer to a request whose content did not arrive whole. Mostly nobody is left to
// read it.
func brokenBody(r *http.Request, err error) *statusError {
	if errors.Is(err, os.ErrDeadlineExceeded) { // the listener's idle time; net/http takes it for the end of the request, too
		return &statusError{status: http.StatusRequestTimeout, say: "No content came for too long; nothing was changed.", cause: err,
			header: last(r)}
	}
	if r.Context().Err() != nil {
		return &statusError{status: clientGone, say: "The request was given up; nothing was changed.", cause: err}
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e.Limit)
	}
	return &statusError{status: 400, say: "The content did not arrive whole; nothing was changed.", cause: err, header: last(r)}
}

// last has the connection end with the answer. One of HTTP/2 has other requests, which would end as well.
func last(r *http.Request) http.Header {
	if r.ProtoMajor != 1 {
		return nil
	}
	return http.Header{"Connection": {"close"}}
}

// isUnmapped tells whether err means that no resource is mapped to a URL, here or above it. What was found
// after a change was made does not.
func isUnmapped(err error) bool {
	if _, made := errors.AsType[*etagfs.AfterError](err); made {
		return false
	}
	return errors.Is(err, iofs.ErrNotExist) || errors.Is(err, fs.ErrNotDir)
}

func methodNotAllowed(say string) error {
	return &statusError{status: http.StatusMethodNotAllowed, say: say}
}
