package handler

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ifmatch/etagfs"
	"ifmatch/handler/lock"
)

// refresh lets the lock whose token is among those of the If header end later. RFC 4918 §9.10.2.
func (h *Handler) refresh(w http.ResponseWriter, r *http.Request, t target, write etagfs.Write, tokens []string, timeout time.Duration) error {
	if len(tokens) == 0 {
		return &statusError{status: http.StatusBadRequest,
			say: "LOCK without a body refreshes a lock, and needs its token in an If header; a new lock needs a DAV:lockinfo body."}
	}
	var l lock.Lock
	var now time.Time
	err := h.useLock(r, t, write, func(p lock.Place) (err error) {
		now = h.opts.Now()
		l, err = h.refreshOne(now, p, tokens, User(r.Context()), timeout)
		return err
	})
	if refused, ok := errors.AsType[*refusal](err); ok && refused.field == "If" {
		return notThatLock(http.StatusPreconditionFailed, refused)
	}
	if err != nil {
		return lockUse(http.StatusPreconditionFailed, err)
	}
	return h.lockAnswer(w, http.StatusOK, &l, now)
}

// refreshOne lets the first lock with one of tokens that covers p end later.
func (h *Handler) refreshOne(now time.Time, p lock.Place, tokens []string, user string, timeout time.Duration) (l lock.Lock, err error) {
	if err := h.state.Overtake(p.Name); err != nil {
		return l, err
	}
	for _, token := range tokens {
		l, err = h.locks.Refresh(now, p, token, user, timeout)
		if !errors.Is(err, lock.ErrNoSuchLock) && !errors.Is(err, lock.ErrOutOfScope) {
			break
		}
	}
	return l, err
}

// lockUse is the answer where a lock could not be used through this URL; status is that of the method.
func lockUse(status int, err error) error {
	switch {
	case errors.Is(err, lock.ErrNotHolder):
		return &statusError{status: http.StatusForbidden, cause: err, say: "Somebody else holds this lock."}
	case errors.Is(err, lock.ErrNoSuchLock) || errors.Is(err, lock.ErrOutOfScope):
		return notThatLock(status, err)
	}
	return err
}

// notThatLock is the precondition lock-token-matches-request-uri. RFC 4918 §16.
func notThatLock(status int, cause error) error {
	return &statusError{status: status, cause: cause, dav: "<D:lock-token-matches-request-uri/>",
		say: "No lock with this token covers this URL; it may have expired."}
}

const (
	defaultLockTimeout = 10 * time.Minute
	minLockTimeout     = time.Second
	maxLockTimeout     = 24 * time.Hour
)

// lockTimeout is what a client gets that asks for these (RFC 4918 §10.7: a wish, the first one that the
// server likes): at least a second, at most a day, which is also what Infinite means.
func lockTimeout(lines []string) time.Duration {
	for wish := range strings.SplitSeq(joined(lines), ",") {
		wish = strings.ToLower(strings.TrimSpace(wish))
		if wish == "infinite" {
			return maxLockTimeout
		}
		seconds, ok := strings.CutPrefix(wish, "second-")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(seconds, 10, 64)
		switch {
		case n > uint64(maxLockTimeout/time.Second): // also what is out of range, which is the largest number there is then
			return maxLockTimeout
		case err == nil:
			return max(minLockTimeout, time.Duration(n)*time.Second)
		}
	}
	return defaultLockTimeout
}
