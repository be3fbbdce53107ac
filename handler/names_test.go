package handler

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, c := range []struct {
		path   string // as on the wire
		name   string
		slash  bool
		status int
	}{
		{path: "/", name: "/", slash: true},
		{path: "http://host", name: "/", slash: true}, // RFC 9110 §4.2.3
		{path: "http://host/a", name: "/a"},
		{path: "//", name: "/", slash: true},
		{path: "/a/b", name: "/a/b"},
		{path: "/a/b/", name: "/a/b", slash: true},
		{path: "/a//b///c", name: "/a/b/c"},
		{path: "/a/./b", name: "/a/b"},
		{path: "/%2E/a/.", name: "/a", slash: true},
		{path: "/.", name: "/", slash: true},
		{path: "/./../a", status: 400},
		{path: "/a%20b", name: "/a b"},
		{path: "/a%2520b", name: "/a%20b"},
		{path: "/a+b", name: "/a+b"},
		{path: "/a%5Cb", name: `/a\b`},
		{path: "/%F0%9F%98%80", name: "/😀"},
		{path: "/a:b", name: "/a:b"},
		{path: "/...", name: "/..."},
		{path: "/a%0Ab", name: "/a\nb"},
		{path: "/" + long, name: "/" + long},
		{path: "/..", status: 400},
		{path: "/a/..", status: 400},
		{path: "/%2E%2e/x", status: 400},
		{path: "/a%2Fb", status: 400},
		{path: "/a%2fb", status: 400},
		{path: "/%2f", status: 400},
		{path: "/a%00", status: 400},
		{path: "/%FF", status: 400},
		{path: "/%ED%A0%80", status: 400}, // a surrogate is not UTF-8
		{path: "/" + long + "a", status: 414},
		{path: strings.Repeat("/"+long, 17), status: 414},
	} {
		u, err := url.ParseRequestURI(c.path)
		must(t, err)
		got, err := (&Handler{}).parse(u)
		if c.status != 0 {
			if e, ok := errors.AsType[*statusError](err); !ok || e.status != c.status {
				t.Errorf("%.40s: got %v, want status %d", c.path, err, c.status)
			}
			continue
		}
		if want := (target{c.name, c.slash}); err != nil || got != want {
			t.Errorf("%.40s: got %v %v, want %v", c.path, got, err, want)
		}
	}
}

func TestPrefix(t *testing.T) {
	h := &Handler{opts: Options{Prefix: "/docs"}}
	for path, want := range map[string]string{
		"/docs": "/", "/docs/": "/", "/docs/a": "/a", "/docs/docs": "/docs",
		"/": "", "/docsx": "", "/x/docs": "", "/Docs/a": "",
	} {
		got, err := h.parse(&url.URL{Path: path})
		if (err == nil) != (want != "") || got.name != want {
			t.Errorf("%s: got %q %v, want %q", path, got.name, err, want)
		}
	}
	if got := h.href("/a b", true); got != "/docs/a%20b/" {
		t.Error(got)
	}
	if got := h.href("/", true); got != "/docs/" {
		t.Error(got)
	}
}

func TestCutPrefix(t *testing.T) {
	const nfc, nfd = "/d\u00e9 x/\u00fc", "/de\u0301 x/u\u0308"
	for _, c := range []struct{ path, prefix, rest string }{
		{nfc + "/f", nfc, "/f"}, {nfd + "/f", nfc, "/f"}, {nfc + "/f", nfd, "/f"}, {nfd, nfc, ""}, {nfd + "/", nfc, "/"},
		{nfd + "//u\u0308", nfc, "//u\u0308"}, // what follows stays as spelled
		{"//a/f", "/a", "/f"}, {"///a", "/a", ""}, {"/a//b//f", "/a/b", "//f"},
		{"/a/f", "", "/a/f"}, {"//a/f", "", "//a/f"},
		{"/de/f", "/d\u00e9", "-"}, {"/de\u0301/f", "/de", "-"}, {"/de\u0301\u0301", nfc[:4], "-"}, // a segment is compared as a whole
		{"/d\xc3", nfc[:4], "-"}, {"/d\u00e9", "/d\u00e9 x", "-"},
		{"a/f", "/a", "-"}, {"*", "/a", "-"}, {"", "/a", "-"}, {"//", "/a", "-"}, {"/ab", "/a", "-"}, {"/a/", "/a/b", "-"},
		{"/./a/f", "/a", "/f"}, {"/a/./b/./f", "/a/b", "/./f"}, {"/./", "/a", "-"}, {"/.", "/a", "-"}, {"/x/../a/f", "/a", "-"}, {"*", "", "-"},
		{"/" + strings.Repeat("e\u0301", maxPathBytes), "/" + strings.Repeat("\u00e9", maxPathBytes), "-"},
	} {
		if rest, ok := CutPrefix(c.path, c.prefix); ok != (c.rest != "-") || ok && rest != c.rest {
			t.Errorf("%.40q without %.40q: %q %v, want %q", c.path, c.prefix, rest, ok, c.rest)
		}
	}
	for _, path := range []string{"/docs/a/b", "/other/a/b", "/"} {
		if n := testing.AllocsPerRun(100, func() { CutPrefix(path, "/docs") }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

// What href writes is what parse reads, for every byte that a name can have.
func TestHrefRoundTrip(t *testing.T) {
	var names []string
	for c := 1; c < 0x80; c++ {
		if c != '/' {
			names = append(names, "/x"+string(rune(c))+"y")
		}
	}
	names = append(names, "/", "/ü/ü", "/日本/😀.txt", "/%2F", "/a?b#c", `/"<>&'`)
	for _, prefix := range []string{"", "/p/ü"} {
		h := &Handler{opts: Options{Prefix: prefix}}
		for _, name := range names {
			href := h.href(name, false)
			u, err := url.ParseRequestURI(href)
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			if got, err := h.parse(u); err != nil || got.name != name {
				t.Errorf("%q -> %s -> %q %v", name, href, got.name, err)
			}
		}
	}
}

func TestContentType(t *testing.T) {
	for name, want := range map[string]string{
		"/a.txt":            "text/plain; charset=utf-8",
		"/A.TXT":            "text/plain; charset=utf-8",
		"/a.md":             "text/markdown; charset=utf-8",
		"/a.html":           "text/html; charset=utf-8",
		"/a.js":             "text/javascript; charset=utf-8",
		"/a.json":           "application/json",
		"/a.JPG":            "image/jpeg",
		"/film.mkv":         "video/x-matroska",
		"/db.kdbx":          "application/x-keepass2",
		"/x.tar.gz":         "application/gzip",
		"/README":           "text/plain; charset=utf-8",
		"/.bashrc":          "text/plain; charset=utf-8",
		"/a.b/c":            "application/octet-stream",
		"/x.never-heard":    "application/octet-stream",
		"/dot.":             "application/octet-stream",
		"/sheet.xlsx":       "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"/subtitles.en.srt": "text/plain; charset=utf-8",
	} {
		if got := contentType(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestParseRange(t *testing.T) {
	for v, want := range map[string]string{
		"bytes=0-499":                  "0-499",
		"bytes=500-999":                "500-999",
		"bytes=-500":                   "-500",
		"bytes=9500-":                  "9500-",
		"bytes=0-0,-1":                 "0-0 -1",
		"bytes= 0-0 , 4-5":             "0-0 4-5",
		"bytes=0-0,,4-5,":              "0-0 4-5",
		"bytes=0-1, bytes=4-5":         "0-1 4-5",
		"BYTES=0-1":                    "0-1",
		"bytes=1-0":                    "",
		"bytes=-":                      "",
		"bytes=":                       "",
		"bytes":                        "",
		"bytes=a-b":                    "",
		"bytes=+1-2":                   "",
		"bytes=1-2-3":                  "",
		"bytes=1":                      "",
		"lines=1-2":                    "",
		"bytes=007-":                   "7-",
		"bytes=0-99999999999999999999": "0-9223372036854775807",
	} {
		specs, ok := parseRange(v)
		if got := strings.Join(specs, " "); ok != (want != "") || ok && got != want {
			t.Errorf("%s: got %q %v, want %q", v, got, ok, want)
		}
	}
	if _, ok := parseRange("bytes=" + strings.Repeat("0-0,", maxRanges+1)); ok {
		t.Error("no bound on ranges")
	}
}

func TestForEyes(t *testing.T) {
	for text, want := range map[string]string{
		"photo\u202egnp.exe": "photo\ufffdgnp.exe", "a\nb\tc": "a\ufffdb\ufffdc", "\u200b": "\ufffd", "plain é <b>": "plain é <b>",
		"👩\u200d🚀": "👩\u200d🚀", " ": "␣", " a  b ": "␣a  b␣",
	} {
		if got := forEyes(text); got != want {
			t.Errorf("forEyes(%q) = %q, want %q", text, got, want)
		}
	}
}
