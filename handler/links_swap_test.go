//go:build unix

package handler_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// swapping is a tree in which another program turns a symbolic link after a name was resolved for the n-th time.
type swapping struct {
	fs.FS
	left int
	swap func()
}

func (s *swapping) Resolve(name string) (string, error) {
	real, err := s.FS.Resolve(name)
	if s.left--; s.left == 0 {
		s.swap()
	}
	return real, err
}

// Way is another way of resolving.
func (s *swapping) Way(name string) (string, []string, error) {
	real, links, err := s.FS.Way(name)
	if s.left--; s.left == 0 {
		s.swap()
	}
	return real, links, err
}

// Of two collections that a link can lead to, one has a locked member. Whenever the link is turned while a COPY
// or MOVE through it is under way: the locked member stays, and what has moved has its properties.
func TestTransferThroughLinkThatIsTurned(t *testing.T) {
	for _, row := range []struct {
		method, from, to string
		header           []string
	}{
		{"MOVE", "/src", "/l/f", nil},
		{"MOVE", "/src", "/l/f", []string{"If-Match", "*"}},
		{"COPY", "/src", "/l/f", nil},
		{"COPY", "/col", "/l/f", nil},
		{"MOVE", "/col", "/l/f", nil},
		{"MOVE", "/l/f", "/dst", nil},
		{"MOVE", "/l/f", "/dst", []string{"If-Match", "*"}},
		{"DELETE", "/l/f", "", nil},
		{"PUT", "/l/f", "", nil},
		{"PROPPATCH", "/l/f", "", nil},
	} {
		for _, first := range []string{"free", "locked"} {
			t.Run(strings.Join(append([]string{row.method, row.from, row.to, first}, row.header...), " "), func(t *testing.T) {
				for n := 1; ; n++ {
					s := &swapping{}
					if h := linkedTree(t, s, first); turned(t, h, s, n, row.method, row.from, row.to, row.header) {
						return
					}
				}
			})
		}
	}
}

// linkedTree has the link lead to the collection first, and s turn it to the other one.
func linkedTree(t *testing.T, s *swapping, first string) *handler.Handler {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	must(t, err)
	for name, text := range map[string]string{"src": "new", "col/x": "new", "free/f": "free", "locked/f": "locked", "dst": "dst"} {
		write(t, filepath.Join(dir, name), text)
	}
	link := func(to string) {
		if err := os.Symlink(to, dir+"/turn"); err != nil {
			t.Error(err)
		}
		if err := os.Rename(dir+"/turn", dir+"/l"); err != nil {
			t.Error(err)
		}
	}
	link(first)
	s.swap = func() { link(map[string]string{"free": "locked", "locked": "free"}[first]) }
	if s.FS, err = fs.OpenRoot(dir, fs.RootOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.FS.Close() })
	tree := handler.NewTree(s, etagfs.Options{Settings: etagfs.Settings{Relaxed: true, NoNotify: true}})
	h, err := handler.New(tree, handler.Options{})
	must(t, err)
	for name, value := range map[string]string{"/src": "new", "/col": "new", "/col/x": "new", "/free/f": "free", "/locked/f": "locked"} {
		if w := dav(h, "PROPPATCH", name, setProp(value)); w.Code != 207 {
			t.Fatal(w.Code, w.Body)
		}
	}
	if w := dav(h, "LOCK", "/locked/f", exclusive, "Depth", "0"); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	return h
}

// turned makes one request during which the link is turned at the n-th moment; done: it was over before.
func turned(t *testing.T, h *handler.Handler, s *swapping, n int, method, from, to string, header []string) (done bool) {
	s.left = n
	if to != "" {
		header = append([]string{"Destination", to}, header...)
	}
	body := map[string]string{"PUT": "new", "PROPPATCH": setProp("new")}[method]
	w := dav(h, method, from, body, header...)
	done = s.left > 0
	ok := w.Code < 300
	if !ok && w.Code != 423 && w.Code != 503 && w.Code != 412 {
		t.Errorf("turned at %d: %d %s", n, w.Code, w.Body)
	}
	has := func(name, text, prop string) {
		t.Helper()
		got := dav(h, "GET", name, "").Body.String()
		props := dav(h, "PROPFIND", name, "", "Depth", "0").Body.String()
		if text != "" && got != text || !strings.Contains(props, `<p xmlns="urn:p">`+prop+`</p>`) {
			t.Errorf("turned at %d, answer %d: %s is %q with %.700s", n, w.Code, name, got, props)
		}
	}
	has("/locked/f", "locked", "locked")
	switch {
	case !ok:
		has("/free/f", "free", "free")
		has("/src", "new", "new")
	case to == "/l/f":
		if strings.HasPrefix(from, "/col") {
			has("/free/f", "", "new")
			has("/free/f/x", "new", "new")
		} else {
			has("/free/f", "new", "new")
		}
	case to == "/dst":
		has("/dst", "free", "free")
	case method == "PUT":
		has("/free/f", "new", "free")
	case method == "PROPPATCH":
		has("/free/f", "free", "new")
	}
	return done
}
