//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A refusal says who changed the resource last, in each form that Accept asks for, as long as that is known; so do the
// preview and the report of a change.
func TestRefusalsSayWhoWasLast(t *testing.T) {
	h := newHouse(t)
	res, _ := h.ask("anna", "PUT", "/photos/a.txt", "anna's")
	wantStatus(t, res, 201)
	for _, tt := range []struct{ accept, want string }{
		{"application/problem+json", `"lastModifiedBy":"anna"`},
		{"text/html", " by anna. Get it"},
		{"application/xml", " by anna. Get it"},
		{"text/plain", " by anna. Get it"},
	} {
		res, text := h.ask("anna", "PUT", "/photos/a.txt", "late", "If-Match", `"stale"`, "Accept", tt.accept)
		if res.StatusCode != 412 || !strings.HasPrefix(res.Header.Get("Content-Type"), tt.accept) || !strings.Contains(text, tt.want) {
			t.Errorf("%s: %s %q", tt.accept, res.Status, text)
		}
	}
	if res, text := h.ask("anna", "GET", "/photos/a.txt?view", ""); res.StatusCode != 200 || !strings.Contains(text, " by anna") {
		t.Errorf("the preview: %s %q", res.Status, text)
	}
	// Another program's change is nobody's that the server knows.
	res, _ = h.ask("anna", "GET", "/photos/a.txt", "")
	writeFile(t, h.dir+"/photos/a.txt", "somebody's at the machine")
	if res, text := h.ask("anna", "PUT", "/photos/a.txt", "late", "If-Match", res.Header.Get("ETag"), "Accept", "application/json"); res.StatusCode != 412 || strings.Contains(text, "anna") {
		t.Errorf("after another program: %s %q", res.Status, text)
	}
}

// What the gate refuses has the forms of every other refusal, and its page looks like one for whoever has not logged in, also
// behind a proxy that passes on the paths of one share only.
func TestGateExplainsAsAsked(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		user, share, path string
		status            int
	}{{"", "/home/", "/home/", 401}, {"ben", "/photos/", "/photos/secret/f", 403}} {
		for accept, want := range map[string]string{
			"":                         "text/plain",
			"*/*":                      "text/plain",
			"application/problem+json": "application/problem+json",
			"text/html,*/*;q=0.8":      "text/html",
			"application/xml":          "application/xml",
		} {
			res, text := h.ask(tt.user, "GET", tt.path, "", "Accept", accept)
			if res.StatusCode != tt.status || !strings.HasPrefix(res.Header.Get("Content-Type"), want) || res.Header.Get("X-Request-Id") == "" {
				t.Errorf("%s for %q: %s %v", tt.path, accept, res.Status, res.Header)
			}
			if int(res.ContentLength) != len(text) || strings.Contains(text, "request id") {
				t.Errorf("%s for %q: %q", tt.path, accept, text)
			}
			if sheet := regexp.MustCompile(`rel="stylesheet" href="(.*?)"`).FindStringSubmatch(text); sheet != nil {
				res, _ := h.ask("", "GET", sheet[1], "")
				if wantStatus(t, res, 200); !strings.HasPrefix(sheet[1], tt.share+".ifmatch-page/") || !strings.Contains(text, `class="home" href="`+tt.share+`"`) {
					t.Errorf("a page of %s leads elsewhere: %s", tt.share, text)
				}
			} else if want == "text/html" {
				t.Errorf("a page without looks: %s", text)
			}
		}
	}
}

// wget sends a whole upload before it looks whether it has to log in.
func TestLoginIsAskedForAfterAnUpload(t *testing.T) {
	h := newHouse(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	content := make([]byte, 32<<20) // more than fits into the sockets
	fmt.Fprintf(c, "PUT /photos/new HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", c.RemoteAddr(), len(content))
	if _, err := c.Write(content); err != nil {
		t.Fatal(err)
	}
	if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 401 {
		t.Errorf("got %v %v, want 401", res, err)
	}
}
