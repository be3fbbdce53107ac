package handler

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// put makes the content of the request the representation of the resource. RFC 9110 §9.3.4.
func (h *Handler) put(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	if err := h.refuseUpload(r); err != nil {
		return err
	}
	var before *etagfs.Info
	decide := write.Check
	write.Check = func(cur *etagfs.Info) error {
		before = copied(cur)
		if err := collectionNoPut(t, cur); err != nil {
			return err
		}
		return decide(cur)
	}
	// The early check: no content is asked for (100 Continue) when it would be in vain.
	cur, err := h.early(r, t, write)
	again := repeated(r, err)
	if err != nil && again == nil {
		return err
	}
	real := ""
	if cur != nil {
		real = cur.Name
	} else if real, err = h.place(t.name); err != nil {
		return err
	}
	body, size, err := h.body(r, again)
	if err != nil {
		return err
	}
	modTime := chosenModTime(r.Header)
	info, created, err := h.fs.Put(r.Context(), t.name, body, etagfs.PutOptions{Write: h.fresh(t, real, nil, write), ModTime: modTime, Real: real, SizeBytes: size})
	if err != nil {
		return h.parentGone(t.name, write.Check, err)
	}
	h.writers.wrote(info, h.writerOf(r))
	h.overwritten(r, before)
	if !modTime.IsZero() && seconds(info) == modTime.Unix() { // some file systems end in 2038
		set(w, "X-Oc-Mtime", "accepted")
	}
	h.stored(w, t.name, info, created)
	return nil
}

// repeated is a refusal that could be that of a request which was carried out before and whose answer was
// lost: If-Match names an older state, and the content may have the size of what is stored now. Then it is read, no
// further than that size, and the check at the commit compares the bytes. RFC 9110 §13.1.1. nil: refused is certain.
func repeated(r *http.Request, refused error) *refusal {
	no, ok := refused.(*refusal)
	if !ok || no.field != "If-Match" || no.final || no.cur == nil || no.cur.Digest == nil {
		return nil
	}
	if r.ContentLength >= 0 && r.ContentLength != no.cur.SizeBytes {
		return nil
	}
	return no
}

// chosenModTime is the modification time that rclone and ownCloud's clients send along, in seconds since
// 1970; zero when there is none that makes sense.
func chosenModTime(h http.Header) time.Time {
	whole, fraction, found := strings.Cut(h.Get("X-Oc-Mtime"), ".")
	sec, err := strconv.ParseUint(whole, 10, 40)
	if err != nil || found && (fraction == "" || strings.Trim(fraction, "0123456789") != "") {
		return time.Time{}
	}
	if t := time.Unix(int64(sec), 0); sec > 0 && keepsTime(t) {
		return t
	}
	return time.Time{}
}

// refuseUpload refuses by the header alone what could never be stored.
func (h *Handler) refuseUpload(r *http.Request) error {
	// RFC 9110 §14.5: a part must not become the whole. lftp, which goes on so after a broken connection, says in Range what
	// belongs into Content-Range, and what is no Range by its form; a real one means nothing here (§14.2).
	if r.Header["Content-Range"] != nil || strings.Contains(joined(r.Header["Range"]), "/") {
		return &statusError{status: http.StatusBadRequest, say: "PUT with Content-Range is not supported: send the whole representation."}
	}
	if coded(r) { // stored so, and served as if it were not, it would be another representation
		return errCoded
	}
	if !r.ProtoAtLeast(1, 1) && r.Header["Content-Length"] == nil {
		// RFC 1945 §8.3, RFC 9112 §6.1. Chunks, or all that comes until the connection ends, are no content of such a
		// request to net/http: a representation would be overwritten with nothing.
		return &statusError{status: http.StatusLengthRequired, header: http.Header{"Connection": {"close"}},
			say: "A PUT in HTTP/1.0 must have Content-Length. Nothing was changed."}
	}
	if max := h.opts.MaxUploadBytes; max > 0 && r.ContentLength > max {
		return tooLarge(max)
	}
	return nil
}

// coded tells whether the content of a request has a coding, which this server does not take off.
func coded(r *http.Request) bool {
	c := joined(r.Header["Content-Encoding"])
	return c != "" && !strings.EqualFold(c, "identity")
}

// errCoded is the answer then. RFC 9110 §15.5.16.
var errCoded = &statusError{status: http.StatusUnsupportedMediaType, header: http.Header{"Accept-Encoding": {"identity"}},
	say: "Content codings are not supported: send the content as it is."}

// place is the real name of what is to be created at an unmapped URL; an error is the early answer for a missing parent,
// or for what is no resource and has the name, which the commit would find as well.
func (h *Handler) place(name string) (string, error) {
	real, err := h.fs.Real(name)
	if isUnmapped(err) {
		return "", h.noPlace(name, err)
	}
	if err != nil {
		return "", err
	}
	return real, h.fs.Vacant(real)
}

// placeNow is the place of name under the latch: real was that of a moment ago ("": not known), and a link that was on the way
// may lead elsewhere by now.
func (h *Handler) placeNow(name, real string) (string, error) {
	if name == real {
		return real, nil
	}
	return h.fs.Real(name)
}

// parentExists is nil, or the answer for a missing parent.
func (h *Handler) parentExists(name string) error {
	parent, err := h.fs.Stat(path.Dir(name))
	switch {
	case isUnmapped(err):
		return noParent(err)
	case err != nil:
		return err
	case !parent.IsCollection():
		return noParent(fs.ErrNotDir)
	}
	return nil
}

// collectionNoPut refuses a PUT to what is a collection or is spelled like one.
func collectionNoPut(t target, cur *etagfs.Info) error {
	if cur != nil && cur.IsCollection() {
		return methodNotAllowed("This is a collection; PUT its members instead.")
	}
	if cur == nil && t.slash {
		return &statusError{status: http.StatusConflict, say: "A URL that ends with a slash names a collection: use MKCOL, or leave the slash out."}
	}
	return nil
}

// body is the content of the request, checked for what the header promised; the size is -1 when it does not say.
// again is nil, or what repeated returned.
func (h *Handler) body(r *http.Request, again *refusal) (body io.Reader, sizeBytes int64, err error) {
	b := &upload{from: r.Body, max: h.opts.MaxUploadBytes, want: r.ContentLength, again: again}
	if v := r.Header.Get("X-Expected-Entity-Length"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 || b.want >= 0 && b.want != n {
			return nil, 0, &statusError{status: http.StatusBadRequest, say: "X-Expected-Entity-Length and Content-Length do not agree."}
		}
		b.want = n
	}
	digests, err := promisedDigests(r.Header)
	if err != nil {
		return nil, 0, err
	}
	return verify(b, digests, r.Trailer), b.want, nil
}

// upload reads the content of a request. It fails when that is too large, or is not of the length that was
// promised. That something comes at all is the listener's care.
type upload struct {
	from io.Reader
	read int64
	max  int64 // 0: no bound
	want int64 // -1: not promised

	again *refusal // it is refused so when it is larger than what is stored; nil: it is not
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	u.read += int64(n)
	switch {
	case u.again != nil && u.read > u.again.cur.SizeBytes:
		return n, u.again
	case u.max > 0 && u.read > u.max:
		return n, tooLarge(u.max)
	case u.want >= 0 && (u.read > u.want || err == io.EOF && u.read < u.want):
		return n, fmt.Errorf("%d bytes promised, %d came: %w", u.want, u.read, io.ErrUnexpectedEOF)
	}
	return n, err
}

// stored is the answer when what is at name has become info: 201 with Location or 204, always with the validators of now.
func (h *Handler) stored(w http.ResponseWriter, name string, info *etagfs.Info, created bool) {
	h.setStored(w, name, info, created)
	if !created {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	set(w, "Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

// setStored sets the fields of stored.
func (h *Handler) setStored(w http.ResponseWriter, name string, info *etagfs.Info, created bool) {
	h.setValidators(w, info)
	if created {
		set(w, "Location", h.href(name, info.IsCollection()))
	}
}

func tooLarge(max int64) *statusError {
	return &statusError{status: http.StatusRequestEntityTooLarge, say: fmt.Sprintf("The content is larger than the %d bytes that this server takes; nothing was changed.", max)}
}
