package handler

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"ifmatch/fs"
	"ifmatch/handler/web"
)

// The page that people see. A browser says so with Accept: text/html; everybody else sees no difference.
// What a URL means beside its resource is said by the query alone, so no file is shadowed:
//
//	GET /dir/            the page of a collection
//	GET /file?view       a preview
//	GET /file?edit       the editor
//	GET /any?events      server-sent events: it changed; the same for Accept: text/event-stream
//	GET /dir/?zip        all of it, or the members named by m=, as a zip archive
//	POST /file           a three-way merge, which changes nothing
//	GET /.ifmatch-page/… what pages load: a reserved name, which no resource can have

// PageAssets is the name under which pages find what they load, which holds nothing of anybody.
const PageAssets = "/" + fs.ReservedPrefix + "page/"

// forPeople answers GET and HEAD of what a person asks for in a browser. done is false for everything else,
// which costs a look at the query and the first bytes of the path.
func (h *Handler) forPeople(w http.ResponseWriter, r *http.Request) (done bool, err error) {
	if rest, ok := CutPrefix(r.URL.Path, h.opts.Prefix); ok && strings.HasPrefix(rest, PageAssets) {
		return true, h.asset(w, r, rest[len(PageAssets):])
	}
	if a := r.Header["Accept"]; len(a) == 1 && strings.HasPrefix(a[0], eventStream) {
		return true, h.events(w, r)
	}
	if r.URL.RawQuery == "" {
		return false, nil
	}
	ask, _, _ := strings.Cut(r.URL.RawQuery, "&")
	switch ask {
	case "view":
		return true, h.view(w, r)
	case "edit":
		return true, h.editor(w, r)
	case "events":
		return true, h.events(w, r)
	case "zip":
		return true, h.zip(w, r)
	}
	return false, nil
}

// asset answers with a file of this release of the page.
func (h *Handler) asset(w http.ResponseWriter, r *http.Request, at string) error {
	release, name, _ := strings.Cut(at, "/")
	content, kind, ok := web.Asset(release, name)
	if !ok {
		return errNoResource
	}
	set(w, "Content-Type", kind)
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Content-Security-Policy", "default-src 'none'; sandbox")
	set(w, "Cache-Control", "public, max-age=31536000, immutable")
	set(w, "Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(content)
	}
	return nil
}

// isBrowser tells whether the answer will be looked at: nothing is wanted more than HTML. pip, which takes the links of a page for
// files, would rather have something else.
func isBrowser(r *http.Request) bool {
	html, most := 0.0, 0.0
	for kind, weight := range accepted(r.Header["Accept"]) {
		most = max(most, weight)
		if kind == "text/html" {
			html = weight
		}
	}
	return html > 0 && html == most
}

// pageType is the media type of every page.
const pageType = "text/html; charset=utf-8"

// newPage begins a page about name and sets the header fields of one. anew: what it is for is to create something.
func (h *Handler) newPage(w http.ResponseWriter, r *http.Request, name string, collection, anew bool) *web.Page {
	p := &web.Page{
		Title:    forEyes(h.opts.Prefix + name),
		Assets:   h.href(PageAssets+web.Hash(), true),
		Nonce:    web.NewNonce(),
		Self:     h.href(name, collection),
		Root:     h.href("/", true),
		Crumbs:   h.crumbs(name),
		ReadOnly: h.opts.ReadOnly || h.opts.MayWrite != nil && !h.opts.MayWrite(r, name, anew),
	}
	set(w, "Content-Type", pageType)
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Referrer-Policy", "same-origin")
	set(w, "Cache-Control", "no-store")
	set(w, "Vary", "Accept")
	set(w, "Content-Security-Policy", web.Policy(p.Nonce))
	return p
}

// send writes a page that is small.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, template string, p *web.Page) error {
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	return web.Render(w, template, p)
}

// crumbs are the collections on the way to name and name itself, the root first. That has the name of its share, if
// there is one.
func (h *Handler) crumbs(name string) []web.Crumb {
	crumbs := []web.Crumb{{Base: forEyes(path.Base("/" + h.opts.Prefix)), Href: h.href("/", true)}}
	if name == "/" {
		return crumbs
	}
	at := ""
	for seg := range strings.SplitSeq(name[1:], "/") {
		at += "/" + seg
		crumbs = append(crumbs, web.Crumb{Base: forEyes(seg), Href: h.href(at, true)})
	}
	return crumbs
}

// harmless keeps a representation from running as a page of our origin, where it could act in the reader's
// name: what a browser would show as a page is offered as a file, and whatever is no plain picture, sound,
// text or PDF runs nothing (a sandbox would stop the viewer of PDF, which runs nothing of ours either).
func (h *Handler) harmless(w http.ResponseWriter, kind string) {
	kind, _, _ = strings.Cut(kind, ";")
	switch {
	case h.opts.TrustPages:
	case strings.Contains(kind, "html"), strings.Contains(kind, "xml"): // image/svg+xml, application/xslt+xml, …
		set(w, "Content-Disposition", "attachment")
		set(w, "Content-Security-Policy", "default-src 'none'; sandbox")
	case kind == octetStream, kind == "text/plain", kind == "text/markdown", kind == "application/pdf",
		strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "audio/"), strings.HasPrefix(kind, "video/"):
	default:
		set(w, "Content-Security-Policy", "default-src 'none'; sandbox")
	}
}

// attachment is a Content-Disposition (RFC 6266) with this file name (RFC 8187).
func attachment(name string) string {
	return "attachment; filename*=UTF-8''" + strings.NewReplacer("+", "%20", "'", "%27", "(", "%28", ")", "%29", "*", "%2A").Replace(url.QueryEscape(name))
}
