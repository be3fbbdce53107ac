package web

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// goldmark takes time that grows with the square of how deep blocks are nested, and of how long a paragraph is and how
// many marks there are in it, and each row of a table has as many cells as its head: half a megabyte took minutes, or
// gigabytes. What is beyond these bounds, far from what people write, is shown as it is written.
const (
	maxNested = 50        // quotes and lists in each other
	maxMarks  = 500       // of emphasis and links, in one block
	maxCells  = 100_000   // of all tables
	maxBytes  = 128 << 10 // of one paragraph or table
)

// bounds stand in front of the parsers that they bound.
var bounds = []parser.Option{
	parser.WithBlockParsers(util.Prioritized(tooDeep{parser.NewParagraphParser()}, 10)),
	parser.WithInlineParsers(util.Prioritized(tooManyMarks{}, 10)),
	parser.WithParagraphTransformers(util.Prioritized(tooLarge{}, 10)),
}

// tooDeep makes a paragraph of what would be nested too deep.
type tooDeep struct{ parser.BlockParser }

func (tooDeep) Trigger() []byte             { return []byte(">-+*0123456789") }
func (tooDeep) CanInterruptParagraph() bool { return true }

func (d tooDeep) Open(parent ast.Node, r text.Reader, pc parser.Context) (ast.Node, parser.State) {
	depth := 0
	for n := parent; n != nil && depth <= maxNested; n = n.Parent() {
		depth++
	}
	if depth <= maxNested {
		return nil, parser.NoChildren
	}
	return d.BlockParser.Open(parent, r, pc)
}

// tooManyMarks leaves the rest of a line as text once its block has had enough of them.
type tooManyMarks struct{}

// marks are those of the block that is being parsed.
type marks struct {
	block ast.Node
	n     int
}

var marksKey = parser.NewContextKey()

func (tooManyMarks) Trigger() []byte { return []byte("*_~![]") }

func (tooManyMarks) Parse(block ast.Node, r text.Reader, pc parser.Context) ast.Node {
	m, _ := pc.Get(marksKey).(*marks)
	if m == nil || m.block != block {
		m = &marks{block: block}
		pc.Set(marksKey, m)
	}
	if m.n++; m.n <= maxMarks {
		return nil
	}
	line, at := r.PeekLine()
	rest := len(bytes.TrimRight(line, "\n"))
	r.Advance(rest)
	return ast.NewTextSegment(at.WithStop(at.Start + rest))
}

// tooLarge leaves a table or a paragraph as it is written.
type tooLarge struct{}

var cellsKey = parser.NewContextKey()

func (tooLarge) Transform(p *ast.Paragraph, r text.Reader, pc parser.Context) {
	size, columns := 0, 0
	for i := range p.Lines().Len() {
		line := p.Lines().At(i)
		size += line.Len()
		columns = max(columns, bytes.Count(line.Value(r.Source()), []byte("|")))
	}
	cells, _ := pc.Get(cellsKey).(int)
	cells += columns * p.Lines().Len()
	if cells <= maxCells && size <= maxBytes {
		pc.Set(cellsKey, cells)
		return
	}
	written := ast.NewCodeBlock()
	written.SetLines(p.Lines())
	p.Parent().ReplaceChild(p.Parent(), p, written)
}
