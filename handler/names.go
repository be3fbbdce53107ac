package handler

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"ifmatch/fs"
)

// How a URL path becomes a name. It is decoded once, by net/url; then:
//
//	outside the prefix of this tree           404
//	a segment ".."                            400: clients resolve it (RFC 3986 §5.2.4) before they ask
//	an encoded slash, a NUL, not UTF-8        400: no file can have such a name, or no client can show it
//	a path over 4096 bytes, a segment over 255  414
//	empty segments, segments "."              left out: "/a//b" and "/a/./b" are "/a/b"; clients that join URLs make
//	                                          them, such as apt of "deb http://host/a ./"
//	a slash at the end                        left out and remembered: the URL of a collection
//	a reserved name                           404 for reading, 403 for writing
//	NFC or NFD                                see forms.go; of the prefix, either

const maxPathBytes = 4096

// target is the resource that a URL means.
type target struct {
	name  string // cleaned, inside the tree
	slash bool   // the URL ends with a slash, so only a collection can be meant
}

// target of the request.
func (h *Handler) target(r *http.Request) (target, error) {
	t, err := h.parse(r.URL)
	if err != nil {
		return t, err
	}
	writes := !readMethods[r.Method]
	if reserved(t.name) {
		return t, errReserved(writes)
	}
	t.name = h.form(r.Context(), t.name, writes)
	return t, nil
}

// parse gives the name that u means in this tree, in the form it is spelled.
func (h *Handler) parse(u *url.URL) (target, error) {
	path := u.Path
	if path == "" && u.Host != "" { // "http://host" is "http://host/" (RFC 9110 §4.2.3)
		path = "/"
	}
	if h.opts.Prefix != "" {
		rest, ok := CutPrefix(path, h.opts.Prefix)
		if !ok {
			return target{}, errNoResource
		}
		path = rest
	}
	// RawPath is set when the path is not spelled as net/url would, and an encoded slash is such a case.
	if u.RawPath != "" && strings.Contains(strings.ToLower(u.RawPath), "%2f") {
		return target{}, badName("an encoded slash")
	}
	if path == "" && h.opts.Prefix != "" {
		return target{name: "/"}, nil
	}
	return cleanPath(path)
}

// CutPrefix is what follows prefix in a decoded URL path: "", or a path that begins with a slash; ok is false for
// paths outside. The prefix may be spelled in another Unicode form, and with segments that are left out, as names may. Whoever
// decides what a path is about before a Handler does must call this, so that both mean the same name.
func CutPrefix(path, prefix string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
		return rest, true
	}
	for want := range strings.SplitSeq(strings.TrimPrefix(prefix, "/"), "/") {
		seg := ""
		for leftOut(seg) {
			if path == "" || path[0] != '/' {
				return "", false
			}
			seg, path = path[1:], ""
			if end := strings.IndexByte(seg, '/'); end >= 0 {
				seg, path = seg[:end], seg[end:]
			}
		}
		if !sameSegment(seg, want) {
			return "", false
		}
	}
	return path, true
}

// sameSegment tells whether two segments are equal but for their Unicode form.
func sameSegment(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > maxPathBytes || isASCII(a) && isASCII(b) {
		return false
	}
	return norm.NFC.String(a) == norm.NFC.String(b)
}

// cleanPath makes a name of a decoded path that begins with a slash.
func cleanPath(path string) (target, error) {
	switch {
	case path == "" || path[0] != '/':
		return target{}, badName("no slash at the beginning")
	case len(path) > maxPathBytes:
		return target{}, errLongName
	case path == "/":
		return target{name: "/", slash: true}, nil
	case strings.IndexByte(path, 0) >= 0:
		return target{}, badName("a NUL")
	case !utf8.ValidString(path):
		return target{}, badName("bytes that are not UTF-8")
	}
	t := target{slash: leftOut(path[strings.LastIndexByte(path, '/')+1:])}
	clean := true
	for seg := range strings.SplitSeq(path[1:], "/") {
		switch {
		case leftOut(seg):
			clean = false
		case seg == "..":
			return target{}, badName(`the segment ".."`)
		case tooLong(seg):
			return target{}, errLongName
		}
	}
	if clean {
		t.name = path
		return t, nil
	}
	var b strings.Builder
	for seg := range strings.SplitSeq(path, "/") {
		if !leftOut(seg) {
			b.WriteByte('/')
			b.WriteString(seg)
		}
	}
	t.name = b.String()
	if t.name == "" {
		t.name = "/"
	}
	return t, nil
}

// leftOut tells whether a segment of a path means nothing.
func leftOut(seg string) bool { return seg == "" || seg == "." }

// tooLong tells whether a file name is longer than file systems allow: 255 bytes on Unix, 255 UTF-16
// units elsewhere. It is asked here so that the answer does not depend on the file system.
func tooLong(seg string) bool {
	if len(seg) <= 255 {
		return false
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return len(utf16.Encode([]rune(seg))) > 255
	}
	return true
}

// reserved tells whether a segment of name belongs to staged or retired resources.
func reserved(name string) bool {
	return strings.Contains(name, "/"+fs.ReservedPrefix)
}

// showable tells whether a URL can mean a member with this base name; listings leave others out.
func showable(base string) bool {
	return utf8.ValidString(base) && !fs.Reserved(base)
}

// hides tells whether a member of a collection is not for who asks to read. name is that of the collection.
func (h *Handler) hides(r *http.Request, name, base string) bool {
	return h.opts.MayRead != nil && !h.opts.MayRead(r, path.Join(name, base))
}

// forEyes is a text as people can read it: what would turn the direction of a line ("photo\u202egnp.exe"), break it,
// or not be seen at all, as a space at an end, is shown as a mark. Joiners stay, since scripts and emoji are written with them.
func forEyes(text string) string {
	inner := strings.TrimLeft(text, " ")
	lead := len(text) - len(inner)
	inner = strings.TrimRight(inner, " ")
	text = strings.Repeat("\u2423", lead) + inner + strings.Repeat("\u2423", len(text)-lead-len(inner))
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029,
			r == 0x200b, r == 0x2060, r == 0xfeff:
			return utf8.RuneError
		}
		return r
	}, text)
}

// href is the absolute path of the URL of a name, percent-encoded; a collection ends with a slash.
func (h *Handler) href(name string, collection bool) string {
	b := make([]byte, 0, len(h.opts.Prefix)+len(name)+8)
	b = appendPath(b, h.opts.Prefix)
	if name != "/" {
		b = appendPath(b, name)
	}
	if collection || len(b) == 0 {
		b = append(b, '/')
	}
	return string(b)
}

// appendPath appends path, percent-encoded but for slashes and the unreserved characters and
// sub-delims of RFC 3986 §2 that need no escape in XML and HTML either.
func appendPath(dst []byte, path string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(path); i++ {
		if c := path[i]; plainPath[c] {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// plainPath are the bytes of a path that appendPath leaves as they are.
var plainPath = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/!$()*+,=:@") {
		t[c] = true
	}
	return t
}()

var (
	errNoResource    = &statusError{status: http.StatusNotFound, say: "There is nothing at this URL."}
	errNotCollection = &statusError{status: http.StatusNotFound, say: "A URL that ends with a slash names a collection, and there is none here; leave the slash out."}
	errLongName      = &statusError{status: http.StatusRequestURITooLong, say: "The name is too long; a segment has at most 255 bytes, and a path 4096."}
)

func badName(has string) error {
	return &statusError{status: http.StatusBadRequest, say: "No resource can have this name: the path has " + has + ".",
		cause: errors.New("bad name: " + has)}
}

func errReserved(writes bool) error {
	if writes {
		return &statusError{status: http.StatusForbidden, say: "Names that begin with " + fs.ReservedPrefix + " are reserved for the server."}
	}
	return errNoResource
}
