package handler

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

func TestParseTagList(t *testing.T) {
	strong := func(s string) etagfs.ETag { return etagfs.ETag{Opaque: s} }
	weak := func(s string) etagfs.ETag { return etagfs.ETag{Opaque: s, Weak: true} }
	for _, c := range []struct {
		name  string
		lines []string
		tags  []etagfs.ETag
		star  bool
		bad   bool
	}{
		{name: "RFC 9110 §13.1.1 example 1", lines: []string{`"xyzzy"`}, tags: []etagfs.ETag{strong("xyzzy")}},
		{name: "RFC 9110 §13.1.1 example 2", lines: []string{`"xyzzy", "r2d2xxxx", "c3piozzzz"`},
			tags: []etagfs.ETag{strong("xyzzy"), strong("r2d2xxxx"), strong("c3piozzzz")}},
		{name: "RFC 9110 §13.1.2 weak", lines: []string{`W/"xyzzy", W/"r2d2xxxx"`}, tags: []etagfs.ETag{weak("xyzzy"), weak("r2d2xxxx")}},
		{name: "RFC 9110 §8.8.3 empty opaque tag", lines: []string{`""`}, tags: []etagfs.ETag{strong("")}},
		{name: "star", lines: []string{"*"}, star: true},
		{name: "star with space", lines: []string{" * "}, star: true},
		{name: "star twice", lines: []string{"*", "*"}, star: true, bad: true},
		{name: "star in a list", lines: []string{`"a", *`}, tags: []etagfs.ETag{strong("a")}, star: true, bad: true},
		{name: "star in quotes is a tag", lines: []string{`"*"`}, tags: []etagfs.ETag{strong("*")}},
		{name: "lines are joined, §5.3", lines: []string{`"a"`, `"b"`}, tags: []etagfs.ETag{strong("a"), strong("b")}},
		{name: "empty elements, §5.6.1.2", lines: []string{`, "a" ,, "b",`}, tags: []etagfs.ETag{strong("a"), strong("b")}},
		{name: "comma in a tag", lines: []string{`"a,b"`}, tags: []etagfs.ETag{strong("a,b")}},
		{name: "backslash is no escape", lines: []string{`"a\"`}, tags: []etagfs.ETag{strong(`a\`)}},
		{name: "obs-text", lines: []string{"\"\xe9\""}, tags: []etagfs.ETag{strong("\xe9")}},
		{name: "no quotes", lines: []string{"abc"}, bad: true},
		{name: "one letter", lines: []string{"x"}, bad: true},
		{name: "star and more", lines: []string{"*x"}, bad: true},
		{name: "no quote before", lines: []string{`xa"`}, bad: true},
		{name: "the first character of all, and the last of ASCII", lines: []string{`"!", "~"`}, tags: []etagfs.ETag{strong("!"), strong("~")}},
		{name: "DEL", lines: []string{"\"\x7f\""}, bad: true},
		{name: "no quotes beside a tag", lines: []string{`abc, "d"`}, tags: []etagfs.ETag{strong("d")}, bad: true},
		{name: "unclosed", lines: []string{`"abc`}, bad: true},
		{name: "lower case weak", lines: []string{`w/"a"`}, bad: true},
		{name: "space within", lines: []string{`"a b"`}, bad: true},
		{name: "junk behind", lines: []string{`"a"b, "c"`}, tags: []etagfs.ETag{strong("c")}, bad: true},
		{name: "only commas", lines: []string{",,"}, bad: true},
		{name: "empty", lines: []string{""}, bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parseTagList(c.lines)
			if !got.present || got.star != c.star || got.malformed != c.bad || len(got.tags) != len(c.tags) {
				t.Fatalf("got %+v", got)
			}
			for i := range c.tags {
				if got.tags[i] != c.tags[i] {
					t.Errorf("tag %d: got %v, want %v", i, got.tags[i], c.tags[i])
				}
			}
		})
	}
	if parseTagList(nil).present {
		t.Error("no lines are no field")
	}
}

func TestEvaluate(t *testing.T) {
	mtime := time.Date(2026, 5, 4, 3, 2, 1, 500, time.UTC)
	file := func(tag etagfs.ETag) *etagfs.Info {
		return &etagfs.Info{Info: fs.Info{Identity: fs.Identity{Mtime: mtime.UnixNano()}}, Tag: tag}
	}
	x := file(etagfs.ETag{Opaque: "x"})
	weak := file(etagfs.ETag{Opaque: "x", Weak: true})
	setBack := file(etagfs.ETag{Opaque: "x"})
	setBack.Ctime = mtime.Add(time.Hour).UnixNano()
	at, after := mtime.Format(http.TimeFormat), mtime.Add(time.Hour).Format(http.TimeFormat)
	before := mtime.Add(-time.Second).Format(http.TimeFormat)
	const pass, notModified, refused = "go on", "304", "412"
	for _, c := range []struct {
		name   string
		method string
		cur    *etagfs.Info
		fields [][2]string
		want   string
	}{
		{"no condition", "PUT", x, nil, pass},
		{"§13.1.1 same", "PUT", x, [][2]string{{"If-Match", `"x"`}}, pass},
		{"§13.1.1 other", "PUT", x, [][2]string{{"If-Match", `"y"`}}, refused},
		{"§13.1.1 unmapped", "PUT", nil, [][2]string{{"If-Match", `"x"`}}, refused},
		{"§13.1.1 star, unmapped", "DELETE", nil, [][2]string{{"If-Match", "*"}}, refused},
		{"§13.1.1 star, mapped", "DELETE", x, [][2]string{{"If-Match", "*"}}, pass},
		{"§8.8.3.2 weak sent", "PUT", x, [][2]string{{"If-Match", `W/"x"`}}, refused},
		{"§8.8.3.2 weak current", "PUT", weak, [][2]string{{"If-Match", `"x"`}}, refused},
		{"§8.8.3.2 both weak", "PUT", weak, [][2]string{{"If-Match", `W/"x"`}}, refused},
		{"§13.1.2 same", "PUT", x, [][2]string{{"If-None-Match", `"x"`}}, refused},
		{"§13.1.2 same, GET", "GET", x, [][2]string{{"If-None-Match", `"x"`}}, notModified},
		{"§13.1.2 same, HEAD", "HEAD", weak, [][2]string{{"If-None-Match", `"x"`}}, notModified},
		{"§13.1.2 other", "PUT", x, [][2]string{{"If-None-Match", `"y"`}}, pass},
		{"§13.1.2 star, unmapped", "PUT", nil, [][2]string{{"If-None-Match", "*"}}, pass},
		{"§13.1.2 star, mapped", "PUT", x, [][2]string{{"If-None-Match", "*"}}, refused},
		{"§13.1.3 not later", "GET", x, [][2]string{{"If-Modified-Since", at}}, notModified},
		{"§13.1.3 changed and its time set back", "GET", setBack, [][2]string{{"If-Modified-Since", at}}, pass},
		{"§13.1.3 set back before that", "GET", setBack, [][2]string{{"If-Modified-Since", after}}, notModified},
		{"§13.1.3 later", "GET", x, [][2]string{{"If-Modified-Since", before}}, pass},
		{"§13.1.3 PUT", "PUT", x, [][2]string{{"If-Modified-Since", at}}, pass},
		{"§13.1.3 beside If-None-Match", "GET", x, [][2]string{{"If-Modified-Since", at}, {"If-None-Match", `"y"`}}, pass},
		{"§13.1.4 not later", "PUT", x, [][2]string{{"If-Unmodified-Since", at}}, pass},
		{"§13.1.4 later", "PUT", x, [][2]string{{"If-Unmodified-Since", before}}, refused},
		{"§13.1.4 unmapped", "PUT", nil, [][2]string{{"If-Unmodified-Since", at}}, refused},
		{"§13.1.4 beside If-Match", "PUT", x, [][2]string{{"If-Unmodified-Since", before}, {"If-Match", `"x"`}}, pass},
		{"§13.1.4 two lines are no date", "PUT", x, [][2]string{{"If-Unmodified-Since", before}, {"If-Unmodified-Since", before}}, pass},
		{"§13.2.2 both tags", "PUT", x, [][2]string{{"If-Match", `"x"`}, {"If-None-Match", `"x"`}}, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			for _, f := range c.fields {
				h.Add(f[0], f[1])
			}
			p := parsePreconditions(h, false)
			got := pass
			switch err := p.evaluate(c.method, c.cur).(type) {
			case nil:
			case *refusal:
				got = refused
			default:
				if err == errNotModified {
					got = notModified
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// The ETag that a refusal says to save with is one that can match.
func TestRefusalOfAWeakTag(t *testing.T) {
	h, err := New(NewTree(fs.NewMemory(), etagfs.Options{}), Options{})
	must(t, err)
	r := &http.Request{Method: http.MethodPut, Header: http.Header{"If-Match": {`"y"`}}}
	for _, weak := range []bool{false, true} {
		cur := &etagfs.Info{Tag: etagfs.ETag{Opaque: "x", Weak: weak}}
		p := parsePreconditions(r.Header, false)
		for _, err := range []error{p.evaluate(r.Method, cur), &needsCondition{cur}} {
			e := h.statusOf(r, err)
			if strings.Contains(e.say, "If-Match: W/") || strings.Contains(e.say, "needs a strong") {
				t.Errorf("%d: %s", e.status, e.say)
			}
			if again := strings.Contains(e.say, "again in a moment"); again != weak {
				t.Errorf("weak %v, %d: %s", weak, e.status, e.say)
			}
		}
	}
}

// A request is exact when it names the state that it changes, and only then.
func TestExact(t *testing.T) {
	for field, want := range map[[2]string]bool{
		{"If-Match", `"x"`}:      true,
		{"If-Match", "*"}:        true,
		{"If-None-Match", "*"}:   false,
		{"If-None-Match", `"x"`}: false,
		{"If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"}: true,
		{"If-Unmodified-Since", "once"}:                          false,
	} {
		h := http.Header{}
		h.Set(field[0], field[1])
		if p := parsePreconditions(h, false); p.exact() != want {
			t.Errorf("%v: exact %v, want %v", field, p.exact(), want)
		}
	}
}

func TestIfRange(t *testing.T) {
	mtime := time.Date(2026, 5, 4, 3, 2, 1, 500, time.UTC)
	cur := &etagfs.Info{Info: fs.Info{Identity: fs.Identity{Mtime: mtime.UnixNano()}}, Tag: etagfs.ETag{Opaque: "x"}}
	later := mtime.Add(time.Second)
	for _, c := range []struct {
		name  string
		lines []string
		now   time.Time
		want  bool
	}{
		{"none", nil, later, true},
		{"same", []string{`"x"`}, later, true},
		{"other", []string{`"y"`}, later, false},
		{"weak", []string{`W/"x"`}, later, false},
		{"a list is no validator", []string{`"x", "x"`}, later, false},
		{"star is no validator", []string{"*"}, later, false},
		{"two lines", []string{`"x"`, `"x"`}, later, false},
		{"date", []string{mtime.Format(http.TimeFormat)}, later, true},
		{"later date is not exact", []string{later.Format(http.TimeFormat)}, later.Add(time.Hour), false},
		{"date of the running second is weak, §8.8.2.2", []string{mtime.Format(http.TimeFormat)}, mtime.Add(1000), false},
		{"junk", []string{"x"}, later, false},
	} {
		if got := ifRange(c.lines, cur, c.now); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// A compressing proxy respells our tag; ProxyTags takes that back, and nothing else.
func TestProxyTags(t *testing.T) {
	cur := etagfs.ETag{Opaque: "sAbC-1"}
	for spelled, want := range map[string]bool{
		`W/"sAbC-1"`: true, `"sAbC-1-gzip"`: true, `"sAbC-1;br"`: true, `W/"sAbC-1--gzip"`: true, `"sAbC-1"`: true,
		`"sAbC"`: false, `"sAbC-1-gzip-gzip"`: false, `"-gzip"`: false, `"sAbC-1x"`: false,
	} {
		l := parseTagList([]string{spelled})
		if got := l.strong(cur, true); got != want {
			t.Errorf("%s: got %v, want %v", spelled, got, want)
		}
		if got := l.strong(cur, false); got != (spelled == `"sAbC-1"`) {
			t.Errorf("%s without the setting: got %v", spelled, got)
		}
	}
	l := parseTagList([]string{`W/"sAbC-1"`})
	if l.strong(etagfs.ETag{Opaque: "sAbC-1", Weak: true}, true) {
		t.Error("a weak current tag matched strongly")
	}
}
