package handler

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"ifmatch/etagfs"
	"ifmatch/handler/lock"
)

// What a refusal tells of the state that is there: the current entity-tag, size and time, who changed it last where
// that is known, and who holds a lock.

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
		switch tag := e.cur.Tag; {
		case tag.Weak:
			say += " " + getAgain
		case !tag.IsZero():
			say += " Get it, merge your change, and save with If-Match: " + tag.String() + "."
		}
	}
	return &statusError{status: http.StatusPreconditionFailed, say: say, header: h.validators(e.cur), cur: e.cur, cause: e}
}

// getAgain is how to go on from a weak tag, which If-Match never matches.
const getAgain = "It was changed a moment ago, so its ETag is still weak: get it again in a moment."

// precondRequired is 428 (RFC 6585 §3), showing the header fields to send. A collection has no ETag, but its times tell
// of its members.
func (h *Handler) precondRequired(e *needsCondition) *statusError {
	say := "This server requires every write to say which state it changes. Nothing was changed. " + h.describe(e.cur)
	tag := "\"the ETag that you have read\""
	switch {
	case e.cur.Tag.Weak:
		say += " " + getAgain
	case !e.cur.Tag.IsZero():
		tag = e.cur.Tag.String()
	}
	if e.cur.IsCollection() {
		say += "\nTo delete it only if no member was added, removed or renamed since, send\n  If-Unmodified-Since: " + h.lastModified(e.cur)
	} else {
		say += "\nTo replace or delete the state that you have read, send\n  If-Match: " + tag +
			"\nTo create only if nothing is there, send\n  If-None-Match: *"
	}
	return &statusError{status: http.StatusPreconditionRequired, say: say, header: h.validators(e.cur), cur: e.cur, cause: e}
}

// describe says in one sentence what is at the URL now.
func (h *Handler) describe(cur *etagfs.Info) string {
	at := cur.ModTime().UTC().Format(time.RFC3339)
	if cur.IsCollection() {
		return "There is a collection, changed " + at + "."
	}
	s := fmt.Sprintf("The current state has ETag %s, %d bytes, changed %s", cur.Tag, cur.SizeBytes, at)
	if user := h.writers.last(cur).user; user != "" {
		s += " by " + user
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
	if user := h.writers.last(cur).user; user != "" {
		m["lastModifiedBy"] = user
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

// setValidators sets those of cur.
func (h *Handler) setValidators(w http.ResponseWriter, cur *etagfs.Info) {
	if !cur.Tag.IsZero() {
		set(w, "Etag", cur.Tag.String())
	}
	set(w, "Last-Modified", h.lastModified(cur))
}

// lastModified is never later than the answer itself (RFC 9110 §8.8.2.1), whatever touch -d did.
func (h *Handler) lastModified(cur *etagfs.Info) string {
	var room [32]byte
	return string(appendHTTPDate(room[:0], min(cur.Mtime, h.opts.Now().UnixNano())))
}

// appendState appends properties of the current state and its locks.
func (h *Handler) appendState(dst []byte, e *statusError) []byte {
	if e.cur != nil {
		l := liveResource{h: h, info: e.cur, now: h.opts.Now()}
		for _, p := range []liveProp{propETag, propContentLength, propLastModified} {
			dst, _ = l.appendTo(dst, p)
		}
	}
	if len(e.locks) > 0 {
		dst = h.appendLockDiscovery(dst, e.locks, h.opts.Now())
	}
	return dst
}

// holder says in a few words who holds a lock.
func holder(l *lock.Lock) string {
	if l.User != "" {
		return l.User
	}
	if owner := l.OwnerText(); owner != "" {
		return owner
	}
	return "somebody"
}

// lockMembers are what problem details tell of locks. Their tokens are nobody else's.
func (h *Handler) lockMembers(locks []lock.Lock) (all []map[string]any) {
	for i := range locks {
		l := &locks[i]
		all = append(all, map[string]any{"owner": holder(l), "root": h.href(l.Root, h.isCollection(l.Root)),
			"shared": l.Shared, "infinite": l.Infinite, "expires": l.Expires.UTC().Format(time.RFC3339)})
	}
	return all
}

// describeLocks says who holds the locks and until when, as a part of a sentence: "by Eva until …".
func describeLocks(locks []lock.Lock) string {
	var parts []string
	for i := range locks[:min(len(locks), 3)] {
		parts = append(parts, holder(&locks[i])+" until "+locks[i].Expires.UTC().Format(time.RFC3339))
	}
	if more := len(locks) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	if len(parts) == 0 {
		return "" // they ended this moment
	}
	return " by " + strings.Join(parts, " and ")
}
