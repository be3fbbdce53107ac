package handler

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ifmatch/etagfs"
)

// ifWorld is the state that the tests ask about: the resource of the request has tag "r" and lock
// urn:r, /other has tag "o" and lock urn:o, everything else is unmapped.
func ifWorld(tag string) ifState {
	state := func(opaque, token string) ifState {
		return ifState{etag: etagfs.ETag{Opaque: opaque}, holds: func(t string) bool { return t == token }}
	}
	switch tag {
	case "":
		return state("r", "urn:r")
	case "/other", "http://example.com/other":
		return state("o", "urn:o")
	}
	return ifState{holds: func(string) bool { return false }}
}

func TestIfHeader(t *testing.T) {
	for _, c := range []struct {
		name, header string
		want         bool
		tokens       string
	}{
		{"none", "", true, ""},
		{"token", "(<urn:r>)", true, "urn:r"},
		{"wrong token", "(<urn:x>)", false, "urn:x"},
		{"etag", `(["r"])`, true, ""},
		{"wrong etag", `(["x"])`, false, ""},
		{"weak etag is no strong one", `([W/"r"])`, false, ""},
		{"both", `(<urn:r> ["r"])`, true, "urn:r"},
		{"both, one wrong", `(<urn:r> ["x"])`, false, "urn:r"},
		{"two lists, second true", `(<urn:x>) (["r"])`, true, "urn:x"},
		{"two lists without space", `(<urn:x>)(["r"])`, true, "urn:x"},
		{"Not", `(Not <urn:x>)`, true, "urn:x"},
		{"Not of what is there", `(Not <urn:r>)`, false, "urn:r"},
		{"Not before an etag", `(Not ["x"])`, true, ""},
		{"Not in other case, no space", `(nOt<urn:x>)`, true, "urn:x"},
		{"white space", " ( \t<urn:r>\t[ \"r\" ] ) ", true, "urn:r"},
		{"tag", `</other> (<urn:o>)`, true, "urn:o"},
		{"tag with two lists", `</other> (<urn:x>) (["o"])`, true, "urn:x"},
		{"absolute tag", `<http://example.com/other> (["o"])`, true, ""},
		{"tag of an unmapped URL", `</none> (["o"])`, false, ""},
		{"unmapped URL, Not", `</none> (Not ["o"])`, true, ""},
		{"one true tag is enough", `</none> (<urn:x>) </other> (<urn:o>)`, true, "urn:x urn:o"},
		{"token of the wrong resource", `</other> (<urn:r>)`, false, "urn:r"},
		{"etag with a bracket", `(["]"])`, false, ""},
		{"all tokens count as submitted", `(Not <urn:a> <urn:b>) (<urn:r>) (<urn:a>)`, true, "urn:a urn:b urn:r"},
		{"a scheme of all sorts", `(Not <Az1+-.:x>)`, true, "Az1+-.:x"},
		{"RFC 4918 §10.4.6", `(<urn:r> ["I am an ETag"]) (["r"])`, true, "urn:r"},
		{"RFC 4918 §10.4.7", `(Not <urn:r> <urn:58f202ac-22cf-11d1-b12d-002035b29092>)`, false, "urn:r urn:58f202ac-22cf-11d1-b12d-002035b29092"},
		{"RFC 4918 §10.4.8 no-lock is never there", `(<DAV:no-lock>)`, false, "DAV:no-lock"},
		{"RFC 4918 §10.4.8 always true", `(<urn:r>) (Not <DAV:no-lock>)`, true, "urn:r DAV:no-lock"},
		{"RFC 4918 §10.4.9", `</other> (<urn:r> [W/"A weak ETag"]) (["strong ETag"])`, false, "urn:r"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			if c.header != "" {
				lines = []string{c.header}
			}
			f, err := parseIf(lines)
			must(t, err)
			if got := f.evaluate(false, ifWorld); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
			if got := strings.Join(f.tokens, " "); got != c.tokens {
				t.Errorf("submitted %q, want %q", got, c.tokens)
			}
		})
	}
}

func TestIfHeaderMalformed(t *testing.T) {
	for _, header := range []string{
		"", " ", "x", "(", ")", "()", "( )", "(<urn:r>", "(<urn:r)", "<urn:r>", "</other>", "</other> </none> (<urn:r>)",
		"(<urn:r>) </other> (<urn:o>)", "(<urn:r>), (<urn:r>)", "(urn:r)", "(<>)", "(<r>)", "(<:r>)", "(<1a:r>)", "(<urn:>)",
		`(["r)`, `(["r]`, `([r])`, `([])`, `(["r" "s"])`, "(Not)", "(Not Not <urn:r>)", "(<urn:r> x)", "(<urn: r>)", "((<urn:r>))", "<> (<urn:r>)",
		"</a b> (<urn:r>)", "</other> (<urn:o>) </none>", `([r"])`, `(["r")`, "(<a_b:r>)", "(<{:r>)", "(<a@:r>)",
	} {
		_, err := parseIf([]string{header})
		if e, ok := errors.AsType[*statusError](err); !ok || e.status != http.StatusBadRequest {
			t.Errorf("If: %s: got %v, want 400", header, err)
		}
	}
}

func TestIfHeaderOnSeveralLines(t *testing.T) {
	f, err := parseIf([]string{"(<urn:x>)", `(["r"])`})
	if err != nil || !f.evaluate(false, ifWorld) {
		t.Errorf("got %v", err)
	}
}

func TestIfHeaderBehindAProxyThatCompresses(t *testing.T) {
	other, _ := parseIf([]string{`(["x-gzip"])`})
	if other.evaluate(true, ifWorld) {
		t.Error("another tag counts when it is spelled as a proxy does")
	}
	f, _ := parseIf([]string{`(["r-gzip"])`})
	if f.evaluate(false, ifWorld) || !f.evaluate(true, ifWorld) {
		t.Error("the spelling of a proxy counts exactly when that is set")
	}
}

func TestIfHeaderAsksForEachResourceOnce(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < maxHeaderBytes; i++ {
		fmt.Fprintf(&b, "</%d> (<urn:%d>)", i, i)
	}
	f, err := parseIf([]string{b.String()})
	must(t, err)
	asked := 0
	f.evaluate(false, func(tag string) ifState { asked++; return ifWorld(tag) })
	if asked != len(f.named) || asked < 1000 {
		t.Errorf("%d resources asked for, %d named", asked, len(f.named))
	}
}

// FuzzIfHeader: what is accepted can be written back and then says the same.
func FuzzIfHeader(f *testing.F) {
	seeds, _ := filepath.Glob("../testdata/if-*.txt")
	for _, path := range seeds {
		text, _ := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "If: "); ok {
				f.Add(strings.TrimSpace(v))
			}
		}
	}
	f.Add(`</a> (Not <urn:r> ["r"]) ([W/"r"]) <http://x/b>(<DAV:no-lock>)`)
	f.Fuzz(func(t *testing.T, value string) {
		h, err := parseIf([]string{value})
		if err != nil {
			if e, ok := errors.AsType[*statusError](err); !ok || e.status/100 != 4 || e.say == "" {
				t.Fatalf("no answer in %v", err)
			}
			return
		}
		if len(h.lists) == 0 || !h.present {
			t.Fatal("accepted without a list")
		}
		again, err := parseIf([]string{writeIf(h)})
		if err != nil {
			t.Fatalf("%q became %q: %v", value, writeIf(h), err)
		}
		if !slices.Equal(again.tokens, h.tokens) || again.evaluate(false, ifWorld) != h.evaluate(false, ifWorld) {
			t.Fatalf("%q became %q, which says something else", value, writeIf(h))
		}
	})
}

func writeIf(h ifHeader) string {
	var b strings.Builder
	tag := -1
	for _, l := range h.lists {
		if l.tag != tag {
			tag = l.tag
			fmt.Fprintf(&b, "<%s>", h.named[tag])
		}
		b.WriteByte('(')
		for _, c := range l.conds {
			if c.not {
				b.WriteString("Not")
			}
			if c.token != "" {
				fmt.Fprintf(&b, "<%s>", c.token)
			} else {
				weak := map[bool]string{true: "W/"}[c.etag.Weak]
				fmt.Fprintf(&b, `[%s"%s"]`, weak, c.etag.Opaque)
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}
