package client

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
)

// StatusError is an answer that says no.
type StatusError struct {
	Method, URL string
	Status      int
	Says        string // the server's sentence, if it sent one as plain text
	Location    string // where a redirect points that was not followed
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	switch {
	case e.Location != "":
		s += ": it is at " + e.Location + " now; writes do not follow"
	case e.Says != "":
		s += ": " + e.Says
	}
	return s
}

// Refusal is a write that was not sent, since it would overwrite or delete what its user has not seen.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// statusError reads the sentence from a plain text body.
func statusError(r *http.Request, res *http.Response) error {
	e := &StatusError{Method: r.Method, URL: r.URL.String(), Status: res.StatusCode}
	if res.StatusCode/100 == 3 {
		e.Location = res.Header.Get("Location")
	}
	if t, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); t == "text/plain" {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		line, _, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
		e.Says = strings.TrimSuffix(Printable(string(line)), ".")
	}
	return e
}

// Printable is a text of somebody else's as a terminal may show it.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}
