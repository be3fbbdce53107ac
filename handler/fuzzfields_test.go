package handler

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// The header fields that are no preconditions and no Range; those are in fuzz_test.go, and If in ifheader_test.go.

// What Destination leads to is a clean name of this server, or the request is refused.
func FuzzDestination(f *testing.F) {
	for _, s := range []string{"/a/b", "http://here.example/a%20b", "https://here.example:443/a/", "http://there.example/a",
		"//here.example/a", "/../x", "/a%2fb", "/.ifmatch-1", "http:a", "/a#b", "/a?b", "http://user:pw@here.example/a", "", "*"} {
		f.Add(s)
	}
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{Hosts: []string{"public.example"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := &http.Request{Method: "COPY", URL: &url.URL{Path: "/src"}, Host: "here.example", Header: http.Header{"Destination": {s}}}
		there, got, err := h.destination(r)
		if err != nil {
			if e, ok := errors.AsType[*statusError](err); !ok || e.status < 400 || e.status >= 500 && e.status != http.StatusBadGateway {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		name := got.name
		if there != h || name == "" || name[0] != '/' || strings.Contains(name, "//") || strings.Contains(name+"/", "/../") ||
			strings.Contains(name, "\x00") || reserved(name) {
			t.Fatalf("%q: %q", s, name)
		}
		if u, _ := url.Parse(strings.TrimSpace(s)); u.Host != "" && !slices.Contains([]string{"here.example", "public.example"}, bareHost(u.Host)) {
			t.Fatalf("%q is on another server", s)
		}
	})
}

// A host that a proxy is said to have been asked for stands in the field.
func FuzzForwardedHosts(f *testing.F) {
	for _, s := range []string{"host=a", `for=1.2.3.4;host="a:80", for=b`, "HOST=a;proto=https", "a, b", ";,=", `host="`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, field := range []string{"Forwarded", "X-Forwarded-Host"} {
			for _, host := range forwardedHosts(http.Header{field: {s}}) {
				if !strings.Contains(s, host) {
					t.Fatalf("%s: %q: %q", field, s, host)
				}
			}
		}
	})
}

// Prefer asks for nothing that it does not name, and what is applied is something that it asks for.
func FuzzPrefer(f *testing.F) {
	for _, s := range []string{"return=minimal", `return="representation"`, "depth-noroot, return=minimal", "Return = minimal; x", "wait=5", "return", ",;="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, lower := parsePrefer(http.Header{"Prefer": {s}}), strings.ToLower(s)
		for word, asked := range map[string]bool{"minimal": p.minimal, "representation": p.representation, "depth-noroot": p.noRoot} {
			if asked && !strings.Contains(lower, word) {
				t.Fatalf("%q: %+v", s, p)
			}
		}
		w := httptest.NewRecorder()
		p.applied(w)
		if got := w.Header().Get("Preference-Applied"); (got != "") != (p.minimal || p.noRoot) {
			t.Fatalf("%q: applied %q", s, got)
		}
	})
}

// The form of an error answer is one that Accept names.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{"*/*", "text/html,application/xml;q=0.9,*/*;q=0.8", "application/json;q=0", "text/xml;q=nan", "TEXT/HTML", ";q=1,", "text/plain;q=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		form := askedForm([]string{s})
		if form == noForm {
			return
		}
		for kind, of := range bodyForms {
			if of == form && strings.Contains(strings.ToLower(s), kind) {
				return
			}
		}
		t.Fatalf("%q asks for form %d", s, form)
	})
}

// A digest that can be read has its size, and content that does not have it is refused.
func FuzzDigests(f *testing.F) {
	sha, sum := sha256.Sum256([]byte("x")), md5.Sum([]byte("x"))
	for _, s := range []string{"sha-256=:" + base64.StdEncoding.EncodeToString(sha[:]) + ":", "sha-256=:AAAA:", "sha-512=1, md5=:AA==:",
		base64.StdEncoding.EncodeToString(sum[:]), "MD5:" + hex.EncodeToString(sum[:]) + " SHA1:00", "ADLER32:00790079", "Adler32:790079", "=", `a="\"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, field := range []string{"Content-Digest", "Repr-Digest", "Content-Md5", "Oc-Checksum"} {
			all, err := promisedDigests(http.Header{field: {s}})
			if err != nil {
				if e, ok := errors.AsType[*statusError](err); !ok || e.status != http.StatusBadRequest {
					t.Fatalf("%s: %q: %v", field, s, err)
				}
				continue
			}
			right := true
			for _, p := range all {
				sum := algorithms[p.algorithm]()
				if len(p.want) != sum.Size() {
					t.Fatalf("%s: %q: %d bytes", field, s, len(p.want))
				}
				sum.Write([]byte("x"))
				right = right && bytes.Equal(sum.Sum(nil), p.want)
			}
			if _, err := io.ReadAll(verify(strings.NewReader("x"), all, nil)); (err == nil) != right {
				t.Fatalf("%s: %q: %v", field, s, err)
			}
			if _, err := io.ReadAll(verify(strings.NewReader("x"), nil, http.Header{field: {s}})); (err == nil) != right {
				t.Fatalf("%s: %q as a trailer: %v", field, s, err)
			}
		}
		offerDigest(httptest.NewRecorder(), &http.Request{Header: http.Header{"Want-Repr-Digest": {s}}}, &etagfs.Info{Digest: new(etagfs.Digest)})
	})
}

// A lock lasts at least a second and at most as long as the server lets it, whatever is wished.
func FuzzTimeout(f *testing.F) {
	for _, s := range []string{"Second-600", "Infinite, Second-4100000000", "Second-0", "Second-99999999999999999999", "Second--1", "infinite", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := lockTimeout([]string{s}); d < time.Second || d > 24*time.Hour {
			t.Fatalf("%q: %v", s, d)
		}
	})
}

// A lock token is what stands between the angle brackets, and an absolute URI.
func FuzzLockToken(f *testing.F) {
	for _, s := range []string{"<urn:uuid:1>", " <a:b> ", "<>", "urn:uuid:1", "<a>", "<a:b><c:d>", "<a: b>", "<urn:uuid:1", "urn:uuid:1>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, ok := codedURL([]string{s})
		if ok && (strings.TrimSpace(s) != "<"+token+">" || !strings.Contains(token, ":")) {
			t.Fatalf("%q: %q", s, token)
		}
	})
}

// Depth and Overwrite are one of a few words, or refused.
func FuzzDepthAndOverwrite(f *testing.F) {
	for _, s := range []string{"0", "1", "Infinity", "1,noroot", "T", "f", "", " 0 ", "2", "infinity, infinity"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lines, word := []string{s}, strings.ToLower(strings.TrimSpace(s))
		if d, err := parseDepth(lines); (err == nil) != slices.Contains([]string{"0", "1", "infinity", ""}, word) {
			t.Fatalf("%q: %v, %v", s, d, err)
		}
		if d, noRoot, err := propfindDepth(lines); err == nil && !noRoot && !slices.Contains([]string{"0", "1", "infinity", ""}, word) {
			t.Fatalf("%q: %v", s, d)
		}
		if yes, err := overwrites(lines); (err == nil) != slices.Contains([]string{"t", "f", ""}, word) || err == nil && yes == (word == "f") {
			t.Fatalf("%q: %v, %v", s, yes, err)
		}
	})
}
