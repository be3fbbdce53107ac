package handler

import (
	"bufio"
	"cmp"
	"fmt"
	"html"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ifmatch/etagfs"
	"ifmatch/handler/web"
)

// sortedMembers is how many members an index sorts, in memory that is bounded so. The page of a larger
// collection is streamed in the order of the file system, and says so.
// It is a variable for its test alone.
var sortedMembers = 20_000

// index answers GET of a collection with its members: a browser gets the page, which can be read without its scripts, and
// everybody else a plain list, which programs read. It is made anew each time and has no validator.
func (h *Handler) index(w http.ResponseWriter, r *http.Request, t target, cur *etagfs.Info) error {
	page := h.newPage(w, r, t.name, true, true)
	place := h.lockPlace(r.Method, t.name, cur)
	body := &listing{Sorted: true, Shares: h.opts.Shares != nil, Lock: h.lockedBy(place), Version: version(cur, h.locksAround(r, t.name, place))}
	body.Kept = h.opts.MayWrite != nil && !h.opts.MayWrite(r, t.name, false)
	page.Body = body
	h.setIndexMetadata(w, r, t, cur)
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	p := &indexWriter{h: h, r: r, w: bufio.NewWriterSize(w, 32<<10), at: t.name, way: place.Way, page: page, listing: body, look: "list"}
	if !isBrowser(r) {
		p.look, p.relative = "plain", t.slash
	}
	if err := h.list(t.name, p.member); err != nil {
		return readError(err)
	}
	if err := p.end(); err != nil {
		return err
	}
	// A collection has no getcontentlength, so its page tells none either (RFC 4918 §15.4): clients take what has one for a
	// file. net/http tells the length of what it has whole at the end.
	_ = http.NewResponseController(w).Flush()
	return nil
}

// setIndexMetadata sets what a 304 has of the fields of an index.
func (h *Handler) setIndexMetadata(w http.ResponseWriter, r *http.Request, t target, cur *etagfs.Info) {
	cache := cacheControl(r)
	if isBrowser(r) {
		cache = "no-store"
	}
	set(w, "Cache-Control", cache)
	set(w, "Vary", "Accept")
	h.setLanguage(w, cur.Name)
	h.tellSlash(w, t, cur)
}

// tellSlash tells the URL with a slash where a collection was asked for without one; clients of collections do not follow a
// redirect. RFC 4918 §5.2.
func (h *Handler) tellSlash(w http.ResponseWriter, t target, cur *etagfs.Info) {
	if !t.slash && cur.IsCollection() {
		set(w, "Content-Location", h.href(t.name, true))
	}
}

// listing is the body of the page of a collection.
type listing struct {
	Sorted  bool   // by name, collections first
	Kept    bool   // who asks may change nothing that is there
	Shares  bool   // its members stand for other trees, so that there is no archive of it
	Empty   bool   // known at the end
	Lock    string // who locks the collection
	Version string // of the collection, as events tell it: a page that is older than its first event reads again
}

// indexWriter gathers members to sort them, and lets them pass when they become too many.
type indexWriter struct {
	h        *Handler
	r        *http.Request
	w        *bufio.Writer
	at       string
	way      []string // the links that lead there, where there are locks
	page     *web.Page
	listing  *listing
	look     string // of the templates: "list" or "plain"
	relative bool   // links of a plain list; where its URL has no slash at its end they are absolute, for programs that know no base
	members  []member
	rows     int
	begun    bool // the head was written: members pass
}

// member is one row of an index.
type member struct {
	Base       string
	Href       string
	Collection bool
	SizeBytes  int64
	ModTime    time.Time
	ETag       string
	Lock       string // who holds a lock
}

func (m *member) size() string {
	if m.Collection {
		return ""
	}
	return sizeForPeople(m.SizeBytes)
}

// sizeForPeople is in units of 1024.
func sizeForPeople(sizeBytes int64) string {
	n := float64(sizeBytes)
	if n < 1024 {
		return fmt.Sprintf("%d B", sizeBytes)
	}
	unit := 0
	for n /= 1024; n >= 1023.95 && unit < 5; n /= 1024 {
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", n, "KMGTPE"[unit])
}

func (p *indexWriter) member(base string, info *etagfs.Info) error {
	if !showable(base) || p.h.hides(p.r, p.at, base) {
		return nil
	}
	m := member{Base: base, Collection: info.IsCollection(), SizeBytes: info.SizeBytes, ModTime: info.ModTime()}
	m.Href = p.h.href(path.Join(p.at, base), m.Collection)
	if p.look == "list" {
		m.Lock = p.h.lockedBy(p.h.lockPlaceIn(p.at, p.way, base, info))
		if !info.Tag.IsZero() {
			m.ETag = info.Tag.String()
		}
	}
	if !p.begun && len(p.members) < sortedMembers {
		p.members = append(p.members, m)
		return nil
	}
	p.listing.Sorted = false
	if err := p.begin(); err != nil {
		return err
	}
	return p.row(&m)
}

// row writes one member. A template would cost twenty times as much; an href needs no more escaping.
func (p *indexWriter) row(m *member) error {
	p.rows++
	slash := ""
	if m.Collection {
		slash = "/"
	}
	if p.look == "plain" {
		return p.line(m, slash)
	}
	// A link to the preview, and what the scripts go by: entity-tag, size, time, lock.
	view, data := "", fmt.Sprintf(` data-size="%d" data-time="%d"`, m.SizeBytes, m.ModTime.UnixMilli())
	if !m.Collection {
		view = "?view"
	}
	if m.ETag != "" {
		data += ` data-etag="` + html.EscapeString(m.ETag) + `"`
	}
	if m.Lock != "" {
		data += ` data-lock="` + html.EscapeString(m.Lock) + `"`
	}
	_, err := fmt.Fprintf(p.w, `<tr role="row"%s><td role="cell" class="name"><a class="icon %s" href="%s%s">%s%s</a></td>`+
		`<td role="cell" class="size">%s</td><td role="cell" class="time"><time datetime="%s">%s</time></td></tr>`+"\n",
		data, kindOf(m.Base, m.Collection), m.Href, view, html.EscapeString(forEyes(m.Base)), slash,
		m.size(), m.ModTime.UTC().Format(time.RFC3339), m.ModTime.UTC().Format("2006-01-02 15:04"))
	return err
}

// line writes one member as nginx does, since programs that read listings know that form: lftp takes size and time from it.
func (p *indexWriter) line(m *member, slash string) error {
	href, size := m.Href, "-"
	if p.relative { // a colon in it would end a scheme (RFC 3986 §4.2)
		href = strings.ReplaceAll(path.Base(href), ":", "%3A") + slash
	}
	if !m.Collection {
		size = strconv.FormatInt(m.SizeBytes, 10)
	}
	shown := forEyes(m.Base) + slash
	_, err := fmt.Fprintf(p.w, `<a href="%s">%s</a>%*s %s %19s`+"\n", href, html.EscapeString(shown),
		max(0, 50-utf8.RuneCountInString(shown)), "", m.ModTime.UTC().Format("02-Jan-2006 15:04"), size)
	return err
}

// begin writes the head and the members gathered so far.
func (p *indexWriter) begin() error {
	if p.begun {
		return nil
	}
	p.begun = true
	if err := web.Render(p.w, p.look+"-head", p.page); err != nil {
		return err
	}
	for i := range p.members {
		if err := p.row(&p.members[i]); err != nil {
			return err
		}
	}
	p.members = nil
	return nil
}

func (p *indexWriter) end() error {
	slices.SortFunc(p.members, func(a, b member) int {
		if a.Collection != b.Collection {
			if a.Collection {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(strings.ToLower(a.Base), strings.ToLower(b.Base)), cmp.Compare(a.Base, b.Base))
	})
	if err := p.begin(); err != nil {
		return err
	}
	p.listing.Empty = p.rows == 0
	if err := web.Render(p.w, p.look+"-foot", p.page); err != nil {
		return err
	}
	return p.w.Flush()
}
