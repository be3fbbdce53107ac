package handler

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// get answers GET and HEAD. RFC 9110 §9.3.1, §9.3.2. The file is opened only when its bytes are
// wanted: a HEAD and a 304 cost one stat, unless that leaves it open whether a GET would be 403. Then so are they, and
// preconditions are ignored (RFC 9110 §13.2.1).
func (h *Handler) get(w http.ResponseWriter, r *http.Request) error {
	if done, err := h.forPeople(w, r); done {
		return err
	}
	t, err := h.target(r)
	if err != nil {
		return err
	}
	pre := parsePreconditions(r.Header, h.opts.ProxyTags)
	if r.Method == http.MethodHead || pre.ifNoneMatch.present || pre.ifModifiedSince.ok {
		cur, err := h.stat(r, t.name, pre.tagged() || r.Header["If"] != nil)
		if err != nil {
			return readError(err)
		}
		// A tag that is not known yet is found by opening.
		if cur.IsCollection() || !cur.Tag.IsZero() && !cur.Shut {
			done, err := h.decideRead(w, r, t, &pre, cur)
			if done || err != nil {
				return err
			}
		}
	}
	for try := 0; ; try++ {
		err := h.getOpened(w, r, t, &pre, try == 3)
		if try == 3 || !errors.Is(err, errChanged) {
			return err
		}
	}
}

// getOpened is a GET whose bytes are wanted. It fails with errChanged, before anything is sent, when a
// small file is changed in place while it is read, or loses its name; the last time, that one is sent all the same.
func (h *Handler) getOpened(w http.ResponseWriter, r *http.Request, t target, pre *preconditions, last bool) error {
	f, err := h.open(r, t.name)
	if errors.Is(err, fs.ErrIsDir) {
		cur, err := h.fs.Stat(t.name)
		if err != nil {
			return readError(err)
		}
		if cur.IsCollection() {
			_, err = h.decideRead(w, r, t, pre, cur)
			return err
		}
		return errNoResource // it changed its kind between two looks
	}
	if err != nil {
		return readError(err)
	}
	return h.getFile(w, r, t, pre, f, last)
}

// stat is the state of a resource. What decides by entity-tags waits until a file of any size is hashed.
func (h *Handler) stat(r *http.Request, name string, tagged bool) (*etagfs.Info, error) {
	if tagged {
		return h.fs.StatTagged(r.Context(), name)
	}
	return h.fs.Stat(name)
}

// open opens a representation. Who gets the bytes may save them again, and needs the entity-tag for that; HEAD does
// not wait for a large file.
func (h *Handler) open(r *http.Request, name string) (*etagfs.File, error) {
	if r.Method == http.MethodHead {
		return h.fs.Open(name)
	}
	return h.fs.OpenTagged(r.Context(), name)
}

// decideRead answers as far as the state alone allows: the index of a collection, 304, HEAD. done is
// false when the bytes are wanted.
func (h *Handler) decideRead(w http.ResponseWriter, r *http.Request, t target, pre *preconditions, cur *etagfs.Info) (done bool, err error) {
	if t.slash && !cur.IsCollection() {
		return true, errNotCollection
	}
	if cur.IsCollection() && cur.Shut {
		if err := h.listable(t.name); err != nil {
			return true, readError(err)
		}
	}
	if err := h.readCondition(r, t, cur); err != nil {
		return true, err
	}
	switch err := pre.evaluate(r.Method, cur); {
	case err == errNotModified:
		h.notModified(w, r, t, cur)
		return true, nil
	case err != nil:
		return true, err
	case cur.IsCollection():
		return true, h.index(w, r, t, cur)
	case r.Method == http.MethodHead:
		offerDigest(w, r, cur)
		h.head(w, r, t, cur)
		return true, nil
	}
	return false, nil
}

// listable tells whether the members of a collection may be read, which is what a GET begins with. It reads no more than the first.
func (h *Handler) listable(name string) error {
	found := errors.New("one will do")
	if err := h.list(name, func(string, *etagfs.Info) error { return found }); err != found {
		return err
	}
	return nil
}

// getFile sends an open representation and closes it. Its descriptor supplied bytes and tag, so
// preconditions are decided on exactly what is sent.
func (h *Handler) getFile(w http.ResponseWriter, r *http.Request, t target, pre *preconditions, f *etagfs.File, last bool) error {
	defer f.Close()
	done, err := h.decideRead(w, r, t, pre, f.State())
	if done || err != nil {
		return err
	}
	c, err := contentOf(f)
	if err != nil {
		return err
	}
	defer c.free()
	if c.anew && !last {
		return errChanged
	}
	return h.serveContent(w, r, t, f.State(), c)
}

// head tells the fields that a GET without a Range would have: RFC 9110 §14.2 defines Range for GET
// alone, so clients learn the whole size.
func (h *Handler) head(w http.ResponseWriter, r *http.Request, t target, cur *etagfs.Info) {
	h.setMetadata(w, r, cur)
	h.setType(w, t.name)
	set(w, "Accept-Ranges", "bytes")
	set(w, "Content-Length", strconv.FormatInt(cur.SizeBytes, 10))
	w.WriteHeader(http.StatusOK)
}

// serveContent has http.ServeContent answer with c. Preconditions are decided; it sees the Range only,
// and that only when If-Range holds.
func (h *Handler) serveContent(w http.ResponseWriter, r *http.Request, t target, cur *etagfs.Info, c *content) error {
	asked, err := h.rangeOf(r, cur)
	if err != nil {
		return err
	}
	h.setMetadata(w, r, cur)
	h.setType(w, t.name)
	offerDigest(w, r, cur)
	http.ServeContent(w, asked, "", time.Time{}, c)
	if c.failure() != nil {
		panic(http.ErrAbortHandler) // cut off: the bytes are not those of the tag that was sent
	}
	return nil
}

// notModified is 304 with the fields of RFC 9110 §15.4.5, and the language for who has stored another one: it changes
// without the tag.
func (h *Handler) notModified(w http.ResponseWriter, r *http.Request, t target, cur *etagfs.Info) {
	if cur.IsCollection() {
		h.setIndexMetadata(w, r, t, cur)
	} else {
		h.setMetadata(w, r, cur)
	}
	w.WriteHeader(http.StatusNotModified)
}

// setType says what a representation is, and what a browser must not take it for.
func (h *Handler) setType(w http.ResponseWriter, name string) {
	kind := contentType(name)
	set(w, "Content-Type", kind)
	set(w, "X-Content-Type-Options", "nosniff")
	h.harmless(w, kind)
}

// cacheControl of representations: ask before reuse, and no proxy may change the bytes that an entity-tag stands for. Nor may one
// keep them: Apache's mod_cache and Squid pass a client's own If-None-Match on, and take the 304 for one about the bytes that
// they have. From then on they would serve old bytes under the new tag, and who saves with it would lose an edit.
func cacheControl(r *http.Request) string {
	if r.Header["Via"] != nil || r.Header["X-Forwarded-For"] != nil || r.Header["Forwarded"] != nil {
		return "private, no-cache, no-transform"
	}
	return "no-cache, no-transform"
}

// setMetadata tells of a representation what does not follow from its name.
func (h *Handler) setMetadata(w http.ResponseWriter, r *http.Request, cur *etagfs.Info) {
	h.setValidators(w, cur)
	set(w, "Cache-Control", cacheControl(r))
	h.setLanguage(w, cur.Name)
}

// readError makes every way of not being there the same 404.
func readError(err error) error {
	if isUnmapped(err) {
		return errNoResource
	}
	return err
}
