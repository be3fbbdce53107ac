package web

import (
	"bytes"
	"html/template"
	"net/url"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown is CommonMark with tables, task lists, strikethrough and bare links. HTML in the text is left out
// and "javascript:" links lead nowhere (goldmark's default), headings get no id that could shadow one of ours,
// and pictures of other hosts become links, since the page asks nothing of other hosts.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(localImages{}, 500))),
	goldmark.WithParserOptions(bounds...),
	goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(tasks{}, 100))),
)

// Markdown renders a text that nobody has to trust.
func Markdown(src []byte) (template.HTML, error) {
	var b bytes.Buffer
	if err := markdown.Convert(src, &b); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// tasks writes the boxes of task lists so that they can be heard.
type tasks struct{}

func (tasks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(east.KindTaskCheckBox, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		box := `<input type="checkbox" disabled aria-label="to do"> `
		if n.(*east.TaskCheckBox).IsChecked {
			box = `<input type="checkbox" disabled checked aria-label="done"> `
		}
		_, err := w.WriteString(box)
		return ast.WalkContinue, err
	})
}

// localImages turns pictures of other hosts into links to them.
type localImages struct{}

func (localImages) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var foreign []*ast.Image
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if img, ok := n.(*ast.Image); ok && entering && !local(img.Destination) {
			foreign = append(foreign, img)
		}
		return ast.WalkContinue, nil
	})
	for _, img := range foreign {
		link := ast.NewLink()
		link.Destination, link.Title = img.Destination, img.Title
		for c := img.FirstChild(); c != nil; {
			next := c.NextSibling()
			link.AppendChild(link, c)
			c = next
		}
		if link.FirstChild() == nil {
			link.AppendChild(link, ast.NewString(img.Destination))
		}
		img.Parent().ReplaceChild(img.Parent(), img, link)
	}
}

// local tells whether a browser would look for it on this host: a path, as browsers read one.
func local(dest []byte) bool {
	u, err := url.Parse(string(dest))
	return err == nil && u.Scheme == "" && u.Host == "" && !bytes.HasPrefix(bytes.ReplaceAll(dest, []byte{'\\'}, []byte{'/'}), []byte("//"))
}
