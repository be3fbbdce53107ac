// Package web is the page that people see in a browser: hand-written HTML, CSS and ES modules, embedded as
// they are.
//
// It promises that the page asks nothing of any other host and runs no script but its own: every page
// carries a nonce, and the policy of [Policy] lets nothing else run, be it in a name, a Markdown text or a
// file somebody uploaded. It knows no resources; the handler gives it what to show.
//
// Entry points: [Render] for pages, [Asset] for what they load.
package web

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io"
	"path"
)

//go:embed assets templates
var embedded embed.FS

var pages = template.Must(template.ParseFS(embedded, "templates/*.html"))

// assets by file name, and the hash of them all. It stands in their URL, so that a browser may keep them
// for ever and a page never meets those of another release.
var assets, hash = load()

func load() (map[string][]byte, string) {
	all := make(map[string][]byte)
	sum := sha256.New()
	entries, err := embedded.ReadDir("assets")
	if err != nil {
		panic(err)
	}
	for _, e := range entries { // sorted by name
		text, err := embedded.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		all[e.Name()] = text
		io.WriteString(sum, e.Name()+"\x00")
		sum.Write(text)
	}
	return all, hex.EncodeToString(sum.Sum(nil)[:10])
}

// Hash names this release of the assets.
func Hash() string { return hash }

var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// Asset returns what pages load, by the hash and file name in its URL. ok is false for everything else.
func Asset(release, name string) (content []byte, contentType string, ok bool) {
	content, ok = assets[name]
	return content, types[path.Ext(name)], ok && release == hash
}

// Page is what all pages have in common.
type Page struct {
	Title    string
	Assets   string // absolute path of the assets, with a slash at the end
	Nonce    string // of NewNonce
	Self     string // absolute path of the resource
	Root     string // absolute path of the tree, with a slash at the end
	Crumbs   []Crumb
	ReadOnly bool
	Body     any // of this kind of page
}

// Last is the index of the last crumb, which is the resource itself.
func (p *Page) Last() int { return len(p.Crumbs) - 1 }

// Crumb is one collection on the way to the resource.
type Crumb struct{ Base, Href string }

// NewNonce returns what marks the scripts and styles of one answer as ours.
func NewNonce() string { return rand.Text() }

// Policy is the Content-Security-Policy of a page with this nonce. Scripts and styles come from us alone, even
// where a file of the tree has a script's name; nothing comes from another host; no string becomes HTML.
func Policy(nonce string) string {
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce + "'; " +
		"img-src 'self'; media-src 'self'; frame-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
}

// Render writes the template name with p.
func Render(w io.Writer, name string, p *Page) error { return pages.ExecuteTemplate(w, name, p) }
