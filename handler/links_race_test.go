//go:build unix

package handler_test

import (
	"io"
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
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, base, handler.Options{}) + "/link"
	res, _ := do(t, "HEAD", url, "")
	tag := res.Header.Get("Etag")

	content, feed := io.Pipe()
	r, err := http.NewRequest("PUT", url, content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("If-Match", tag)
	r.Header.Set("Expect", "100-continue") // the content is asked for once the early check has passed
	status := make(chan int)
	go func() {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	feed.Write([]byte("t")) // taken only after 100 Continue
	if res, body := do(t, "DELETE", url, "", "If-Match", tag); res.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %s %s", res.Status, body)
	}
	feed.Write([]byte("wo"))
	feed.Close()
	if got := <-status; got != http.StatusPreconditionFailed {
		t.Errorf("PUT: %d, want 412", got)
	}
	if body, err := os.ReadFile(filepath.Join(dir, "real")); string(body) != "one" {
		t.Errorf("%q %v", body, err)
	}
}
