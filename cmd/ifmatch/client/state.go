package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// State is what a server says of a resource. The zero State is that of an unmapped URL.
type State struct {
	Mapped     bool
	Collection bool      // known from a listing only
	ETag       string    // the field value as it came, W/ and quotes included
	SizeBytes  int64     // -1 when the server does not say
	Modified   time.Time // zero when the server does not say
	Type       string    // Content-Type
}

// Strong tells whether the tag can stand in an If-Match (RFC 9110 §13.1.1: strong comparison).
func (s State) Strong() bool {
	return len(s.ETag) >= 2 && s.ETag[0] == '"' && s.ETag[len(s.ETag)-1] == '"'
}

// weaklyEqual is the weak comparison of RFC 9110 §8.8.3.2.
func weaklyEqual(a, b string) bool {
	return a != "" && strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

func (s State) String() string {
	if !s.Mapped {
		return "nothing there"
	}
	var parts []string
	if s.SizeBytes >= 0 {
		parts = append(parts, Size(s.SizeBytes))
	}
	if !s.Modified.IsZero() {
		parts = append(parts, "changed "+s.Modified.Local().Format(time.DateTime))
	}
	tag := "no ETag"
	if s.ETag != "" {
		tag = "ETag " + Printable(s.ETag)
	}
	return strings.Join(append(parts, tag), ", ")
}

// Size words a number of bytes.
func Size(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if f /= 1024; f < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

func stateOf(res *http.Response) State {
	s := State{Mapped: true, ETag: res.Header.Get("ETag"), SizeBytes: res.ContentLength, Type: res.Header.Get("Content-Type")}
	if t, err := http.ParseTime(res.Header.Get("Last-Modified")); err == nil {
		s.Modified = t
	}
	return s
}

// head asks for the state. A 404 or 410 is a state, not an error; with a condition, so is a 304 (unchanged).
func (c *Client) head(ctx context.Context, u *url.URL, cond Condition) (s State, unchanged bool, err error) {
	r, err := c.Request(ctx, http.MethodHead, u, nil)
	if err != nil {
		return State{}, false, err
	}
	cond.set(r.Header)
	res, err := c.do(r)
	if isUnmapped(err) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, err
	}
	drain(res)
	return stateOf(res), res.StatusCode == http.StatusNotModified, nil
}

// settled is head that waits for a strong tag while the server shows a weak one, for at most settleTime.
func (c *Client) settled(ctx context.Context, u *url.URL) (State, error) {
	for start := time.Now(); ; {
		s, _, err := c.head(ctx, u, Condition{})
		if err != nil || s.Strong() || s.ETag == "" || time.Since(start) > c.settleTime {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func isUnmapped(err error) bool {
	return isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusGone)
}

func isStatus(err error, status int) bool {
	e, ok := errors.AsType[*StatusError](err)
	return ok && e.Status == status
}
