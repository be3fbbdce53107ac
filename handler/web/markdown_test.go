package web

import (
	"strings"
	"testing"
	"time"
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

// A text that is made to take long or much is rendered in no time, and what people write is rendered as ever.
func TestMarkdownIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"quotes":      strings.Repeat(">", 256<<10),
		"lists":       strings.Repeat("> * ", 64<<10),
		"emphasis":    strings.Repeat("*a_ ", 64<<10),
		"links":       strings.Repeat("[a](", 64<<10),
		"table":       strings.Repeat("|a", 200) + "\n" + strings.Repeat("|-", 200) + "\n" + strings.Repeat("|a\n", 80<<10),
		"definitions": strings.Repeat("[a]: b\n", 64<<10),
	} {
		done := make(chan error, 1)
		go func() {
			_, err := Markdown([]byte(text))
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s take more than ten seconds", name)
		}
	}
	table := strings.Repeat("|a", 20) + "\n" + strings.Repeat("|-", 20) + "\n" + strings.Repeat("|a\n", 1000)
	for text, want := range map[string]string{
		strings.Repeat("> ", 20) + "a":      strings.Repeat("<blockquote>\n", 20),
		strings.Repeat("**a** [b](c) ", 60): strings.Repeat(`<strong>a</strong> <a href="c">b</a> `, 59),
		table:                               "</table>",
		"a\n" + table:                       "</table>",
		strings.Repeat("a\n", 2000):         "<p>a\na\n",
	} {
		html, err := Markdown([]byte(text))
		if err != nil || !strings.Contains(string(html), want) {
			t.Errorf("%.40q became %.200q, %v", text, html, err)
		}
	}
}
