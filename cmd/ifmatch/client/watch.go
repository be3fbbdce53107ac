package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// maxWait is the longest time between two questions while a server does not answer.
const maxWait = time.Minute

// Watch tells the state and each new one until ctx is done or tell returns false. It looks when the server reports
// a change, and at intervals while it reports none. While the server cannot be reached or answers 5xx or 429 it waits
// longer, and tells the error once. Errors: *StatusError for an answer that asking again will not change; *Refusal for a
// resource whose changes nothing tells.
func (c *Client) Watch(ctx context.Context, u *url.URL, interval time.Duration, tell func(State, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last *State
	reports, live := c.follow(ctx, u), false
	failed, wait := false, interval
	for {
		s, unchanged, err := c.head(ctx, u, unless(last))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !passing(err):
			return err
		case err != nil:
			if !failed && !tell(s, err) {
				return nil
			}
			failed, wait = true, min(2*wait, max(maxWait, interval))
		default:
			failed, wait = false, interval
			if s.Mapped && !unchanged && s.ETag == "" && s.Modified.IsZero() {
				return refuse("%s has neither ETag nor Last-Modified, so nothing tells when it changes; a collection has none", u.Redacted())
			}
			if unchanged || last != nil && same(*last, s) {
				break
			}
			if !tell(s, nil) {
				return nil
			}
			last = &s
		}
		var again <-chan time.Time
		if !live || failed {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case says, open := <-reports:
			live = says
			if !open {
				reports = nil // it has no events: ask
			}
		case <-again:
		}
	}
}

// unless is the condition that the state is another one than last.
func unless(last *State) Condition {
	if last == nil {
		return Condition{}
	}
	return Condition{IfNoneMatch: last.ETag}
}

// same compares states by their tags, and without tags by what else there is.
func same(a, b State) bool {
	if a.Mapped != b.Mapped || a.ETag != b.ETag {
		return false
	}
	return a.ETag != "" || a.SizeBytes == b.SizeBytes && a.Modified.Equal(b.Modified)
}

// passing tells whether the same question may get another answer later.
func passing(err error) bool {
	e, ok := errors.AsType[*StatusError](err)
	return !ok || e.Status >= 500 && e.Status != http.StatusNotImplemented || e.Status == http.StatusTooManyRequests
}
