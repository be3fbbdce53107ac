package handler

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// unlock ends the lock whose token is in Lock-Token, through any URL in its scope. RFC 4918 §9.11.
func (h *Handler) unlock(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	token, ok := codedURL(r.Header["Lock-Token"])
	if !ok {
		return &statusError{status: http.StatusBadRequest, say: "UNLOCK needs one Lock-Token, in angle brackets: Lock-Token: <urn:uuid:...>."}
	}
	err = h.useLock(r, t, write, func(p lock.Place) error {
		return h.locks.Unlock(h.opts.Now(), p, token, User(r.Context()))
	})
	if err != nil {
		return lockUse(http.StatusConflict, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// useLock does something to a lock that covers t, through the place of t, when write accepts the state of t. Both are under
// the latch: else a write that submits the token could come between, after the state that was accepted and before the
// lock ends. A lock can cover a URL where nothing can come to be, since its parent is gone or it is what is not
// served: such a state needs no latch to stay.
// Errors: those of write and use.
func (h *Handler) useLock(r *http.Request, t target, write etagfs.Write, use func(p lock.Place) error) error {
	if _, err := h.early(r, t, write); err != nil {
		return err
	}
	used := false
	write.Then = func(cur *etagfs.Info) error {
		used = true
		return use(h.lockPlace(r.Method, t.name, cur))
	}
	_, err := h.fs.Update(r.Context(), t.name, time.Time{}, write)
	if used || !isUnmapped(err) && !errors.Is(err, fs.ErrSpecial) && !errors.Is(err, fs.ErrLoop) {
		return err
	}
	if err := write.Check(nil); err != nil {
		return err
	}
	return write.Then(nil)
}

// codedURL reads the value of Lock-Token. RFC 4918 §10.1, §10.5.
func codedURL(lines []string) (token string, ok bool) {
	if len(lines) != 1 {
		return "", false
	}
	s, opens := strings.CutPrefix(strings.TrimSpace(lines[0]), "<")
	s, closes := strings.CutSuffix(s, ">")
	return s, opens && closes && absoluteURI(s) && !strings.ContainsAny(s, " <>\"")
}
