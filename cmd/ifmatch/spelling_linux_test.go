//go:build !arm

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/fs/fstest/loop"
)

// Where the file system folds case, other spellings of a name lead past no rule, and a rule has the one that counts.
func TestRulesWhereCaseIsFolded(t *testing.T) {
	dir := loop.Folding(t, "a.txt", "Secret/x", ".ifmatch-1")
	users := writeFile(t, filepath.Join(t.TempDir(), "users"), "")
	text := "users = \"" + users + "\"\n[[share]]\nprefix = \"/\"\ndir = \"" + dir + "\"\n[[share.rule]]\nwho = [\"anonymous\"]\nmay = \"write\"\n" +
		"[[share.rule]]\npath = \"/Secret\"\nwho = [\"anna\"]\nmay = \"write\"\n"
	s, _, reload := siteOf(t, text)
	for _, tt := range []struct {
		method, path, to string
		status           int
	}{
		{"GET", "/a.txt", "", 200},
		{"GET", "/Secret/x", "", 401},
		{"GET", "/SECRET/x", "", 404},
		{"PROPFIND", "/secret", "", 404},
		{"GET", "/.IFMATCH-1", "", 404},
		{"PUT", "/A.txt", "", 409},
		{"PUT", "/secret/new", "", 409},
		{"DELETE", "/A.txt", "", 409},
		{"LOCK", "/A.txt", "", 409},
		{"MOVE", "/a.txt", "/secret/b.txt", 409},
		{"COPY", "/SECRET/x", "/b.txt", 409},
	} {
		body := ""
		if tt.method == "LOCK" {
			body = lockinfo
		}
		if w := ask(s, tt.method, tt.path, body, "Depth", "0", "Destination", tt.to); w.Code != tt.status {
			t.Errorf("%s %s %s: %d, want %d", tt.method, tt.path, tt.to, w.Code, tt.status)
		}
	}
	if err := reload(strings.ReplaceAll(text, "/Secret", "/secret")); err == nil || !strings.Contains(err.Error(), "/secret is spelled otherwise there") {
		t.Errorf("a rule by another spelling: %v", err)
	}
}
