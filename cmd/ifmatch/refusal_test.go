//go:build unix

package main

import (
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
