package handler

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// Whatever stands in If-Match and If-None-Match: a tag that is read is one that can be sent again, a
// malformed If-Match is false, and the current state passes If-Match only if it was named.
func FuzzTagList(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a", "b"`, "*", `"a`, "abc", ",,", `"a,b"`, `"a""b"`, "\"\xff\"", `w/"a"`, "W/", `"a" x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l := parseTagList([]string{s})
		for _, tag := range l.tags {
			again, rest, ok := parseETag(quoted(tag))
			if !ok || rest != "" || again != tag {
				t.Fatalf("%q: %v is not read again: %v %q", s, tag, again, rest)
			}
			if !strings.Contains(s, quoted(tag)) {
				t.Fatalf("%q: %v was never sent", s, tag)
			}
		}
		h := http.Header{"If-Match": {s}}
		p := parsePreconditions(h, false)
		cur := &etagfs.Info{Tag: etagfs.ETag{Opaque: "a"}}
		if p.evaluate("PUT", cur) == nil && !strings.Contains(s, `"a"`) && strings.Trim(s, " \t,") != "*" {
			t.Fatalf("%q passed as If-Match", s)
		}
		if l.malformed && p.evaluate("PUT", cur) == nil {
			t.Fatalf("%q is malformed and passed", s)
		}
		if p.evaluate("PUT", nil) == nil {
			t.Fatalf("%q passed for an unmapped URL", s)
		}
	})
}

// quoted is the field value also for the empty opaque tag, which the zero ETag cannot tell.
func quoted(e etagfs.ETag) string {
	if e.Weak {
		return `W/"` + e.Opaque + `"`
	}
	return `"` + e.Opaque + `"`
}

// Dates never panic, and what passes If-Unmodified-Since is a date that is not before the state.
func FuzzDate(f *testing.F) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "now", ""} {
		f.Add(s)
	}
	cur := &etagfs.Info{Info: fs.Info{Identity: fs.Identity{Mtime: 784111777e9}}, Tag: etagfs.ETag{Opaque: "a"}}
	f.Fuzz(func(t *testing.T, s string) {
		p := parsePreconditions(http.Header{"If-Unmodified-Since": {s}, "If-Modified-Since": {s}}, false)
		if d := p.ifUnmodifiedSince; d.ok && (p.evaluate("PUT", cur) == nil) != (d.unix >= 784111777) {
			t.Fatalf("%q: %+v", s, d)
		}
		ifRange([]string{s}, cur, time.Unix(784111779, 0))
	})
}

// A range that is taken is one that ServeContent can send.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-1", "bytes=1-", "bytes=0-1,bytes=3-4", "bytes=,", "x=1-2", "bytes=9-1", "bytes=0-9999999999999999999"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, s string, size int64) {
		specs, ok := parseRange(s)
		if ok && len(specs) == 0 || len(specs) > maxRanges {
			t.Fatalf("%q: %v", s, specs)
		}
		for _, spec := range specs {
			first, last, ok := bounds(spec)
			if !ok || first < 0 && last < 0 || first >= 0 && last >= 0 && last < first {
				t.Fatalf("%q: %d-%d", spec, first, last)
			}
		}
		for _, spec := range satisfiable(specs, size) {
			if first, last, _ := bounds(spec); first >= size || first < 0 && last == 0 {
				t.Fatalf("%q selects none of %d bytes", spec, size)
			}
		}
	})
}

// A path that is accepted is a clean name inside the tree, and its href leads back to it.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "/../x", "/a%2fb", "/%00", "/%ff", "//a//", "/.ifmatch-1", "/a/./b", "/%2e%2e", "/ü", "/u%CC%88"} {
		f.Add(s)
	}
	h := &Handler{}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.ParseRequestURI(s)
		if err != nil {
			return
		}
		got, err := h.parse(u)
		if err != nil {
			return
		}
		name := got.name
		if name == "" || name[0] != '/' || len(name) > 1 && name[len(name)-1] == '/' ||
			strings.Contains(name, "//") || strings.Contains(name+"/", "/../") || strings.Contains(name+"/", "/./") ||
			strings.Contains(name, "\x00") || !utf8.ValidString(name) {
			t.Fatalf("%q: %q", s, name)
		}
		back, err := url.ParseRequestURI(h.href(name, got.slash))
		must(t, err)
		if again, err := h.parse(back); err != nil || again != got && name != "/" {
			t.Fatalf("%q -> %v -> %v -> %v %v", s, got, back, again, err)
		}
	})
}
