package handler

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/webdav"
)

// XML that clients send is read as tokens, never into structures that the document chooses. What a
// body may hold is bounded before anything is built from it:
//
//	bytes                      maxXMLBytes         413
//	a document type            none                400: no entities to expand; 403 if it is to be fetched
//	depth                      maxXMLDepth         413
//	elements                   maxXMLElements      413
//	attributes of an element   maxXMLAttrs         413
//	namespaces in scope        maxXMLDecls         413: each prefix is looked for among them
//	bytes of a name            maxXMLName          413
//
// Namespaces are resolved here, since encoding/xml lets undeclared prefixes pass and forgets which
// prefix was written. Comments and processing instructions are ignored (RFC 4918 §17).
const (
	maxXMLBytes    = 2 << 20
	maxXMLDepth    = 64
	maxXMLElements = 20_000
	maxXMLAttrs    = 64
	maxXMLDecls    = 256
	maxXMLName     = 1024
)

const (
	nsDAV   = "DAV:"
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// xmlType and xmlHead are those of every document that we send.
const (
	xmlType = "application/xml; charset=utf-8"
	xmlHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
)

// answerXML answers with a small document. A proxy that compressed it would respell its ETag.
func answerXML(w http.ResponseWriter, status int, doc []byte) error {
	set(w, "Content-Type", xmlType)
	set(w, "Cache-Control", "no-store, no-transform")
	set(w, "Content-Length", strconv.Itoa(len(doc)))
	w.WriteHeader(status)
	_, err := w.Write(doc)
	return err
}

// promisedXMLBytes is the most of a body that gets memory before it is there: a client can promise any length, and send nothing.
const promisedXMLBytes = 8 << 10

// readXMLBody reads the body of r, nil when it is empty.
// Errors: 413 when it is too large, 415 when it is coded, those of brokenBody.
func readXMLBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	if coded(r) {
		return nil, errCoded
	}
	if r.ContentLength > maxXMLBytes {
		return nil, errXMLTooLarge
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, promisedXMLBytes)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r.Body, maxXMLBytes+1))
	switch {
	case err != nil:
		return nil, brokenBody(r, err)
	case n > maxXMLBytes:
		return nil, errXMLTooLarge
	case n == 0:
		return nil, nil
	}
	return b.Bytes(), nil
}

// newXMLReader reads a document in UTF-8 or UTF-16, which RFC 4918 §8.2 asks for.
func newXMLReader(doc []byte) *xmlReader {
	wide := false
	switch {
	case bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")):
		doc = doc[3:]
	case bytes.HasPrefix(doc, []byte("\xfe\xff")):
		doc, wide = narrowed(doc[2:], 0, 1), true
	case bytes.HasPrefix(doc, []byte("\xff\xfe")):
		doc, wide = narrowed(doc[2:], 1, 0), true
	}
	x := &xmlReader{doc: doc, dec: xml.NewDecoder(bytes.NewReader(doc))}
	x.dec.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if wide && strings.HasPrefix(strings.ToLower(charset), "utf-16") || strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, errXMLCharset
	}
	return x
}

// narrowed is UTF-16 as UTF-8; hi and lo are where the two bytes of a unit stand.
func narrowed(doc []byte, hi, lo int) []byte {
	out := make([]byte, 0, len(doc)/2)
	for len(doc) >= 2 {
		r := rune(doc[hi])<<8 | rune(doc[lo])
		doc = doc[2:]
		if utf16.IsSurrogate(r) && len(doc) >= 2 {
			if r2 := utf16.DecodeRune(r, rune(doc[hi])<<8|rune(doc[lo])); r2 != utf8.RuneError {
				r, doc = r2, doc[2:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

var (
	errXMLTooLarge = &statusError{status: http.StatusRequestEntityTooLarge, say: fmt.Sprintf("The XML is larger than %d bytes.", maxXMLBytes)}
	// RFC 4918 §16. A document type that names nothing outside is only one that this server does not read.
	errExternalEntity = &statusError{status: http.StatusForbidden, dav: "<D:no-external-entities/>",
		say: "The XML refers to something outside of it, which this server does not fetch."}
	errXMLCharset = errors.New("neither UTF-8 nor UTF-16")
)

func malformedXML(has string) error {
	return &statusError{status: http.StatusBadRequest, say: "The XML is malformed: " + has + "."}
}

func xmlTooMuch(what string) error {
	return &statusError{status: http.StatusRequestEntityTooLarge, say: "The XML " + what + "."}
}

// unfitXML is for a document that is well-formed and cannot be acted upon: RFC 4918 §11.2.
func unfitXML(why string) error {
	return &statusError{status: webdav.StatusUnprocessableEntity, say: "The XML does not say what to do: " + why + "."}
}

func xmlDecodeError(err error) error {
	if errors.Is(err, errXMLCharset) {
		return &statusError{status: http.StatusUnsupportedMediaType, say: "The XML must be in UTF-8 or UTF-16."}
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return &statusError{status: http.StatusBadRequest, say: fmt.Sprintf("The XML is malformed: line %d: %s.", syntax.Line, syntax.Msg), cause: err}
	}
	return &statusError{status: http.StatusBadRequest, say: "The XML is malformed.", cause: err}
}
