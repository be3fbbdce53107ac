//go:build browser

package handler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"ifmatch/etagfs"
	"ifmatch/handler"
)

// folder writes files to upload, in folders where their names have slashes.
func folder(t *testing.T, texts map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// pick chooses files of this machine to upload.
func (p *person) pick(paths ...string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#pick-files"), paths))
}

// drop drags files and folders of this machine over the page and lets them go there.
func (p *person) drop(paths ...string) {
	p.t.Helper()
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: paths, DragOperationsMask: 1}
	for _, kind := range []input.DispatchDragEventType{"dragEnter", "dragOver", "drop"} {
		if kind == "drop" {
			p.has(`document.querySelector('.drop:not([hidden])')`)
			p.shot("drop")
		}
		call(p, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: 300, Y: 400, Data: data})
	}
}

// Files and folders that are dropped, or a picked folder, arrive with their paths.
func TestDropsAndFoldersInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "theirs")
	dir := folder(t, map[string]string{"a.txt": "mine", "b.txt": "b", "holiday/sea.txt": "sea", "holiday/deep/er/fish.txt": "fish", "picked/x.txt": "x", "picked/y/z.txt": "z"})
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.expect("405 (Method Not Allowed)") // a folder that is there already
	p.open("/")
	p.sees("1 item")
	for _, empty := range []string{"holiday/empty", "none"} {
		if err := os.MkdirAll(filepath.Join(dir, empty), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.drop(filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.txt"), filepath.Join(dir, "holiday"), filepath.Join(dir, "none"))
	p.sees("“a.txt” is there already")
	p.press("Skip")
	p.told("5 files uploaded")
	for _, empty := range []string{"/holiday/empty/", "/none/"} {
		if status, _ := statusOf(t, base+empty); status != http.StatusOK {
			t.Errorf("%s: %d", empty, status)
		}
	}
	for path, want := range map[string]string{"/a.txt": "theirs", "/b.txt": "b", "/holiday/sea.txt": "sea", "/holiday/deep/er/fish.txt": "fish"} {
		if got := stored(t, base+path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}

	// What a script lets drop, as other pages' tests do, has no entries of a file system.
	p.eval(`(() => { const d = new DataTransfer(); d.items.add(new File(['made'], 'made.txt')); d.items.add(new File(['too'], 'too.txt'));
		for (const kind of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: d, bubbles: true, cancelable: true })); })()`)
	p.told("2 files uploaded")
	if got := stored(t, base+"/made.txt"); got != "made" {
		t.Error(got)
	}

	pick := func() {
		p.do(chromedp.SetUploadFiles(chromedp.CSS("#pick-folder"), []string{filepath.Join(dir, "picked")}))
	}
	uploaded := func(paths ...string) {
		t.Helper()
		p.has(fmt.Sprintf(`[...document.querySelectorAll('.uploads li.done .path')].map((e) => e.textContent).sort().join() === %q`, strings.Join(paths, ",")))
	}
	pick()
	uploaded("picked/x.txt", "picked/y/z.txt")
	p.has(`[...document.querySelectorAll('#files td.name a')].some((a) => a.textContent === 'picked/')`)
	if got := stored(t, base+"/picked/y/z.txt"); got != "z" {
		t.Error(got)
	}
	p.told("2 files uploaded")
	p.timePasses()
	p.has(`!document.querySelector('.uploads')`) // it goes when nothing is left to do

	// Once more, into folders that are there: each file asks, and one answer can do for all.
	pick()
	p.sees("is there already")
	p.press(`dialog input[type="checkbox"]`)
	p.press("Keep both")
	uploaded("picked/x.txt", "picked/y/z.txt")
	if a, b := stored(t, base+"/picked/x%20(2).txt"), stored(t, base+"/picked/y/z%20(2).txt"); a != "x" || b != "z" {
		t.Error(a, b)
	}
}

// slow reads what is uploaded only as far as it is let.
type slow struct {
	http.Handler
	more chan struct{} // 4 MiB each
}

func (s *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/big") {
		r.Body = struct {
			io.Reader
			io.Closer
		}{&trickle{r, r.Body, s.more, 0}, r.Body}
	}
	s.Handler.ServeHTTP(w, r)
}

type trickle struct {
	r    *http.Request
	body io.Reader
	more chan struct{}
	left int
}

func (b *trickle) Read(p []byte) (int, error) {
	if b.left == 0 {
		select {
		case <-b.more:
			b.left = 4 << 20
		case <-b.r.Context().Done():
			return 0, b.r.Context().Err()
		}
	}
	n, err := b.body.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Several uploads run at once, each with its progress; one can be cancelled and tried again; nothing of it is
// there before it is whole.
func TestProgressOfUploadsInTheBrowser(t *testing.T) {
	t.Parallel()
	tree := handler.NewTree(trees["disk"](t), etagfs.Options{Settings: etagfs.Settings{Relaxed: true}})
	h, err := handler.New(tree, handler.Options{})
	must(t, err)
	s := &slow{h, make(chan struct{})}
	letAll := sync.OnceFunc(func() { close(s.more) })
	srv := httptest.NewServer(s)
	t.Cleanup(func() { letAll(); srv.Close(); tree.Close() })
	dir := t.TempDir()
	var paths []string
	for i := range 5 {
		path := filepath.Join(dir, fmt.Sprintf("big%d.bin", i))
		f, err := os.Create(path)
		must(t, err)
		f.Truncate(24 << 20)
		f.Close()
		paths = append(paths, path)
	}
	p := visit(t, chromium(t), srv.URL)
	p.expect("404 (Not Found)") // it looks before it sends much
	p.open("/")
	p.sees("0 items")
	p.pick(paths...)
	row := func(name string) string {
		return fmt.Sprintf(`[...document.querySelectorAll('.uploads li')].find((li) => li.querySelector('.path').textContent === %q)`, name)
	}
	p.has(`document.querySelectorAll('.uploads li.active').length === 3`)
	p.has(`document.querySelectorAll('.uploads li.waiting').length === 2`)
	for range 3 {
		s.more <- struct{}{}
	}
	p.has(`[...document.querySelectorAll('.uploads li.active progress')].every((m) => m.value > 0 && m.value < 1)`)
	p.has(`(() => { const all = document.querySelector('.uploads > progress').value; return all > 0 && all < 0.7 })()`)
	p.sees("Uploading 1 of 5")
	p.shot("uploading")
	p.has(`document.querySelector('.uploads [aria-label="Close"]').hidden`)
	p.has(`!dispatchEvent(new Event('beforeunload', { cancelable: true }))`) // it asks whoever leaves the page, which would end them

	p.press(`button[aria-label="Cancel big1.bin"]`)
	p.has(row("big1.bin") + `.className === 'cancelled'`)
	p.press(`button[aria-label="Cancel big4.bin"]`) // it had not begun
	p.has(row("big4.bin") + `.className === 'cancelled'`)
	letAll()
	for _, name := range []string{"big0.bin", "big2.bin", "big3.bin"} {
		p.has(row(name) + `.className === 'done'`)
	}
	for _, name := range []string{"big1.bin", "big4.bin"} {
		if status, _ := statusOf(t, srv.URL+"/"+name); status != http.StatusNotFound {
			t.Errorf("%s was cancelled, and is there: %d", name, status)
		}
	}
	p.shot("upload-cancelled")
	p.press(`button[aria-label="Retry big1.bin"]`)
	p.has(row("big1.bin") + `.className === 'done'`)
	if _, body := statusOf(t, srv.URL+"/big1.bin"); len(body) != 24<<20 {
		t.Error(len(body))
	}
	p.has(`dispatchEvent(new Event('beforeunload', { cancelable: true }))`)
	p.has(`document.querySelectorAll('.uploads li.cancelled').length === 1`) // the panel stays while there is something to retry
}

// What is cancelled while its folder is made is not uploaded.
func TestCancelBeforeAnUploadInTheBrowser(t *testing.T) {
	t.Parallel()
	tree := handler.NewTree(trees["disk"](t), etagfs.Options{})
	h, err := handler.New(tree, handler.Options{})
	must(t, err)
	makes := make(chan struct{})
	letMake := sync.OnceFunc(func() { close(makes) })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "MKCOL" {
			<-makes
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { letMake(); srv.Close(); tree.Close() })
	p := visit(t, chromium(t), srv.URL)
	p.open("/")
	p.sees("0 items")
	p.drop(filepath.Join(folder(t, map[string]string{"d/a.txt": "a"}), "d"))
	p.press(`button[aria-label="Cancel d/a.txt"]`)
	letMake()
	p.has(`[...document.querySelectorAll('#files td.name a')].some((a) => a.textContent === 'd/')`)
	p.has(`document.querySelector('.uploads li').className === 'cancelled'`)
	if status, _ := statusOf(t, srv.URL+"/d/a.txt"); status != http.StatusNotFound {
		t.Errorf("it was cancelled, and is there: %d", status)
	}
}

// A name that is taken: replace names the state that was asked about, and who changes it in between is asked about
// again.
func TestReplacingByUploadInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/notes.txt", "first")
	dir := folder(t, map[string]string{"notes.txt": "mine", "other.txt": "mine"})
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.expect("423 (Locked)")
	p.open("/")
	p.sees("1 item")
	p.pick(filepath.Join(dir, "notes.txt"))
	p.sees("“notes.txt” is there already")
	p.eval(`document.querySelector('dialog').id = 'first'`)
	put(t, base+"/notes.txt", "second")
	p.press("Replace")
	p.has(`document.querySelector('dialog:not(#first)')`)
	if got := stored(t, base+"/notes.txt"); got != "second" {
		t.Fatal(got)
	}
	p.press("Replace")
	p.told("“notes.txt” uploaded")
	if got := stored(t, base+"/notes.txt"); got != "mine" {
		t.Fatal(got)
	}
	token := lockFor(t, base+"/notes.txt")
	put(t, base+"/other.txt", "theirs")
	p.pick(filepath.Join(dir, "notes.txt"), filepath.Join(dir, "other.txt"))
	p.sees("is there already")
	p.press(`dialog input[type="checkbox"]`)
	p.press("Replace")
	p.told("1 of 2 uploads failed")
	p.sees("It is locked by Eva until")
	p.shot("upload-locked")
	succeed(t, "UNLOCK", base+"/notes.txt", "", "Lock-Token", token)
	p.press(`button[aria-label="Retry notes.txt"]`) // what was answered for all was for those of then
	p.sees("“notes.txt” is there already")
	p.press("Replace")
	p.told("“notes.txt” uploaded")
}

// lockFor takes a lock for Eva, as another program would, and returns its token in angle brackets.
func lockFor(t *testing.T, url string) (token string) {
	t.Helper()
	return succeed(t, "LOCK", url, exclusive, "Timeout", "Second-600").Header.Get("Lock-Token")
}
