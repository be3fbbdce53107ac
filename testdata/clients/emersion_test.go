package clients

import (
	"context"
	"io"
	"net/http"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-webdav"
)

func TestEmersionSession(t *testing.T) {
	url, dir := judged(t)
	c, err := webdav.NewClient(http.DefaultClient, url)
	must(t, err)
	ctx := t.Context()

	must(t, c.Mkdir(ctx, "em"))
	must(t, c.Mkdir(ctx, "em/sub"))
	if err := c.Mkdir(ctx, "em/sub"); err == nil {
		t.Error("MKCOL of a collection that is there succeeded")
	}
	large := string(pattern(3 << 20))
	save(t, c, "em/one.txt", "one")
	save(t, c, "em/sub/large", large)
	for _, name := range oddNames {
		save(t, c, "em/sub/"+name, name)
		onDisk(t, dir, "em/sub/"+name, name)
	}
	onDisk(t, dir, "em/sub/large", large)

	info, err := c.Stat(ctx, "em/sub/large")
	must(t, err)
	if info.Size != int64(len(large)) || info.IsDir || info.ETag == "" || time.Since(info.ModTime).Abs() > time.Minute {
		t.Errorf("stat of em/sub/large: got %+v", info)
	}
	before := info.ETag
	large += "."
	save(t, c, "em/sub/large", large)
	info, err = c.Stat(ctx, "em/sub/large")
	must(t, err)
	if info.ETag == before {
		t.Error("a new representation kept the entity-tag of the old one")
	}

	f, err := c.Open(ctx, "em/sub/large")
	must(t, err)
	got, err := io.ReadAll(f)
	must(t, err)
	must(t, f.Close())
	if string(got) != large {
		t.Errorf("read %d bytes of em/sub/large, or wrong ones", len(got))
	}

	if got, want := list(t, c, "em", false), []string{"em", "one.txt", "sub"}; !slices.Equal(got, want) {
		t.Errorf("listing of em: got %q, want %q", got, want)
	}
	if got := list(t, c, "em", true); len(got) != 4+len(oddNames) { // Depth: infinity
		t.Errorf("listing of em, depth infinity: got %q", got)
	}

	must(t, c.Copy(ctx, "em/sub", "em/shallow", &webdav.CopyOptions{NoRecursive: true}))
	if got := list(t, c, "em/shallow", false); len(got) != 1 {
		t.Errorf("a copy of depth 0 has the members %q", got)
	}
	must(t, c.Copy(ctx, "em/sub", "em/deep", nil))
	onDisk(t, dir, "em/deep/large", large)
	if err := c.Copy(ctx, "em/one.txt", "em/deep", &webdav.CopyOptions{NoOverwrite: true}); err == nil {
		t.Error("a copy with Overwrite: F replaced a collection")
	}
	must(t, c.Move(ctx, "em/deep", "em/shallow", nil)) // replaces the collection
	gone(t, dir, "em/deep")
	onDisk(t, dir, "em/shallow/large", large)
	must(t, c.RemoveAll(ctx, "em/shallow"))
	gone(t, dir, "em/shallow")
	if err := c.RemoveAll(ctx, "em/shallow"); err == nil {
		t.Error("DELETE of an unmapped URL succeeded")
	}
}

// save writes a file the way the library does it: a chunked PUT through a pipe.
func save(t *testing.T, c *webdav.Client, name, text string) {
	t.Helper()
	w, err := c.Create(context.Background(), name)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
}

// list returns the sorted base names of a listing.
func list(t *testing.T, c *webdav.Client, name string, recursive bool) []string {
	t.Helper()
	infos, err := c.ReadDir(t.Context(), name, recursive)
	must(t, err)
	var names []string
	for _, fi := range infos {
		names = append(names, path.Base(fi.Path))
	}
	slices.Sort(names)
	return names
}
