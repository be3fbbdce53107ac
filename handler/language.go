package handler

import (
	"bytes"
	"net/http"
	"strings"
)

// DAV:getcontentlanguage is the client's to set, and what GET and HEAD then tell as Content-Language (RFC 4918 §15.3). It is
// kept and listed as any dead property, just as it was set. A value that is no list of language tags is refused with 409
// (§9.2.1): it could be kept, and not be what a GET tells.

// maxLanguageBytes bounds the header field.
const maxLanguageBytes = 1 << 10

// setLanguage sets Content-Language where a client has told the language of the resource, by its real name; otherwise it
// costs nothing. What a store from before, or one that is damaged, has instead of language tags is not sent.
func (h *Handler) setLanguage(w http.ResponseWriter, name string) {
	value, err := h.state.Language(name)
	if err != nil || value == nil {
		return
	}
	if list, ok := languages(value); ok && list != "" {
		set(w, "Content-Language", list)
	}
}

// languages is the list of language tags (RFC 9110 §8.5) that a property holds, as a header field has it; "" when it is
// empty. value is the element as valueWriter writes it: what needs an escape or is an element is no tag.
func languages(value []byte) (list string, ok bool) {
	first, last := bytes.IndexByte(value, '>')+1, bytes.LastIndexByte(value, '<')
	if first > last { // <getcontentlanguage/>
		return "", true
	}
	var tags []string
	size := 0
	for tag := range strings.SplitSeq(string(value[first:last]), ",") {
		if tag = strings.Trim(tag, " \t\r\n"); tag == "" {
			continue // RFC 9110 §5.6.1.2
		}
		if size += len(tag) + 2; !isLanguage(tag) || size > maxLanguageBytes {
			return "", false
		}
		tags = append(tags, tag)
	}
	return strings.Join(tags, ", "), true
}

// isLanguage tells whether a tag has the form that RFC 3066 gave them. Those of RFC 5646 have it, too.
func isLanguage(tag string) bool {
	for i, part := range strings.Split(tag, "-") {
		if part == "" || len(part) > 8 {
			return false
		}
		for _, c := range []byte(part) {
			letter := 'a' <= c|0x20 && c|0x20 <= 'z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}
