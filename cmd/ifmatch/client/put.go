package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
)

// Outcome says what a write did.
type Outcome struct {
	Created bool
	ETag    string
}

// Put copies a local file to a URL. It asks for the state first. An unmapped URL is created and never overwritten; a
// mapped one is overwritten only in the state that is remembered for this URL and file. With force it overwrites what
// it has seen in that first answer, no matter what is remembered; seeing is told that state before anything is sent.
// Errors: *Refusal, *StatusError.
func (c *Client) Put(ctx context.Context, u *url.URL, file string, force bool, seeing func(State)) (Outcome, error) {
	f, fi, err := openFile(file)
	if err != nil {
		return Outcome{}, err
	}
	defer f.Close()
	before, err := c.settled(ctx, u)
	if err != nil {
		return Outcome{}, err
	}
	if before.Mapped && before.ETag == "" {
		if now, err := c.look(ctx, u); err == nil && now.Collection {
			return Outcome{}, refuse("%s is a collection; with a slash behind it, %s is saved in it", u.Redacted(), file)
		}
	}
	seeing(before)
	cond, err := c.permit(u, file, before, force)
	if err != nil {
		return Outcome{}, err
	}
	h := sha256.New()
	out, err := c.store(ctx, u, cond, io.TeeReader(f, h), fi.Size(), typeOf(u))
	if err != nil {
		return out, err
	}
	if out.ETag == "" {
		out.ETag = c.tagOf(ctx, u, h.Sum(nil))
	}
	return out, c.Memory.remember(u, file, out.ETag, h.Sum(nil))
}

// openFile opens a local file. It looks before, since to open a pipe is to wait for whoever is at its other end.
func openFile(name string) (*os.File, iofs.FileInfo, error) {
	if fi, err := os.Stat(name); err == nil && !fi.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
	}
	return f, fi, err
}

// permit finds the condition under which the file may become the representation.
func (c *Client) permit(u *url.URL, file string, now State, force bool) (Condition, error) {
	if !now.Mapped {
		return Condition{IfNoneMatch: "*"}, nil
	}
	if force && now.Strong() {
		return Condition{IfMatch: now.ETag}, nil
	}
	if force {
		return Condition{IfMatch: "*"}, nil // a server may ask for a condition
	}
	memo, known, err := c.Memory.recall(u, file)
	switch {
	case err != nil:
		return Condition{}, err
	case !known:
		return Condition{}, refuse("%s exists (%v) and %s was not made from it; get it first, or overwrite it with --force", u.Redacted(), now, file)
	case !now.Strong():
		return Condition{}, refuse("%s has no strong ETag now (%v), so it cannot be overwritten safely; --force overwrites it", u.Redacted(), now)
	case !weaklyEqual(now.ETag, memo.ETag): // that of the same state may have been weak still
		return Condition{}, refuse("%s has changed since you fetched it (now %v); merge, or overwrite it with --force", u.Redacted(), now)
	}
	return Condition{IfMatch: now.ETag}, nil
}

// store sends one PUT. An ETag of the answer is in the outcome. Errors: *StatusError.
func (c *Client) store(ctx context.Context, u *url.URL, cond Condition, body io.Reader, sizeBytes int64, contentType string) (Outcome, error) {
	done := c.progress("sending", sizeBytes)
	defer done.Close()
	r, err := c.Request(ctx, http.MethodPut, u, io.TeeReader(body, done))
	if err != nil {
		return Outcome{}, err
	}
	cond.set(r.Header)
	r.ContentLength = sizeBytes
	if sizeBytes == 0 {
		r.Body = http.NoBody // zero with a body would mean that the length is not known
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if sizeBytes > 64<<10 {
		r.Header.Set("Expect", "100-continue") // a doomed upload costs one round trip
	}
	res, err := c.do(r)
	if err != nil {
		if _, answered := errors.AsType[*StatusError](err); !answered {
			err = fmt.Errorf("%w; whether it was saved is not known: look before you try again", err)
		}
		return Outcome{}, err
	}
	drain(res)
	return Outcome{Created: res.StatusCode == http.StatusCreated, ETag: res.Header.Get("ETag")}, nil
}

// tagOf finds the tag of what was just stored when the answer had none. The next HEAD may already show the state that
// somebody else made, so the bytes are looked at; "" says that they are not ours or that there is no tag.
func (c *Client) tagOf(ctx context.Context, u *url.URL, sum []byte) string {
	h := sha256.New()
	s, _, err := c.Fetch(ctx, u, Condition{}, h)
	if err != nil || !bytes.Equal(h.Sum(nil), sum) {
		return ""
	}
	return s.ETag
}

// typeOf is the media type that the name suggests, or nothing: the server may know better.
func typeOf(u *url.URL) string { return mime.TypeByExtension(path.Ext(u.Path)) }
