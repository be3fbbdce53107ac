package handler

import (
	"io"
	"net/http"
	"strconv"
)

// What net/http lets pass of a request and no method should.

// maxHeaderBytes bounds the header of a request, since each resource that an If header names is looked at: one with
// a hundred lock tokens is 10 KiB.
const maxHeaderBytes = 32 << 10

var (
	errLargeHeader = &statusError{status: http.StatusRequestHeaderFieldsTooLarge, say: "The header of the request is larger than 32 KiB."}
	errLength      = &statusError{status: http.StatusBadRequest, say: "Content-Length is not the length of the content. Nothing was changed."}
)

func acceptable(r *http.Request) error {
	switch {
	case headerBytes(r.Header) > maxHeaderBytes:
		return errLargeHeader
	case !hasItsLength(r):
		return errLength
	}
	return nil
}

// headerBytes is what the header takes in HTTP/1.1.
func headerBytes(header http.Header) (n int) {
	for name, lines := range header {
		for _, line := range lines {
			n += len(name) + len(": ") + len(line) + len("\r\n")
		}
	}
	return n
}

// hasItsLength tells whether r has as much content as its Content-Length says. Over HTTP/2 net/http compares only what
// comes in DATA frames: a PUT without any would empty the file. RFC 9113 §8.1.1.
func hasItsLength(r *http.Request) bool {
	for _, v := range r.Header["Content-Length"] {
		if n, err := strconv.ParseUint(v, 10, 63); err != nil || int64(n) != r.ContentLength {
			return false
		}
	}
	return true
}

// noContent is nil when nothing comes as the content of r. RFC 4918 §8.4: what sends some wants something that this server
// does not know, and must learn that it was not done.
func noContent(r *http.Request) error {
	if r.ContentLength < 0 { // not told
		switch _, err := io.ReadFull(r.Body, make([]byte, 1)); {
		case err == io.EOF:
			return nil
		case err != nil:
			return brokenBody(r, err)
		}
	}
	if r.ContentLength == 0 {
		return nil
	}
	return &statusError{status: http.StatusUnsupportedMediaType, say: r.Method + " takes no content. Nothing was changed."}
}
