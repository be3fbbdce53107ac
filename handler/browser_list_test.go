//go:build browser

package handler_test

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ifmatch/fs"
	"ifmatch/handler"
)

// The filter finds a name in whichever form it is written.
func TestFilterInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/Cafe%CC%81.txt", "") // as macOS writes é
	put(t, base+"/tea.txt", "")
	p := visit(t, chromium(t), base)
	p.open("/")
	p.listed("Cafe\u0301.txt", "tea.txt")
	p.write("#filter", "\u00e9")
	p.sees("1 of 2")
}

// A collection is sorted by each column, both ways, and with folders first; ages are in words; one finds the way up.
func TestSortingInTheBrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, f := range []struct {
		name string
		size int
		age  time.Duration
	}{{"file 10.txt", 5, time.Minute}, {"file 9.txt", 2000, 49 * time.Hour}, {"B.txt", 30, 0}, {"a.txt", 1, 800 * 24 * time.Hour}} {
		path := filepath.Join(dir, "box", "inner", f.name)
		if i == 0 {
			must(t, os.MkdirAll(filepath.Join(filepath.Dir(path), "zoo"), 0o755))
		}
		must(t, os.WriteFile(path, make([]byte, f.size), 0o644))
		at := time.Now().Add(-f.age)
		must(t, os.Chtimes(path, at, at))
	}
	tree, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	p := visit(t, chromium(t), serve(t, tree, handler.Options{}))
	p.open("/box/inner/")
	sorted := func(column, way string, names ...string) {
		t.Helper()
		p.listed(names...)
		p.has(fmt.Sprintf(`document.querySelector('[data-key=%s]').getAttribute('aria-sort') === %q && document.querySelectorAll('[aria-sort=ascending], [aria-sort=descending]').length === 1`, column, way))
	}
	p.has(`document.documentElement.classList.contains('js')`)
	sorted("name", "ascending", "zoo/", "a.txt", "B.txt", "file 9.txt", "file 10.txt")
	p.press("[data-key=name] button")
	sorted("name", "descending", "zoo/", "file 10.txt", "file 9.txt", "B.txt", "a.txt")
	p.press("[data-key=size] button")
	sorted("size", "ascending", "zoo/", "a.txt", "file 10.txt", "B.txt", "file 9.txt")
	p.press("[data-key=size] button")
	sorted("size", "descending", "zoo/", "file 9.txt", "B.txt", "file 10.txt", "a.txt")
	p.press("[data-key=time] button")
	sorted("time", "descending", "zoo/", "B.txt", "file 10.txt", "file 9.txt", "a.txt") // the newest first
	p.has(`[...document.querySelectorAll('#files tbody td.time')].slice(1).map((c) => c.textContent).join() === 'just now,1 minute ago,2 days ago,2 years ago'`)
	p.has(`[...document.querySelectorAll('#files tbody td.size')].map((c) => c.textContent).join() === ',30 B,5 B,2.0 KiB,1 B'`)
	p.has(`document.querySelector('#files tbody time').title !== ''`)

	p.has(`[...document.querySelectorAll('.crumbs li')].map((li) => li.textContent.trim()).join() === 'Home,box,inner'`)
	p.press("box")
	p.listed("inner/")
	p.press(".crumbs a.home")
	p.listed("box/")
}

// What is selected comes down as one archive, and one file as it is.
func TestDownloadsInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
		put(t, base+"/"+name, "text of "+name)
	}
	succeed(t, "MKCOL", base+"/box/", "")
	put(t, base+"/box/deep.txt", "deep")
	p := visit(t, chromium(t), base)
	dir := t.TempDir()
	call(p, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow,
		BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID, DownloadPath: dir})
	p.open("/")
	p.press(`input[aria-label="Select a.txt"]`)
	p.press("Download")
	if got := downloaded(t, dir, "a.txt"); string(got) != "text of a.txt" {
		t.Errorf("%q", got)
	}
	p.press(`input[aria-label="Select box"]`)
	p.press(`input[aria-label="Select c.txt"]`)
	p.press("Download")
	if got, want := archived(t, dir, "files.zip"), []string{"a.txt=text of a.txt", "box/=", "box/deep.txt=deep", "c.txt=text of c.txt"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	p.press(actions("box"))
	p.press("Download as zip")
	if got, want := archived(t, dir, "box.zip"), []string{"deep.txt=deep"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// downloaded waits for a file that the browser keeps.
func downloaded(t *testing.T, dir, name string) []byte {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil && len(text) > 0 {
			return text
		}
	}
	entries, _ := os.ReadDir(dir)
	t.Fatalf("%s was not downloaded; there are %v", name, entries)
	return nil
}

// archived are the members of a downloaded archive with their texts.
func archived(t *testing.T, dir, name string) (members []string) {
	t.Helper()
	downloaded(t, dir, name)
	z, err := zip.OpenReader(filepath.Join(dir, name))
	must(t, err)
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(f.Name, err)
		}
		members = append(members, f.Name+"="+string(text))
	}
	slices.Sort(members)
	return members
}

// Locks that come and go are shown where people look, without loading the page anew.
func TestLocksInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "text")
	chrome := chromium(t)
	list, view, edit := visit(t, chrome, base), visit(t, chrome, base), visit(t, chrome, base)
	list.open("/")
	list.listed("a.txt")
	view.open("/a.txt?view")
	view.sees("ETag")
	edit.open("/a.txt?edit")
	edit.has(`document.querySelector('#text')?.value === 'text'`)

	token := lockFor(t, base+"/a.txt")
	list.has(`document.querySelector('#files .badge')?.textContent === 'Eva'`)
	list.shot("locked-list")
	view.sees("locked by Eva")
	view.shot("locked-view")
	edit.sees("Locked by Eva: saving is refused until that ends")
	edit.expect("423 (Locked)")
	edit.do(chromedp.KeyEvent("my "), chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl)))
	edit.sees("Not saved. It is locked by Eva until")
	edit.shot("locked-edit")

	succeed(t, "UNLOCK", base+"/a.txt", "", "Lock-Token", token)
	list.has(`!document.querySelector('#files .badge')`)
	view.has(`!document.body.innerText.includes('locked by')`)
	edit.has(`!document.body.innerText.includes('Locked by Eva')`)
	edit.press("#save")
	edit.told("Saved.")
	if got := stored(t, base+"/a.txt"); got != "my text" {
		t.Errorf("%q", got)
	}
}

// What other programs do to the files shows as well: in the list, and in an editor that has nothing to lose, or as a
// word where it has.
func TestOtherProgramsInTheBrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("a.txt", "one\n\n\nend\n")
	tree, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	base := serve(t, tree, handler.Options{})
	chrome := chromium(t)
	list, edit := visit(t, chrome, base), visit(t, chrome, base)
	list.open("/")
	list.listed("a.txt")
	edit.open("/a.txt?edit")
	edit.has(`document.querySelector('#text')?.value === 'one\n\n\nend\n'`)

	write("b.txt", "new")
	list.listed("a.txt", "b.txt")
	write("a.txt", "two\n\n\nend\n")
	edit.has(`document.querySelector('#text').value === 'two\n\n\nend\n'`)
	edit.do(chromedp.KeyEvent("mine "))
	write("a.txt", "two\n\n\nthe end\n")
	edit.sees("Somebody else changed this file while you are writing")
	edit.press("Merge now")
	edit.has(`document.querySelector('#text').value === 'mine two\n\n\nthe end\n'`)
	edit.press("#save")
	edit.told("Saved.")
	if text, err := os.ReadFile(filepath.Join(dir, "a.txt")); err != nil || string(text) != "mine two\n\n\nthe end\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// Long lines are wrapped, with one number for each, until somebody does not want that; the page remembers it.
func TestSoftWrapInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", strings.Repeat("one long line of words ", 40)+"needle\nshort\n")
	p := visit(t, chromium(t), base)
	p.open("/a.txt?edit")
	const wide, tall = `document.querySelector('.surface').scrollWidth > document.querySelector('.surface').clientWidth`,
		`document.querySelector('.mirror > div').offsetHeight > 2 * document.querySelectorAll('.mirror > div')[1].offsetHeight`
	p.has(`document.querySelectorAll('.mirror > div').length === 3`)
	p.has(tall + ` && !(` + wide + `)`)
	p.press(`.status input[type="checkbox"]`)
	p.has(wide + ` && !(` + tall + `)`)
	p.eval(`document.querySelector('.surface').scrollLeft = 900`)
	p.shot("no-wrap") // the numbers stay
	p.eval(`document.querySelector('.surface').scrollLeft = 0`)
	p.do(chromedp.KeyEvent("f", chromedp.KeyModifiers(kb.ModifierCtrl)), chromedp.KeyEvent("needle"))
	p.has(`(() => { const m = document.querySelector('mark.now')?.getBoundingClientRect(); return m && m.left > 100 && m.right < innerWidth && document.querySelector('.surface').scrollLeft > 1000 })()`)
	p.do(chromedp.Reload())
	p.has(`document.querySelectorAll('.mirror > div').length === 3`)
	p.has(wide + ` && !document.querySelector('.status input').checked`)
}

// Who may only create is offered that, and nothing that changes what is there.
func TestWhoMayOnlyCreateInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{MayWrite: func(_ *http.Request, _ string, anew bool) bool { return anew }})
	put(t, base+"/a.txt", "a")
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.open("/")
	p.listed("a.txt")
	p.press(actions("a.txt"))
	const offered = `[...document.querySelectorAll(%q)].filter((e) => e.checkVisibility()).map((e) => e.textContent).join('|')`
	if got := value[string](p, fmt.Sprintf(offered, "[role=menuitem]")); got != "Open|Download|Copy…" {
		t.Error(got)
	}
	p.do(chromedp.KeyEvent(kb.Escape))
	p.press("#all")
	if got := value[string](p, fmt.Sprintf(offered, ".selection .button")); got != "Download|Copy…" {
		t.Error(got)
	}
	p.eval(`(() => { const list = new DataTransfer(); list.items.add(new File(['b'], 'a.txt'));
		const pick = document.getElementById('pick-files'); pick.files = list.files; pick.dispatchEvent(new Event('change')); })()`)
	p.sees("is there already")
	if got := value[string](p, fmt.Sprintf(offered, "dialog button")); got != "Skip|Keep both" {
		t.Error(got)
	}
	p.press("Keep both")
	p.listed("a (2).txt", "a.txt")
}
