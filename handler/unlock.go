package handler

import (
	"net/http"
	"strings"
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
	if _, err := h.early(r, t, write); err != nil {
		return err
	}
	err = h.locks.Unlock(h.opts.Now(), h.lockName(r.Method, t), token, User(r.Context()))
	if err != nil {
		return lockUse(http.StatusConflict, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
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
