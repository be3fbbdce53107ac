package handler

import (
	"net/http"
	"strconv"
	"sync"

	"golang.org/x/net/webdav"
)

// multistatusChunk is how much of a 207 answer is gathered before it is sent, so that memory does not
// grow with the number of members.
const multistatusChunk = 64 << 10

// multistatus writes a 207 answer (RFC 4918 §13) by appending to a buffer. Nothing is sent before the
// first chunk is full or end is called, so until then a method can still answer with an error.
//
// The text is lean, since Windows refuses listings above 1 MB: no white space, and prefixes of two
// letters declared once. All elements have a prefix, for clients that do not know default namespaces.
type multistatus struct {
	w     http.ResponseWriter
	buf   []byte
	began bool
}

var multistatusBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, multistatusChunk+multistatusChunk/8)
	return &b
}}

// newMultistatus begins an answer in which spaces[i] has the prefix spacePrefix(i). Call close in the end.
func newMultistatus(w http.ResponseWriter, spaces []string) *multistatus {
	m := &multistatus{w: w, buf: *multistatusBuffers.Get().(*[]byte)}
	m.buf = append(m.buf[:0], xmlHead+`<D:multistatus xmlns:D="DAV:"`...)
	for i, s := range spaces {
		m.buf = append(append(m.buf, " xmlns:"...), spacePrefix(i)...)
		m.buf = appendXMLAttr(m.buf, s)
	}
	m.buf = append(m.buf, '>')
	return m
}

func spacePrefix(i int) string { return "n" + strconv.Itoa(i) }

// full tells whether it is time to call flush.
func (m *multistatus) full() bool { return len(m.buf) >= multistatusChunk }

// flush sends what is there; the status is 207 from now on.
func (m *multistatus) flush() error {
	if !m.began {
		m.began = true
		set(m.w, "Content-Type", xmlType)
		m.w.WriteHeader(webdav.StatusMulti)
	}
	_, err := m.w.Write(m.buf)
	m.buf = m.buf[:0]
	return err
}

// end sends the rest. An answer that fits into one chunk tells its length.
func (m *multistatus) end() error {
	m.buf = append(m.buf, "</D:multistatus>\n"...)
	if !m.began {
		set(m.w, "Content-Length", strconv.Itoa(len(m.buf)))
	}
	return m.flush()
}

// close gives the buffer back, unless a property made it large.
func (m *multistatus) close() {
	if cap(m.buf) <= 4*multistatusChunk {
		b := m.buf[:0]
		multistatusBuffers.Put(&b)
	}
	m.buf = nil
}

// response begins the answer for one resource; href is percent-encoded, so nothing in it needs an escape.
func (m *multistatus) response(href string) {
	m.buf = append(append(append(m.buf, "<D:response><D:href>"...), href...), "</D:href>"...)
}

func (m *multistatus) endResponse() { m.buf = append(m.buf, "</D:response>"...) }

// status is the answer for one resource as a whole, with the content of DAV:error or "" and a sentence
// or "".
func (m *multistatus) status(href string, code int, dav, say string) {
	m.response(href)
	m.buf = appendStatus(m.buf, code)
	m.buf = appendError(m.buf, dav, say)
	m.endResponse()
}

// appendStatus appends a DAV:status element. RFC 4918 §14.28.
func appendStatus(dst []byte, code int) []byte {
	text := http.StatusText(code)
	dst = append(strconv.AppendInt(append(dst, "<D:status>HTTP/1.1 "...), int64(code), 10), ' ')
	return append(append(dst, text...), "</D:status>"...)
}

// appendError appends DAV:error and DAV:responsedescription, which follow a status.
func appendError(dst []byte, dav, say string) []byte {
	if dav != "" {
		dst = append(append(append(dst, "<D:error>"...), dav...), "</D:error>"...)
	}
	if say != "" {
		dst = append(appendXMLText(append(dst, "<D:responsedescription>"...), say), "</D:responsedescription>"...)
	}
	return dst
}

// appendEmpty appends the empty element of a property; it declares its own
// namespace, since no prefix of the answer may stand for it.
func appendEmpty(dst []byte, space, local string) []byte {
	switch space {
	case nsDAV:
		dst = append(append(dst, "<D:"...), local...)
	case "":
		dst = append(append(dst, '<'), local...)
	default:
		dst = append(append(dst, "<n:"...), local...)
		dst = appendXMLAttr(append(dst, " xmlns:n"...), space)
	}
	return append(dst, "/>"...)
}
