package handler

import (
	"html/template"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"ifmatch/etagfs"
	"ifmatch/handler/lock"
	"ifmatch/handler/web"
)

// How much of a text is shown, which is all that is rendered of Markdown, and up to which size a text is edited in the page:
// a text area is laid out anew with each key, and from 2 MiB on that is felt.
const (
	shownTextBytes    = 512 << 10
	editableTextBytes = 1 << 20
)

// preview is the body of a page that shows one representation.
type preview struct {
	Base, Kind string // Kind chooses how it is shown; "" is not at all
	Size       string
	Time, ISO  string
	By         string
	ETag       string
	Lock       string
	Text       string
	Cut        bool // Text is the beginning only
	Markdown   template.HTML
	Editable   bool
	EditLimit  string // up to which size
}

// view answers GET with ?view: a preview of a representation, without scripts. What it shows is fetched from
// the resource itself, but for text.
func (h *Handler) view(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	cur, err := h.fs.Stat(t.name)
	if err != nil {
		return readError(err)
	}
	switch {
	case cur.IsCollection():
		return h.index(w, r, t, cur)
	case t.slash:
		return errNotCollection
	}
	f, err := h.fs.Open(t.name)
	if err != nil {
		return readError(err)
	}
	defer f.Close()
	cur = f.State()
	body, err := h.preview(t.name, f)
	if err != nil {
		return err
	}
	body.Size = sizeForPeople(cur.SizeBytes)
	body.Time, body.ISO = cur.ModTime().UTC().Format("2006-01-02 15:04 UTC"), cur.ModTime().UTC().Format(time.RFC3339)
	body.By = h.writers.last(cur).user
	body.Lock = h.lockedBy(h.lockPlace(r.Method, t.name, cur))
	if !cur.Tag.IsZero() {
		body.ETag = cur.Tag.String()
	}
	p := h.newPage(w, r, t.name, false, false)
	p.Body = body
	return h.send(w, r, "view", p)
}

// preview chooses by the type how f is shown; text is looked at, since many files of unknown type are text.
func (h *Handler) preview(name string, f *etagfs.File) (*preview, error) {
	size := f.State().SizeBytes
	p := &preview{Base: path.Base(name), EditLimit: sizeForPeople(editableTextBytes)}
	kind, _, _ := strings.Cut(contentType(name), ";")
	switch top, _, _ := strings.Cut(kind, "/"); {
	case shown[kind]:
		p.Kind = "image"
		p.Editable = kind == "image/svg+xml" && size <= editableTextBytes
		return p, nil
	case top == "audio" || top == "video":
		p.Kind = top
		return p, nil
	case kind == "application/pdf":
		p.Kind = "pdf"
		return p, nil
	case !isText(kind) && kind != octetStream:
		return p, nil
	}
	text, err := io.ReadAll(io.LimitReader(f, shownTextBytes))
	if err != nil {
		return nil, err
	}
	whole := int64(len(text)) >= size
	if !looksText(text, whole) {
		return p, nil
	}
	p.Kind, p.Cut, p.Editable = "text", !whole, size <= editableTextBytes
	if kind == "text/markdown" && whole {
		p.Kind = "markdown"
		p.Markdown, err = web.Markdown(text)
		return p, err
	}
	p.Text = strings.ToValidUTF8(string(text), "")
	return p, nil
}

// editing is the body of the page with the editor. The script loads the text, with its entity-tag, itself.
type editing struct {
	Type       string
	LimitBytes int
}

// editor answers GET with ?edit, also for an unmapped URL in a collection: a new file.
func (h *Handler) editor(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	cur, err := h.fs.Stat(t.name)
	anew := isUnmapped(err)
	switch {
	case anew:
		parent, err := h.fs.Stat(path.Dir(t.name))
		if err != nil || !parent.IsCollection() || t.slash {
			return errNoResource
		}
	case err != nil:
		return readError(err)
	case cur.IsCollection():
		return h.index(w, r, t, cur)
	case t.slash:
		return errNotCollection
	}
	p := h.newPage(w, r, t.name, false, anew)
	p.Body = editing{Type: contentType(t.name), LimitBytes: editableTextBytes}
	return h.send(w, r, "edit", p)
}

// lockedBy says in a few words who holds a lock that covers p; "" when nobody does.
func (h *Handler) lockedBy(p lock.Place) string {
	locks := h.locks.Covering(h.opts.Now(), p)
	if len(locks) == 0 {
		return ""
	}
	return holder(&locks[0])
}
