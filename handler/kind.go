package handler

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// kindOf says in one word what people take a resource for, for its icon and its preview.
func kindOf(name string, collection bool) string {
	if collection {
		return "folder"
	}
	t, _, _ := strings.Cut(contentType(name), ";")
	switch top, sub, _ := strings.Cut(t, "/"); {
	case t == "text/markdown":
		return "markdown"
	case t == "text/plain":
		return "text"
	case t == "application/pdf":
		return "pdf"
	case top == "image" || top == "audio" || top == "video":
		return top
	case isText(t):
		return "code"
	case strings.Contains(sub, "zip") || archives[sub]:
		return "archive"
	case strings.Contains(sub, "document") || strings.HasPrefix(sub, "ms") || strings.HasPrefix(sub, "vnd.ms-") || sub == "rtf":
		return "document"
	}
	return "file"
}

var archives = map[string]bool{"x-tar": true, "x-xz": true, "x-bzip2": true, "zstd": true, "x-7z-compressed": true, "vnd.rar": true, "x-iso9660-image": true}

// isText tells whether representations of a media type (without parameters) are text.
func isText(t string) bool {
	if strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml") {
		return true
	}
	switch t {
	case "application/json", "application/x-ndjson", "application/yaml", "application/toml", "application/xml",
		"application/javascript", "application/x-sh", "application/sql", "application/x-pem-file":
		return true
	}
	return false
}

// shown are the pictures that all browsers show.
var shown = map[string]bool{"image/png": true, "image/apng": true, "image/jpeg": true, "image/gif": true, "image/webp": true,
	"image/avif": true, "image/svg+xml": true, "image/bmp": true, "image/vnd.microsoft.icon": true}

// looksText tells whether the first bytes of a representation are UTF-8 text; whole says that they are all.
func looksText(b []byte, whole bool) bool {
	if bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	if !whole { // the last character may be cut
		for range utf8.UTFMax - 1 {
			if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
				break
			}
			b = b[:len(b)-1]
		}
	}
	return utf8.Valid(b)
}
