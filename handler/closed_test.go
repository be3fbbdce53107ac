package handler_test

import (
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// opened counts the files of a tree that are open.
type opened struct {
	fs.FS
	files int
}

type openedFile struct {
	fs.File
	tree *opened
}

func (o *opened) OpenRead(name string) (fs.File, error) {
	f, err := o.FS.OpenRead(name)
	if err != nil {
		return nil, err
	}
	o.files++
	return openedFile{f, o}, nil
}

func (f openedFile) Close() error {
	f.tree.files--
	return f.File.Close()
}

// However a request ends, no file stays open: a server soon has no descriptor left.
func TestFilesAreClosed(t *testing.T) {
	tree := &opened{FS: fs.NewMemory()}
	h, err := handler.New(handler.NewTree(tree, etagfs.Options{}), handler.Options{})
	must(t, err)
	tag := dav(h, "PUT", "/f.txt", "text").Header().Get("Etag")
	for _, c := range []struct {
		method, url string
		status      int
		header      []string
	}{
		{"GET", "/f.txt", 200, nil},
		{"HEAD", "/f.txt", 200, nil},
		{"GET", "/f.txt", 304, []string{"If-None-Match", tag}},
		{"GET", "/f.txt", 412, []string{"If-Match", `"other"`}},
		{"GET", "/f.txt", 206, []string{"Range", "bytes=1-2"}},
		{"GET", "/f.txt", 416, []string{"Range", "bytes=9-"}},
		{"GET", "/f.txt?view", 200, []string{"Accept", "text/html"}},
		{"GET", "/f.txt?edit", 200, []string{"Accept", "text/html"}},
		{"GET", "/?zip", 200, nil},
		{"COPY", "/f.txt", 201, []string{"Destination", "/copy"}},
		{"DELETE", "/f.txt", 412, []string{"If-Match", `"other"`, "Prefer", "return=representation"}},
	} {
		if w := dav(h, c.method, c.url, "", c.header...); w.Code != c.status || tree.files != 0 {
			t.Errorf("%s %s %q: %d, want %d; %d files are open", c.method, c.url, c.header, w.Code, c.status, tree.files)
		}
	}
}
