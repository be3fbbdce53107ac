package handler

import (
	"bufio"
	"cmp"
	"embed"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"ifmatch/etagfs"
)

//go:embed index.html
var indexHTML embed.FS

var indexPage = template.Must(template.ParseFS(indexHTML, "index.html"))

// sortedMembers is how many members an index sorts, in memory that is bounded so. The page of a larger
// collection is streamed in the order of the file system, and says so.
// It is a variable for its test alone.
var sortedMembers = 20_000

// index answers GET of a collection with a plain page that works without scripts. It is made anew each
// time and has no validator.
func (h *Handler) index(w http.ResponseWriter, r *http.Request, t target, cur *etagfs.Info) error {
	set(w, "Content-Type", "text/html; charset=utf-8")
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Cache-Control", h.opts.CacheControl)
	set(w, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	if !t.slash {
		set(w, "Content-Location", h.href(t.name, true)) // no redirect: clients of collections do not follow it
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	p := &indexWriter{h: h, w: bufio.NewWriterSize(w, 32<<10), at: t.name}
	if err := h.fs.List(t.name, p.member); err != nil {
		if !p.begun {
			clear(w.Header())
		}
		return readError(err)
	}
	return p.end()
}

// indexWriter gathers members to sort them, and lets them pass when they become too many.
type indexWriter struct {
	h       *Handler
	w       *bufio.Writer
	at      string
	members []member
	begun   bool // the head was written: members pass
}

// member is one row of an index.
type member struct {
	Base       string
	Href       string
	Collection bool
	SizeBytes  int64
	ModTime    time.Time
}

// Size for people, in units of 1024.
func (m member) Size() string {
	if m.Collection {
		return ""
	}
	n := float64(m.SizeBytes)
	if n < 1024 {
		return fmt.Sprintf("%d B", m.SizeBytes)
	}
	unit := 0
	for n /= 1024; n >= 1023.95 && unit < 5; n /= 1024 {
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", n, "KMGTPE"[unit])
}

func (m member) Time() string { return m.ModTime.UTC().Format("2006-01-02 15:04") }
func (m member) ISO() string  { return m.ModTime.UTC().Format(time.RFC3339) }

func (p *indexWriter) member(base string, info *etagfs.Info) error {
	if !showable(base) {
		return nil
	}
	m := member{Base: base, Collection: info.IsCollection(), SizeBytes: info.SizeBytes, ModTime: info.ModTime()}
	m.Href = p.h.href(strings.TrimSuffix(p.at, "/")+"/"+base, m.Collection)
	if !p.begun && len(p.members) < sortedMembers {
		p.members = append(p.members, m)
		return nil
	}
	if err := p.begin(false); err != nil {
		return err
	}
	return p.row(&m)
}

// row writes one member. A template would cost twenty times as much; an href needs no more escaping.
func (p *indexWriter) row(m *member) error {
	slash := ""
	if m.Collection {
		slash = "/"
	}
	_, err := fmt.Fprintf(p.w, `<tr><td><a href="%s">%s%s</a></td><td class="n">%s</td><td class="n t"><time datetime="%s">%s</time></td></tr>`+"\n",
		m.Href, html.EscapeString(m.Base), slash, m.Size(), m.ISO(), m.Time())
	return err
}

// begin writes the head and the members gathered so far.
func (p *indexWriter) begin(sorted bool) error {
	if p.begun {
		return nil
	}
	p.begun = true
	head := struct {
		Title  string
		Crumbs []member
		Sorted bool
	}{p.at, p.crumbs(), sorted}
	if err := indexPage.ExecuteTemplate(p.w, "head", head); err != nil {
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
	empty := !p.begun && len(p.members) == 0
	slices.SortFunc(p.members, func(a, b member) int {
		if a.Collection != b.Collection {
			if a.Collection {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(strings.ToLower(a.Base), strings.ToLower(b.Base)), cmp.Compare(a.Base, b.Base))
	})
	if err := p.begin(true); err != nil {
		return err
	}
	if err := indexPage.ExecuteTemplate(p.w, "foot", empty); err != nil {
		return err
	}
	return p.w.Flush()
}

// crumbs are the collections above, the root first.
func (p *indexWriter) crumbs() []member {
	crumbs := []member{{Base: "/", Href: p.h.href("/", true)}}
	if p.at == "/" {
		return crumbs
	}
	at := ""
	for seg := range strings.SplitSeq(p.at[1:], "/") {
		at += "/" + seg
		crumbs = append(crumbs, member{Base: seg, Href: p.h.href(at, true)})
	}
	return crumbs
}
