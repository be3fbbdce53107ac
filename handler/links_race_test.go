//go:build unix

package handler_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"ifmatch/fs"
	"ifmatch/handler"
)

// A PUT through a symbolic link whose content is still on its way, and a DELETE of the link: both name the
// same state, so only one of them may happen.
func TestPutThroughLinkThatIsDeletedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real"), "one")
	must(t, os.Symlink("real", filepath.Join(dir, "link")))
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	url := serve(t, base, handler.Options{}) + "/link"
	res, _ := do(t, "HEAD", url, "")
	tag := res.Header.Get("Etag")

	end := feeding(t, url, "If-Match", tag)
	if res, body := do(t, "DELETE", url, "", "If-Match", tag); res.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %s %s", res.Status, body)
	}
	if got := end(); got != http.StatusPreconditionFailed {
		t.Errorf("PUT: %d, want 412", got)
	}
	if body, err := os.ReadFile(filepath.Join(dir, "real")); string(body) != "one" {
		t.Errorf("%q %v", body, err)
	}
}
