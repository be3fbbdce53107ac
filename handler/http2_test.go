package handler_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// overHTTP2 is a server of one resource that holds old, and what reads it.
func overHTTP2(t *testing.T, old string) (srv *httptest.Server, get func() string) {
	t.Helper()
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{})
	must(t, err)
	srv = httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ask := func(method, body string) string {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(method, "/x", bytes.NewBufferString(body)))
		return rec.Body.String()
	}
	ask("PUT", old)
	return srv, func() string { return ask("GET", "") }
}

// frames is a request as no client of net/http would send it: the fields, then data unless it is nil, then trailers
// unless there are none. The status is "" where the stream was reset.
type frames struct {
	method   string
	fields   []string // name, value, name, value
	data     []byte
	trailers []string
}

func (f frames) send(t *testing.T, srv *httptest.Server) (status string) {
	t.Helper()
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	must(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	table := hpack.NewEncoder(&block)
	headers := func(fields []string, ends bool) {
		block.Reset()
		for i := 0; i < len(fields); i += 2 {
			table.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: ends})
	}
	io.WriteString(conn, http2.ClientPreface)
	framer.WriteSettings()
	pseudo := []string{":method", f.method, ":scheme", "https", ":authority", "x", ":path", "/x"}
	headers(append(pseudo, f.fields...), f.data == nil && f.trailers == nil)
	if f.data != nil {
		framer.WriteData(1, f.trailers == nil, f.data)
	}
	if f.trailers != nil {
		headers(f.trailers, true)
	}
	for {
		frame, err := framer.ReadFrame()
		must(t, err)
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status = frame.PseudoValue("status")
			framer.WritePing(false, [8]byte{})
		case *http2.RSTStreamFrame:
			return status
		case *http2.GoAwayFrame:
			t.Errorf("%v: the whole connection ends", f)
		case *http2.PingFrame:
			return status
		}
	}
}

// RFC 9113 §8.1.1: a request whose Content-Length is not the sum of its DATA frames is malformed. net/http sees that only
// where there are such frames.
func TestContentLengthOverHTTP2(t *testing.T) {
	for name, f := range map[string]frames{
		"no content":             {fields: []string{"content-length", "5"}},
		"no content, too large":  {fields: []string{"content-length", "99999999999999999999"}},
		"no content, no number":  {fields: []string{"content-length", "five"}},
		"no content, signed":     {fields: []string{"content-length", "+0"}},
		"no content, two fields": {fields: []string{"content-length", "0", "content-length", "5"}},
		"empty content":          {fields: []string{"content-length", "5"}, data: []byte{}},
		"trailers alone":         {fields: []string{"content-length", "5"}, trailers: []string{"a", "b"}},
		"content, two fields":    {fields: []string{"content-length", "3", "content-length", "5"}, data: []byte("new")},
		"content, no number":     {fields: []string{"content-length", "three"}, data: []byte("new")},
		"too short":              {fields: []string{"content-length", "5"}, data: []byte("new")},
		"too long":               {fields: []string{"content-length", "2"}, data: []byte("new")},
	} {
		srv, get := overHTTP2(t, "old bytes")
		f.method = "PUT"
		if status := f.send(t, srv); status != "400" && status != "" {
			t.Errorf("%s: %s", name, status)
		}
		if got := get(); got != "old bytes" {
			t.Errorf("%s: changed to %q", name, got)
		}
	}
	for _, method := range []string{"GET", "DELETE", "LOCK", "PROPPATCH", "NOSUCH"} {
		srv, get := overHTTP2(t, "old bytes")
		if status := (frames{method: method, fields: []string{"content-length", "5"}}).send(t, srv); status != "400" {
			t.Errorf("%s: %s", method, status)
		}
		if got := get(); got != "old bytes" {
			t.Errorf("%s: changed to %q", method, got)
		}
	}
	srv, get := overHTTP2(t, "old bytes")
	for _, f := range []frames{
		{method: "PUT", fields: []string{"content-length", "3"}, data: []byte("new")},
		{method: "PUT", data: []byte("new")},
		{method: "PUT", fields: []string{"content-length", "0"}},
	} {
		if status := f.send(t, srv); status != "204" || get() != string(f.data) {
			t.Errorf("%v: %s, %q", f, status, get())
		}
	}
}

// A digest that follows the content counts, where Trailer announced it. RFC 9530 §2.
func TestDigestInTrailersOverHTTP2(t *testing.T) {
	srv, get := overHTTP2(t, "old bytes")
	f := frames{method: "PUT", fields: []string{"trailer", "Content-Digest"}, data: []byte("hullo"),
		trailers: []string{"content-digest", "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"}}
	if status, got := f.send(t, srv), get(); status != "400" || got != "old bytes" {
		t.Errorf("%s, %q", status, got)
	}
	f.data = []byte("hello")
	if status, got := f.send(t, srv), get(); status != "204" || got != "hello" {
		t.Errorf("%s, %q", status, got)
	}
}

// A refusal that would end a connection of HTTP/1.1 ends none that others use at the same time.
func TestRefusedDeleteKeepsHTTP2(t *testing.T) {
	srv, _ := overHTTP2(t, "old")
	var kept bool
	trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { kept = c.Reused }})
	for range 3 {
		r, err := http.NewRequestWithContext(trace, "DELETE", srv.URL+"/missing", nil)
		must(t, err)
		res, err := srv.Client().Do(r)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != 404 || res.ProtoMajor != 2 {
			t.Fatalf("%s %s, want HTTP/2.0 404", res.Proto, res.Status)
		}
	}
	if !kept {
		t.Error("the connection was not kept")
	}
}

// The page of a collection has no Content-Length over HTTP/2 either.
func TestPageOverHTTP2HasNoLength(t *testing.T) {
	srv, _ := overHTTP2(t, "old")
	res, err := srv.Client().Get(srv.URL + "/")
	must(t, err)
	defer res.Body.Close()
	if res.ProtoMajor != 2 || res.StatusCode != 200 || res.ContentLength >= 0 {
		t.Errorf("HTTP/%d, status %d, Content-Length %d", res.ProtoMajor, res.StatusCode, res.ContentLength)
	}
}
