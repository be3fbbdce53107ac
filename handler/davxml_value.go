package handler

import (
	"encoding/xml"
	"unicode/utf8"
)

// maxValueBytes bounds one property value as it is kept; a longer one is 507 for its property.
const maxValueBytes = 1 << 20

// propValue is a property element (or the content of DAV:owner) as a client sent it.
type propValue struct {
	// xml is self-contained: each prefix in it is declared in it, so it may stand in any document.
	// Prefixes are kept as written (RFC 4918 §4.3), since values may speak of them in text.
	xml      []byte
	kids     []xml.Name // elements directly inside
	text     string     // text directly inside, the first bytes of it
	tooLarge bool       // xml is not whole
}

// property reads the element that was just started, to its end, with the xml:lang that is in scope;
// its other attributes are no part of the value (RFC 4918 §4.3).
func (x *xmlReader) property(t *xmlToken) (propValue, error) {
	var w valueWriter
	root := *t
	root.attrs = nil
	if lang := x.lang(); lang != "" {
		root.attrs = []xmlAttr{{name: xml.Name{Space: nsXML, Local: "lang"}, prefix: "xml", value: lang}}
	}
	w.start(&root)
	return x.value(&w, true)
}

// content reads the element that was just started, to its end, and keeps what is inside.
func (x *xmlReader) content() (propValue, error) { return x.value(new(valueWriter), false) }

func (x *xmlReader) value(w *valueWriter, whole bool) (propValue, error) {
	var v propValue
	for depth := len(x.open); ; {
		t, err := x.next()
		switch {
		case err != nil:
			return v, err
		case t.kind == xmlEnd && len(x.open) < depth:
			if whole {
				w.write(t)
			}
			v.xml, v.tooLarge = w.out, w.full
			return v, nil
		case t.kind == xmlText && len(x.open) == depth && len(v.text) < 64:
			v.text += string(t.text[:min(len(t.text), 64)])
		case t.kind == xmlStart && len(x.open) == depth+1 && len(v.kids) < 16:
			v.kids = append(v.kids, t.name)
		}
		w.write(t)
	}
}

// valueWriter writes tokens back as XML.
type valueWriter struct {
	out   []byte
	scope []xmlDecl // declared in out, the innermost last
	marks []int     // len(scope) outside each open element
	names []string  // tags of the open elements
	half  bool      // a start tag waits for its end: "/>" or ">"
	full  bool      // too large: no more is written
}

func (w *valueWriter) write(t *xmlToken) {
	if w.full {
		return
	}
	if len(w.out) > maxValueBytes {
		w.full, w.out = true, nil
		return
	}
	switch t.kind {
	case xmlStart:
		w.start(t)
	case xmlEnd:
		w.end()
	case xmlText:
		w.closeTag()
		w.out = appendXMLText(w.out, t.text)
	}
}

// start writes a start tag with the declarations it had, and with those that it took from the
// document around the value.
func (w *valueWriter) start(t *xmlToken) {
	w.closeTag()
	w.marks = append(w.marks, len(w.scope))
	tag := qualified(t.prefix, t.name.Local)
	w.names = append(w.names, tag)
	w.out = append(append(w.out, '<'), tag...)
	for _, d := range t.decls {
		w.declare(d)
	}
	w.need(t.prefix, t.name.Space)
	for _, a := range t.attrs {
		if a.prefix != "" {
			w.need(a.prefix, a.name.Space)
		}
	}
	for _, a := range t.attrs {
		w.out = append(append(w.out, ' '), qualified(a.prefix, a.name.Local)...)
		w.out = appendXMLAttr(w.out, a.value)
	}
	w.half = true
}

func (w *valueWriter) end() {
	last := len(w.names) - 1
	if w.half {
		w.out = append(w.out, "/>"...)
		w.half = false
	} else {
		w.out = append(append(append(w.out, "</"...), w.names[last]...), '>')
	}
	w.names = w.names[:last]
	w.scope = w.scope[:w.marks[last]]
	w.marks = w.marks[:last]
}

func (w *valueWriter) closeTag() {
	if w.half {
		w.out = append(w.out, '>')
		w.half = false
	}
}

// need declares a prefix unless it means space already.
func (w *valueWriter) need(prefix, space string) {
	if prefix == "xml" {
		return
	}
	if bound, ok := innermost(w.scope, prefix); bound != space || !ok && prefix != "" {
		w.declare(xmlDecl{prefix, space})
	}
}

func (w *valueWriter) declare(d xmlDecl) {
	w.scope = append(w.scope, d)
	w.out = append(w.out, " xmlns"...)
	if d.prefix != "" {
		w.out = append(append(w.out, ':'), d.prefix...)
	}
	w.out = appendXMLAttr(w.out, d.space)
}

func qualified(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

// appendXMLAttr appends an equals sign and a quoted attribute value.
func appendXMLAttr(dst []byte, s string) []byte {
	dst = append(dst, '=', '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			dst = append(dst, "&#34;"...)
		case '\t':
			dst = append(dst, "&#9;"...) // else it would be read back as a space
		case '\n':
			dst = append(dst, "&#10;"...)
		default:
			dst = appendXMLByte(dst, c)
		}
	}
	return append(dst, '"')
}

// appendXMLText appends character data. What XML cannot hold, and what is not UTF-8, becomes U+FFFD,
// so that no name can break a document.
func appendXMLText[T string | []byte](dst []byte, s T) []byte {
	for i := 0; i < len(s); {
		plain := i
		for i < len(s) && plainXML[s[i]] {
			i++
		}
		dst = append(dst, s[plain:i]...)
		if i == len(s) {
			break
		}
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendXMLByte(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		if r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// plainXML are the bytes of character data that stand for themselves.
var plainXML = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = c != '<' && c != '>' && c != '&'
	}
	return t
}()

// appendXMLByte appends one byte of ASCII, or one of a valid longer rune.
func appendXMLByte(dst []byte, c byte) []byte {
	switch {
	case c == '<':
		return append(dst, "&lt;"...)
	case c == '>':
		return append(dst, "&gt;"...)
	case c == '&':
		return append(dst, "&amp;"...)
	case c == '\r':
		return append(dst, "&#13;"...)
	case c < ' ' && c != '\t' && c != '\n':
		return append(dst, "\uFFFD"...)
	}
	return append(dst, c)
}
