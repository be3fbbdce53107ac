package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	iofs "io/fs"
	"net/http"
	"net/url"
	"os"
)

// Get copies a resource into a local file and remembers its tag for Put. Without force it refuses to replace a file
// that is not as an earlier Get or Put left it. A file that is, is fetched only if the resource has changed since;
// unchanged tells. The file is replaced in one step, or not at all. Errors: *Refusal, *StatusError.
func (c *Client) Get(ctx context.Context, u *url.URL, file string, force bool) (s State, unchanged bool, err error) {
	memo, known, err := c.Memory.recall(u, file)
	if err != nil {
		return State{}, false, err
	}
	local, sum, err := sumFile(file)
	if err != nil {
		return State{}, false, err
	}
	own := known && local != nil && sum == memo.SHA256
	var cond Condition
	switch {
	case own:
		cond.IfNoneMatch = memo.ETag
	case local != nil && !force && !known:
		return State{}, false, refuse("%s exists and did not come from %s; --force replaces it", file, u.Redacted())
	case local != nil && !force:
		return State{}, false, refuse("%s has been changed here since it was fetched; put it, or replace it with --force", file)
	}
	h := sha256.New()
	err = ReplaceFile(file, 0o666, func(f *os.File) error {
		if s, unchanged, err = c.Fetch(ctx, u, cond, io.MultiWriter(f, h)); err != nil {
			return err
		}
		if unchanged {
			return errors.New("the old file stays")
		}
		if !sameFile(local, file) {
			return refuse("%s was changed here while %s was fetched; nothing was replaced", file, u.Redacted())
		}
		return nil
	})
	switch {
	case unchanged: // err says no more
		return s, true, nil
	case err != nil:
		return s, false, err
	}
	return s, false, c.Memory.remember(u, file, s.ETag, h.Sum(nil))
}

// Fetch writes the representation to w. With a condition, a 304 writes nothing and is no error. Errors: *StatusError;
// an answer that breaks off, when w has got a part.
func (c *Client) Fetch(ctx context.Context, u *url.URL, cond Condition, w io.Writer) (s State, unchanged bool, err error) {
	r, err := c.Request(ctx, http.MethodGet, u, nil)
	if err != nil {
		return State{}, false, err
	}
	cond.set(r.Header)
	res, err := c.do(r)
	if err != nil {
		return State{}, false, err
	}
	defer res.Body.Close()
	s = stateOf(res)
	if res.StatusCode == http.StatusNotModified {
		return s, true, nil
	}
	done := c.progress("fetching", res.ContentLength)
	defer done.Close()
	s.SizeBytes, err = io.Copy(w, io.TeeReader(res.Body, done))
	return s, false, err
}

// sumFile returns what is known of a local file and the digest of its bytes; nil if there is none.
// Errors: one for what is no regular file, such as a device, which nobody wants replaced by one.
func sumFile(name string) (iofs.FileInfo, string, error) {
	f, fi, err := openFile(name)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, "", err
	}
	return fi, hex.EncodeToString(h.Sum(nil)), nil
}

// sameFile tells whether nobody touched the file since fi was taken.
func sameFile(fi iofs.FileInfo, name string) bool {
	now, err := os.Stat(name)
	if fi == nil || err != nil {
		return fi == nil && errors.Is(err, iofs.ErrNotExist)
	}
	return os.SameFile(fi, now) && fi.Size() == now.Size() && fi.ModTime().Equal(now.ModTime())
}

// progress shows how much of a transfer has passed, where that is wanted.
func (c *Client) progress(what string, sizeBytes int64) io.WriteCloser {
	if c.Progress == nil {
		return nothing{}
	}
	return c.Progress(what, sizeBytes)
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
func (nothing) Close() error                { return nil }
