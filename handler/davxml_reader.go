package handler

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"unicode/utf8"
)

// xmlKind says what an xmlToken is.
type xmlKind int

const (
	xmlStart xmlKind = iota
	xmlEnd
	xmlText
	xmlEOF
)

// xmlToken is one piece of a document with its namespaces resolved. It is valid until the next one.
type xmlToken struct {
	kind   xmlKind
	name   xml.Name // of xmlStart and xmlEnd
	prefix string   // as written
	attrs  []xmlAttr
	decls  []xmlDecl // namespaces declared by this element
	text   []byte
}

type xmlAttr struct {
	name   xml.Name
	prefix string
	value  string
}

// xmlDecl binds a prefix ("": the default namespace) to a namespace ("": none).
type xmlDecl struct{ prefix, space string }

// xmlReader reads one document. The zero value is not usable; see newXMLReader.
type xmlReader struct {
	doc      []byte // what dec reads
	dec      *xml.Decoder
	open     []openElement
	binds    []xmlDecl // in scope, the innermost last
	elements int
	rooted   bool // the root element was seen
	tok      xmlToken
}

// openElement is an element whose end is still to come.
type openElement struct {
	raw   xml.Name // prefix and local name, as written
	name  xml.Name
	binds int    // len(xmlReader.binds) outside it
	lang  string // xml:lang in scope
}

// next returns the next start, end or text; xmlEOF after the root element.
func (x *xmlReader) next() (*xmlToken, error) {
	for {
		if x.crowded() {
			return nil, xmlTooMuch("has too many attributes on one element")
		}
		t, err := x.dec.RawToken()
		if err == io.EOF {
			if len(x.open) > 0 || !x.rooted {
				return nil, malformedXML("it ends too early")
			}
			x.tok = xmlToken{kind: xmlEOF}
			return &x.tok, nil
		}
		if err != nil {
			return nil, xmlDecodeError(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			return x.start(t)
		case xml.EndElement:
			return x.end(t)
		case xml.CharData:
			if len(x.open) > 0 {
				x.tok = xmlToken{kind: xmlText, text: t}
				return &x.tok, nil
			}
			if len(bytes.Trim(t, " \t\r\n")) > 0 {
				return nil, malformedXML("text outside the root element")
			}
		case xml.Directive:
			if bytes.Contains(t, []byte("SYSTEM")) || bytes.Contains(t, []byte("PUBLIC")) {
				return nil, errExternalEntity
			}
			return nil, malformedXML("a document type, which this server does not read")
		}
	}
}

// crowded tells whether a start tag comes next that has more than maxXMLAttrs attributes. They are counted before
// encoding/xml builds them, which makes more than a hundred bytes of the four that an attribute can be written with.
func (x *xmlReader) crowded() bool {
	rest := x.doc[x.dec.InputOffset():]
	if len(rest) < 2 || rest[0] != '<' || rest[1] == '!' || rest[1] == '?' {
		return false
	}
	attrs, quote := 0, byte(0)
	for _, c := range rest {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return false
		case c == '=':
			if attrs++; attrs > maxXMLAttrs {
				return true
			}
		}
	}
	return false
}

// start opens an element: its declarations count for its own name already.
func (x *xmlReader) start(t xml.StartElement) (*xmlToken, error) {
	x.elements++
	switch {
	case len(x.open) == 0 && x.rooted:
		return nil, malformedXML("a second root element")
	case len(x.open) >= maxXMLDepth:
		return nil, xmlTooMuch("nests elements too deeply")
	case x.elements > maxXMLElements:
		return nil, xmlTooMuch("has too many elements")
	}
	x.rooted = true
	e := openElement{raw: t.Name, binds: len(x.binds), lang: x.lang()}
	if err := x.declare(t.Attr); err != nil {
		return nil, err
	}
	var err error
	if e.name, err = x.resolve(t.Name, true); err != nil {
		return nil, err
	}
	x.tok = xmlToken{kind: xmlStart, name: e.name, prefix: t.Name.Space, decls: x.binds[e.binds:]}
	if x.tok.attrs, err = x.attributes(t.Attr); err != nil {
		return nil, err
	}
	for _, a := range x.tok.attrs {
		if a.name.Space == nsXML && a.name.Local == "lang" {
			e.lang = a.value
		}
	}
	x.open = append(x.open, e)
	return &x.tok, nil
}

func (x *xmlReader) end(t xml.EndElement) (*xmlToken, error) {
	if len(x.open) == 0 || x.open[len(x.open)-1].raw != t.Name {
		return nil, malformedXML("an end tag that closes nothing")
	}
	e := x.open[len(x.open)-1]
	x.open = x.open[:len(x.open)-1]
	x.binds = x.binds[:e.binds]
	x.tok = xmlToken{kind: xmlEnd, name: e.name, prefix: e.raw.Space}
	return &x.tok, nil
}

// declare takes the namespace declarations of an element into scope. Namespaces in XML §3: "xml" keeps
// its name, "xmlns" is never declared, and a prefix cannot be bound to nothing.
func (x *xmlReader) declare(attrs []xml.Attr) error {
	first := len(x.binds)
	for _, a := range attrs {
		d := xmlDecl{space: a.Value}
		switch {
		case a.Name.Space == "xmlns":
			d.prefix = a.Name.Local
		case a.Name.Space != "" || a.Name.Local != "xmlns":
			continue
		}
		switch {
		case d.prefix != "" && d.space == "":
			return malformedXML("a namespace prefix that is bound to nothing")
		case d.prefix == "xmlns" || d.space == nsXMLNS || (d.prefix == "xml") != (d.space == nsXML):
			return malformedXML("a namespace declaration that XML does not allow")
		case strings.ContainsFunc(d.space, notInURI):
			return malformedXML("a namespace that is no URI")
		case len(d.space) > maxXMLName || len(d.prefix) > maxXMLName:
			return xmlTooMuch("has too long a name")
		case len(x.binds) >= maxXMLDecls:
			return xmlTooMuch("declares too many namespaces, one inside the other")
		}
		for _, other := range x.binds[first:] {
			if other.prefix == d.prefix {
				return malformedXML("a prefix declared twice")
			}
		}
		x.binds = append(x.binds, d)
	}
	return nil
}

// notInURI are the characters that no URI and no IRI has (RFC 3986 §2, RFC 3987 §2.2). Parsers that join namespace and
// name with one of them (expat, ElementTree) refuse a whole document with such a namespace.
func notInURI(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"{}|\\^`", r) }

// attributes resolves those that declare no namespace. An attribute without a prefix is in no namespace.
func (x *xmlReader) attributes(attrs []xml.Attr) ([]xmlAttr, error) {
	var out []xmlAttr
	for _, a := range attrs {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name, err := x.resolve(a.Name, false)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if other.name == name {
				return nil, malformedXML("an attribute that is there twice")
			}
		}
		out = append(out, xmlAttr{name: name, prefix: a.Name.Space, value: a.Value})
	}
	return out, nil
}

// resolve replaces the prefix of a raw name with its namespace.
func (x *xmlReader) resolve(raw xml.Name, element bool) (xml.Name, error) {
	switch {
	case len(raw.Local) > maxXMLName:
		return xml.Name{}, xmlTooMuch("has too long a name")
	case strings.Contains(raw.Local, ":"):
		return xml.Name{}, malformedXML("a name with a colon too many")
	case raw.Space != "" && !beginsName(raw.Local):
		// encoding/xml looks at "a:1" as a whole; with another prefix, or none, it would break the answer.
		return xml.Name{}, malformedXML("a name that begins with no letter")
	case raw.Space == "" && !element:
		return raw, nil
	}
	if space, ok := x.bound(raw.Space); ok {
		return xml.Name{Space: space, Local: raw.Local}, nil
	}
	return xml.Name{}, malformedXML("a namespace prefix that is not declared")
}

// beginsName tells whether what can stand inside a name can begin one, too. Namespaces in XML §4, NCName.
func beginsName(local string) bool {
	c := local[0]
	switch letter := c | 0x20; {
	case 'a' <= letter && letter <= 'z', c == '_':
		return true
	case c < utf8.RuneSelf:
		return false
	}
	_, err := xml.NewDecoder(strings.NewReader("<" + local + "/>")).RawToken()
	return err == nil
}

// bound is the namespace of a prefix in scope; the default namespace is none until it is declared.
func (x *xmlReader) bound(prefix string) (space string, ok bool) {
	if space, ok = innermost(x.binds, prefix); ok {
		return space, true
	}
	if prefix == "xml" {
		return nsXML, true
	}
	return "", prefix == ""
}

// innermost is what the last of binds that is of prefix binds it to; "" and false where none is.
func innermost(binds []xmlDecl, prefix string) (space string, ok bool) {
	for i := len(binds) - 1; i >= 0; i-- {
		if binds[i].prefix == prefix {
			return binds[i].space, true
		}
	}
	return "", false
}

// lang is the xml:lang in scope.
func (x *xmlReader) lang() string {
	if len(x.open) == 0 {
		return ""
	}
	return x.open[len(x.open)-1].lang
}

// skip reads to the end of the element that was just started. RFC 4918 §17 ignores what it does not know.
func (x *xmlReader) skip() error {
	for depth := len(x.open); len(x.open) >= depth; {
		if _, err := x.next(); err != nil {
			return err
		}
	}
	return nil
}

// document reads a document whose root element must be DAV:root, and calls child for each element in that, as children does.
// Errors: 422 for another root element, of a document that is well-formed.
func (x *xmlReader) document(root string, child func(t *xmlToken) error) error {
	t, err := x.next()
	if err != nil {
		return err
	}
	if t.name != (xml.Name{Space: nsDAV, Local: root}) {
		// A document that is malformed further on is malformed first: litmus wants 400 for "<foo>".
		if err := x.skip(); err != nil {
			return err
		}
		return unfitXML("the root element must be DAV:" + root)
	}
	if err := x.children(child); err != nil {
		return err
	}
	_, err = x.next() // the document ends well
	return err
}

// children calls fn for each element inside the one just started; fn reads to its end. Text between
// them means nothing.
func (x *xmlReader) children(fn func(t *xmlToken) error) error {
	for {
		t, err := x.next()
		switch {
		case err != nil:
			return err
		case t.kind == xmlEnd:
			return nil
		case t.kind == xmlStart:
			if err := fn(t); err != nil {
				return err
			}
		}
	}
}
