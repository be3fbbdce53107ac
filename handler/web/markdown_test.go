package web

import (
	"strings"
	"testing"
)

// Nobody who writes Markdown gets a script, a page of their own or a request to another host.
func TestMarkdownIsHarmless(t *testing.T) {
	for _, tt := range []struct{ text, want, never string }{
		{"<script>alert(1)</script>", "", "<script"},
		{"a <img src=x onerror=alert(1)> b", "a ", "onerror"},
		{"[x](javascript:alert(1))", "x", "javascript:"},
		{"[x](JaVaScRiPt:alert(1))", "x", "alert"},
		{"[x](data:text/html,y)", "x", "data:"},
		{"![p](https://example.org/p.png)", `<a href="https://example.org/p.png">p</a>`, "<img"},
		{"![](//example.org/p.png)", `<a href="//example.org/p.png">`, "<img"},
		{`![p](/\example.org/p.png)`, "", "<img"},
		{"![p](p.png)", `<img src="p.png" alt="p"`, ""},
		{"![p](/d/p.png \"t\")", `<img src="/d/p.png"`, ""},
		{"# files", "<h1>files</h1>", "id="},
		{"- [x] a", `aria-label="done"`, ""},
		{"<iframe src=/a.html></iframe>", "", "<iframe"},
		{"<form action=/x><button>", "", "<form"},
	} {
		html, err := Markdown([]byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(html); !strings.Contains(got, tt.want) || tt.never != "" && strings.Contains(got, tt.never) {
			t.Errorf("%q: %q", tt.text, got)
		}
	}
}

func TestAssetsAreOfThisRelease(t *testing.T) {
	if _, kind, ok := Asset(Hash(), "list.js"); !ok || kind != "text/javascript; charset=utf-8" {
		t.Error("list.js is not there, or no script")
	}
	for _, other := range []string{"", "x", "../templates/list.html"} {
		if _, _, ok := Asset(Hash(), other); ok {
			t.Errorf("%q is an asset", other)
		}
	}
	if _, _, ok := Asset("old", "list.js"); ok {
		t.Error("an asset of another release is there")
	}
}
