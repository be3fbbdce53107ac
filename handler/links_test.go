//go:build unix

package handler_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"ifmatch/fs"
	"ifmatch/handler"
)

// Symbolic links inside the tree are followed by GET, HEAD and PUT, and are themselves what DELETE takes
// away; links that lead out, FIFOs, sockets and devices are not there, and nothing blocks on them.
func TestLinksAndSpecialFiles(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), "secret")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real"), "one")
	for link, to := range map[string]string{
		"link": "real", "out": filepath.Join(outside, "secret"), "outdir": outside, "up": "../..",
		"dangling": "nowhere", "loop": "loop", "rel": "./link",
	} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	sock, err := net.Listen("unix", filepath.Join(dir, "sock"))
	must(t, err)
	defer sock.Close()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	url := serve(t, base, handler.Options{})

	for _, name := range []string{"/link", "/rel"} {
		if res, body := do(t, "GET", url+name, ""); res.StatusCode != 200 || body != "one" {
			t.Errorf("GET %s: %s %s", name, res.Status, body)
		}
	}
	for _, name := range []string{"/out", "/outdir/secret", "/outdir", "/up", "/dangling", "/loop", "/fifo", "/sock"} {
		for _, method := range []string{"GET", "HEAD"} {
			if res, body := do(t, method, url+name, ""); res.StatusCode != 404 {
				t.Errorf("%s %s: %s %.100s, want 404", method, name, res.Status, body)
			}
		}
	}
	for _, method := range []string{"PUT", "MKCOL"} {
		if res, body := do(t, method, url+"/out", ""); res.StatusCode != 409 || !strings.Contains(body, "leads out") {
			t.Errorf("%s of a link that leads out: %s %s", method, res.Status, body)
		}
	}
	for _, name := range []string{"/out", "/outdir/secret", "/outdir/new", "/up/x", "/fifo", "/sock", "/loop"} {
		if res, body := do(t, "PUT", url+name, "evil"); res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("PUT %s: %s %.100s, want 4xx", name, res.Status, body)
		}
	}
	for _, name := range []string{"/out", "/fifo", "/sock", "/loop"} {
		asked := atomic.Bool{}
		content := readerFunc(func(p []byte) (int, error) {
			asked.Store(true)
			return copy(p, "x"), nil
		})
		req, err := http.NewRequest("PUT", url+name, content)
		must(t, err)
		req.Header.Set("Expect", "100-continue")
		req.ContentLength = 1 << 20
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		res.Body.Close()
		if asked.Load() {
			t.Errorf("PUT %s: %s, but the content was asked for first", name, res.Status)
		}
	}
	if got := read(t, filepath.Join(outside, "secret")); got != "secret" {
		t.Errorf("outside was changed: %s", got)
	}
	if files, _ := os.ReadDir(outside); len(files) != 1 {
		t.Errorf("outside there is something new: %v", files)
	}

	head, _ := do(t, "HEAD", url+"/link", "")
	if res, _ := do(t, "COPY", url+"/real", "", "Destination", url+"/out"); res.StatusCode != 409 {
		t.Errorf("COPY to a link that leads out: %s", res.Status)
	}
	for _, link := range []string{"/out", "/outdir", "/up", "/dangling", "/loop"} {
		if res, _ := do(t, "MOVE", url+"/real", "", "Destination", url+link, "Overwrite", "F"); res.StatusCode != 403 {
			t.Errorf("MOVE to the link %s: %s", link, res.Status)
		}
		if fi, err := os.Lstat(filepath.Join(dir, link)); err != nil || fi.Mode()&os.ModeSymlink == 0 {
			t.Errorf("MOVE took the link %s away: %v", link, err)
		}
	}
	if res, _ := do(t, "PUT", url+"/link", "two", "If-Match", head.Header.Get("Etag")); res.StatusCode != 204 {
		t.Errorf("PUT through a link: %s", res.Status)
	}
	if fi, err := os.Lstat(filepath.Join(dir, "link")); err != nil || fi.Mode()&os.ModeSymlink == 0 || read(t, filepath.Join(dir, "real")) != "two" {
		t.Error("PUT replaced the link rather than what it leads to", err)
	}
	if res, _ := do(t, "DELETE", url+"/link", ""); res.StatusCode != 204 {
		t.Errorf("DELETE of a link: %s", res.Status)
	}
	if got := read(t, filepath.Join(dir, "real")); got != "two" {
		t.Errorf("DELETE of a link took what it leads to: %q", got)
	}
	if _, body := do(t, "GET", url+"/", ""); strings.Contains(body, "fifo") || strings.Contains(body, "out") || !strings.Contains(body, "real") {
		t.Errorf("the index shows what is not there, or not what is:\n%s", body)
	}
}

// A symbolic link does not take the place of what it leads to: that would be gone.
func TestMoveOfLinkOntoItsTarget(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "d/sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "d/sub/f"} {
		write(t, filepath.Join(dir, name), "bytes")
	}
	for link, to := range map[string]string{"toF": "f", "toToF": "toF", "toD": "d", "toSub": "d/sub", "through": "toD/sub/f", "d/up": "../f"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, base, handler.Options{})
	for _, tt := range []struct{ src, dst string }{
		{"/toF", "/f"}, {"/toToF", "/f"}, {"/toToF", "/toF"}, {"/toD", "/d"}, {"/toD", "/d/in"}, {"/toSub", "/d"},
		{"/through", "/toD"}, {"/through", "/d/sub/f"}, {"/through", "/d"}, {"/d/up", "/f"},
	} {
		for _, method := range []string{"MOVE", "COPY"} {
			if res, _ := do(t, method, url+tt.src, "", "Destination", url+tt.dst); res.StatusCode != 403 {
				t.Errorf("%s %s to %s: %s", method, tt.src, tt.dst, res.Status)
			}
		}
	}
	for _, name := range []string{"/f", "/d/sub/f", "/toF", "/toToF", "/toD/sub/f", "/toSub/f", "/through", "/d/up"} {
		if res, body := do(t, "GET", url+name, ""); body != "bytes" {
			t.Errorf("GET %s: %s %s", name, res.Status, body)
		}
	}
	if res, _ := do(t, "MOVE", url+"/toToF", "", "Destination", url+"/toSub"); res.StatusCode != 204 {
		t.Errorf("MOVE of a link over another one: %s", res.Status)
	}
	if res, body := do(t, "GET", url+"/toSub", ""); body != "bytes" {
		t.Errorf("GET of a link that was moved: %s %s", res.Status, body)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// A COPY of a collection has copies of what links in it lead to (RFC 4918 §9.8.2), with the dead properties of that.
func TestCopyThroughLinksTakesProperties(t *testing.T) {
	dir := t.TempDir()
	base, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	h := twoShares(t, base, fs.NewMemory())
	described(t, h, "/one/s/=s", "/one/f=f", "/one/c/=c", "/one/c/g=g")
	for link, to := range map[string]string{"s/link": "../f", "s/all": "../c"} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	for _, dst := range []string{"/one/d", "/two/d"} {
		made(t, h, "COPY", "/one/s", "", "Destination", dst)
		if got, want := descriptions(t, h, dst), "/=,s /all/=,c /all/g=g,g /link=f,f"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
