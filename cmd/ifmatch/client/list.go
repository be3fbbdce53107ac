package client

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Entry is a resource in a listing.
type Entry struct {
	Name string // the last segment of its path, decoded
	State
}

// maxListing bounds the answer to a PROPFIND that is read.
const maxListing = 256 << 20

// List returns the members of a collection in order of their names, or the one entry of another resource. The server
// must have WebDAV. Errors: *StatusError.
func (c *Client) List(ctx context.Context, u *url.URL) ([]Entry, error) {
	list, err := c.list(ctx, u, "1")
	if e, ok := errors.AsType[*StatusError](err); ok && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented) {
		e.Says = "this server has no WebDAV, so it cannot be asked for a listing"
	}
	if err != nil {
		return nil, err
	}
	if len(list) > 1 || len(list) == 1 && list[0].Collection {
		self := strings.TrimSuffix(u.Path, "/") // also after a redirect to the same with a slash
		list = slices.DeleteFunc(list, func(r listed) bool { return strings.TrimSuffix(r.path, "/") == self })
	}
	entries := make([]Entry, len(list))
	for i, r := range list {
		entries[i] = Entry{path.Base(r.path), r.State}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// listed is a resource with its path.
type listed struct {
	path string
	State
}

const propfind = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/><getcontenttype/></prop></propfind>
`

// list sends a PROPFIND. RFC 4918 §9.1.
func (c *Client) list(ctx context.Context, u *url.URL, depth string) ([]listed, error) {
	r, err := c.Request(ctx, "PROPFIND", u, strings.NewReader(propfind))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Depth", depth)
	r.Header.Set("Content-Type", "application/xml; charset=utf-8")
	res, err := c.do(r)
	if to := slash(u, err); to != nil {
		return c.list(ctx, to, depth)
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMultiStatus {
		return nil, &StatusError{Method: r.Method, URL: u.Redacted(), Status: res.StatusCode, Says: "not the answer of a WebDAV server"}
	}
	var list []listed
	d := xml.NewDecoder(io.LimitReader(res.Body, maxListing))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
			continue
		}
		var x response
		if err := d.DecodeElement(&x, &start); err != nil {
			return nil, err
		}
		if l, ok := x.listed(u); ok {
			list = append(list, l)
		}
	}
}

// slash returns the URL with a slash behind it if err is a redirect there, which is how many servers answer for a
// collection named without one; else nil.
func slash(u *url.URL, err error) *url.URL {
	e, ok := errors.AsType[*StatusError](err)
	if !ok || e.Location == "" || strings.HasSuffix(u.Path, "/") {
		return nil
	}
	to, err := u.Parse(e.Location)
	if err != nil || to.Path != u.Path+"/" || to.Host != u.Host {
		return nil
	}
	to.Scheme, to.User = u.Scheme, u.User
	return to
}

// response is what is used of a DAV:response. RFC 4918 §14.24.
type response struct {
	Href     string `xml:"DAV: href"`
	Propstat []struct {
		Status string `xml:"DAV: status"`
		Prop   struct {
			Collection *struct{} `xml:"DAV: resourcetype>collection"`
			Length     string    `xml:"DAV: getcontentlength"`
			Modified   string    `xml:"DAV: getlastmodified"`
			ETag       string    `xml:"DAV: getetag"`
			Type       string    `xml:"DAV: getcontenttype"`
		} `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
}

func (x *response) listed(base *url.URL) (listed, bool) {
	href, err := base.Parse(strings.TrimSpace(x.Href))
	if err != nil {
		return listed{}, false
	}
	l := listed{href.Path, State{Mapped: true, SizeBytes: -1}}
	for _, ps := range x.Propstat {
		if f := strings.Fields(ps.Status); len(f) < 2 || f[1] != "200" {
			continue
		}
		l.Collection = l.Collection || ps.Prop.Collection != nil
		if n, err := strconv.ParseInt(ps.Prop.Length, 10, 64); err == nil && n >= 0 {
			l.SizeBytes = n
		}
		if t, err := http.ParseTime(ps.Prop.Modified); err == nil {
			l.Modified = t
		}
		l.ETag, l.Type = strings.TrimSpace(ps.Prop.ETag), ps.Prop.Type
	}
	return l, true
}
