package handler_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/fs/fstest"
	"ifmatch/handler"
)

// Whatever call of the tree or of the system fails while a request is answered, and wherever the process
// ends: the old state or the new one is there, whole; a 2xx means the new one, an error the old one, but for
// the 500 that says that the change was made; and after the next start nothing staged is left.
//
// COPY of a collection is not here: it may leave out members, and says which
// (TestCopyTellsOfMembersThatFail).
func TestEveryFaultOfEveryMethod(t *testing.T) {
	body := strings.Repeat("new bytes ", 100)
	for _, c := range []struct {
		name, method, url, body string
		fields                  []string
	}{
		{"create", "PUT", "/d/new", body, []string{"If-None-Match", "*"}},
		{"replace", "PUT", "/d/f", body, nil},
		{"save", "PUT", "/d/f", body, []string{"If-Match", "tag"}},
		{"delete file", "DELETE", "/d/f", "", nil},
		{"delete file in a state", "DELETE", "/d/f", "", []string{"If-Match", "tag"}},
		{"delete collection", "DELETE", "/d", "", nil},
		{"make collection", "MKCOL", "/d/new", "", nil},
		{"copy", "COPY", "/d/f", "", []string{"Destination", "/new"}},
		{"copy over file", "COPY", "/d/f", "", []string{"Destination", "/g", "If-Match", "tag"}},
		{"copy over collection", "COPY", "/g", "", []string{"Destination", "/d"}},
		{"move", "MOVE", "/d/f", "", []string{"Destination", "/new"}},
		{"move over file", "MOVE", "/d/f", "", []string{"Destination", "/g", "If-Match", "tag"}},
		{"move over collection", "MOVE", "/g", "", []string{"Destination", "/d"}},
		{"move collection", "MOVE", "/d", "", []string{"Destination", "/new"}},
		{"move collection over collection", "MOVE", "/d", "", []string{"Destination", "/e"}},
	} {
		for mode, tags := range map[string]etagfs.Options{"stat": {Settings: etagfs.Settings{NoNotify: true}}, "content": {Settings: etagfs.Settings{NoNotify: true, Content: true}}} {
			t.Run(mode+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				act := func(f fs.FS) error {
					tree := handler.NewTree(f, tags)
					defer tree.Close()
					h, err := handler.New(tree, handler.Options{})
					if err != nil {
						return err
					}
					return changed(h, c.method, c.url, c.body, c.fields)
				}
				fstest.Every{New: faultTree, Setup: faultSetup, Act: act}.Run(t)
			})
		}
	}
}

// changed sends a request, in which "tag" stands for the entity-tag of the moment, and tells what its answer says:
// nil when the change was made.
func changed(h http.Handler, method, url, body string, fields []string) error {
	fields = append([]string(nil), fields...)
	for i := range fields {
		if fields[i] == "tag" {
			fields[i] = dav(h, "HEAD", url, "").Header().Get("Etag")
		}
	}
	w := dav(h, method, url, body, fields...)
	switch answer := w.Body.String(); {
	case w.Code == 201, w.Code == 204:
		return nil
	case w.Code == 500 && strings.Contains(answer, "The change was made"):
		return nil
	case w.Code < 400:
		return fmt.Errorf("%d is no answer to %s: %s", w.Code, method, answer)
	default:
		return fmt.Errorf("%d %s", w.Code, answer)
	}
}

// faultTree is a directory in memory where the system has one: there are hundreds, and what they show does not
// depend on the disk.
func faultTree(t *testing.T) fstest.Open {
	parent := os.TempDir()
	if fi, err := os.Stat("/dev/shm"); err == nil && fi.IsDir() {
		parent = "/dev/shm"
	}
	dir, err := os.MkdirTemp(parent, "ifmatch-test")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return func(hook func(step, name string) error) (fs.FS, error) {
		return fs.OpenRoot(dir, fs.RootOptions{Hook: hook})
	}
}

func faultSetup(t *testing.T, f fs.FS) {
	for _, dir := range []string{"/d", "/d/sub", "/e"} {
		if _, err := f.MakeCollection(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"/d/f", "/d/sub/x", "/e/y", "/g"} {
		fstest.Put(t, f, name, "bytes of "+name)
	}
}
