package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Remove deletes a resource in the state that a HEAD shows; seeing is told that state before the DELETE is sent.
// Without force it refuses a file without a strong tag. A collection (listed as one, or a URL that ends with a
// slash) is removed with all its members only when recursive is set; where the server asks for a condition, unless
// members came or went meanwhile. Errors: *Refusal, *StatusError.
func (c *Client) Remove(ctx context.Context, u *url.URL, recursive, force bool, seeing func(State)) error {
	s, err := c.look(ctx, u)
	if err != nil {
		return err
	}
	if !s.Mapped {
		return &StatusError{Method: http.MethodDelete, URL: u.Redacted(), Status: http.StatusNotFound}
	}
	tag := ""
	switch {
	case s.Collection && !recursive:
		return refuse("%s is a collection; --recursive deletes it with everything in it", u.Redacted())
	case s.Strong():
		tag = s.ETag
	case !s.Collection && !force:
		return refuse("%s has no strong ETag (%v), so it cannot be deleted safely; --force deletes it", u.Redacted(), s)
	case !s.Collection:
		tag = "*" // a server may ask for a condition
	}
	seeing(s)
	res, err := c.delete(ctx, u, "If-Match", tag)
	if s.Collection && !s.Modified.IsZero() && isStatus(err, http.StatusPreconditionRequired) {
		// It has no ETag to name, and its time tells of its members. Others answer 412 to that: Apache knows no time of it.
		res, err = c.delete(ctx, u, "If-Unmodified-Since", s.Modified.UTC().Format(http.TimeFormat))
	}
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusMultiStatus {
		// RFC 4918 §9.6.1: some members could not be deleted, so neither could their collections.
		defer res.Body.Close()
		return &StatusError{Method: http.MethodDelete, URL: u.Redacted(), Status: res.StatusCode, Says: "some members are still there"}
	}
	drain(res)
	return nil
}

// delete sends a DELETE of the state that a header field names; "": whatever it is.
func (c *Client) delete(ctx context.Context, u *url.URL, field, state string) (*http.Response, error) {
	r, err := c.Request(ctx, http.MethodDelete, u, nil)
	if err != nil {
		return nil, err
	}
	if state != "" {
		r.Header.Set(field, state)
	}
	return c.do(r)
}

// look is head that knows collections.
func (c *Client) look(ctx context.Context, u *url.URL) (State, error) {
	if list, err := c.list(ctx, u, "0"); err == nil && len(list) == 1 && list[0].Collection {
		return list[0].State, nil
	}
	s, err := c.settled(ctx, u)
	s.Collection = s.Mapped && strings.HasSuffix(u.Path, "/")
	return s, err
}
