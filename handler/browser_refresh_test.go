//go:build browser

package handler_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// What others do shows in a list without taking anything out of a person's hands: rows of names that stay are the
// same elements, with their focus, an open menu and half of a click.
func TestRefreshInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	for _, name := range []string{"b.txt", "d.txt", "f.txt", "gone.txt"} {
		put(t, base+"/"+name, name)
	}
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.open("/")
	p.listed("b.txt", "d.txt", "f.txt", "gone.txt")
	p.eval(`window.before = new Map([...document.querySelectorAll('#files tbody tr')].map((tr) => [tr.row.name, tr]))`)
	kept := func() {
		t.Helper()
		p.has(`[...document.querySelectorAll('#files tbody tr')].every((tr) => tr === (before.get(tr.row.name) ?? tr)) && before.size === 4`)
	}

	// Half of a click on the actions of b, while b is saved, one goes and others come.
	p.press(`input[aria-label="Select d.txt"]`)
	p.press(`input[aria-label="Select gone.txt"]`)
	p.sees("2 selected")
	at := p.point(actions("b.txt"))
	p.mouse("mousePressed", at)
	put(t, base+"/b.txt", "b, saved")
	put(t, base+"/c10.txt", "c10")
	put(t, base+"/C2.txt", "c2")
	succeed(t, "DELETE", base+"/gone.txt", "")
	p.listed("b.txt", "C2.txt", "c10.txt", "d.txt", "f.txt")
	p.sized("b.txt", 8)
	p.sees("1 selected")
	kept()
	p.mouse("mouseReleased", at)
	p.sees("Delete…")

	// The menu stays, and what it was opened on is what it acts on.
	put(t, base+"/b.txt", "b, saved again")
	p.sized("b.txt", 14)
	p.has(`document.activeElement.textContent === 'Open' && document.querySelector('[aria-expanded=true]').closest('tr').row.name === 'b.txt'`)
	p.press(".menu .bad")
	p.press("dialog .button.bad")
	p.told("“b.txt” was not deleted: Somebody changed it meanwhile")
	if got := stored(t, base+"/b.txt"); got != "b, saved again" {
		t.Error(got)
	}

	// The newest first: a row that moves takes its focus along, and no other row is touched.
	p.press("Changed")
	p.has(`document.querySelector('[data-key=time]').ariaSort === 'descending'`)
	others := slices.DeleteFunc(value[[]string](p, `[...document.querySelectorAll('#files td.name a')].map((a) => a.textContent)`), func(name string) bool { return name == "d.txt" })
	p.eval(`(window.touched = new Set(), new MutationObserver((all) => { for (const m of all) for (const e of m.addedNodes) touched.add(e.row?.name); }).observe(document.querySelector('#files tbody'), { childList: true }))`)
	p.eval(`document.querySelector('[aria-label="Select d.txt"]').focus()`)
	put(t, base+"/d.txt", "d, saved")
	p.listed(append([]string{"d.txt"}, others...)...)
	p.has(`[...touched].join() === 'd.txt' && document.activeElement.ariaLabel === 'Select d.txt' && document.activeElement.checked`)
	kept()

	// What is selected is deleted in the state that it has when that is asked for.
	put(t, base+"/d.txt", "d, saved again")
	p.sized("d.txt", 14)
	p.press("Delete…")
	p.press("dialog .button.bad")
	p.told("“d.txt” deleted")
	p.listed(others...)
	p.timePasses()
	p.has(`!document.querySelector('.toast')`)
}

// What happens while a list is on its way, before it hears of changes, shows as well.
func TestBeforeTheFirstEventInTheBrowser(t *testing.T) {
	t.Parallel()
	tree := handler.NewTree(trees["disk"](t), etagfs.Options{Settings: etagfs.Settings{Relaxed: true}})
	h, err := handler.New(tree, handler.Options{})
	must(t, err)
	loaded := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(loaded) })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "events" {
			<-loaded
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { goOn(); srv.Close(); tree.Close() })
	put(t, srv.URL+"/a.txt", "a")
	p := visit(t, chromium(t), srv.URL)
	p.open("/")
	p.listed("a.txt")
	put(t, srv.URL+"/b.txt", "b")
	lockFor(t, srv.URL+"/a.txt")
	goOn()
	p.listed("a.txt", "b.txt")
	p.has(`document.querySelector('#files .badge')?.textContent === 'Eva'`)
}

// What is shown goes, or becomes something else.
func TestGoneInTheBrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	base := serve(t, tree, handler.Options{})
	must(t, os.Mkdir(filepath.Join(dir, "box"), 0o755))
	put(t, base+"/a.txt", "a")
	p := visit(t, chromium(t), base)
	p.expect("404 (Not Found)")
	p.expect("405 (Method Not Allowed)")
	p.open("/box/")
	p.sees("Nothing here yet")
	must(t, os.Remove(filepath.Join(dir, "box")))
	p.sees("This folder is no longer there.")
	must(t, os.Mkdir(filepath.Join(dir, "box"), 0o755))
	put(t, base+"/box/b.txt", "b")
	p.listed("b.txt")
	p.has(`!document.body.innerText.includes('no longer there')`)

	p.open("/a.txt?edit")
	p.has(`document.querySelector('#text')?.value === 'a'`)
	p.do(chromedp.KeyEvent("mine "))
	must(t, os.Remove(filepath.Join(dir, "a.txt")))
	must(t, os.Mkdir(filepath.Join(dir, "a.txt"), 0o755))
	p.said("There is a folder of this name by now")
	p.press("#save")
	p.said("Not saved. There is a folder of this name by now")
	p.has(`Object.keys(localStorage).some((key) => key.startsWith('ifmatch:draft:'))`)
}

// A file whose content was not read yet has no tag in the list. What is shown of it names its state as well.
func TestTagsOfContentInTheBrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"kept.txt", "deleted.txt"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("found here"), 0o644))
	}
	tree, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	base := serveTree(t, tree, etagfs.Options{Settings: etagfs.Settings{Content: true}}, handler.Options{})
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.open("/")
	p.listed("deleted.txt", "kept.txt")
	p.has(`[...document.querySelectorAll('#files tbody tr')].every((tr) => tr.row.etag === null)`)
	p.press(actions("kept.txt"))
	put(t, base+"/kept.txt", "somebody's words")
	p.press("Delete…")
	p.press("dialog .button.bad")
	p.told("“kept.txt” was not deleted: Somebody changed it meanwhile")
	p.press(actions("deleted.txt"))
	p.press("Delete…")
	p.press("dialog .button.bad")
	p.told("“deleted.txt” deleted")
	if got := stored(t, base+"/kept.txt"); got != "somebody's words" {
		t.Error(got)
	}
}

// News of the file do not disturb who reads or writes in the editor.
func TestNewsInTheEditor(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "one\ntwo\nthree\nfour\n")
	p := visit(t, chromium(t), base)
	p.open("/a.txt?edit")
	p.has(`document.querySelector('#text')?.value === 'one\ntwo\nthree\nfour\n'`)
	selection := func(want string) {
		t.Helper()
		p.has(fmt.Sprintf(`((a) => a.value.slice(a.selectionStart, a.selectionEnd) === %q && document.activeElement === a)(document.querySelector('#text'))`, want))
	}
	p.eval(`document.querySelector('#text').setSelectionRange(8, 13)`)
	selection("three")
	for _, text := range []string{"zero\none\ntwo\nthree\nfour\n", "zero\none\ntwo\nthree\nfour\nfive\n"} { // before it, and behind it
		put(t, base+"/a.txt", text)
		p.told("you see the new text")
		p.has(fmt.Sprintf(`document.querySelector('#text').value === %q`, text))
		selection("three")
	}

	// What was found is found in the new text, and who writes with the search open writes on where the caret is.
	p.do(chromedp.KeyEvent("f", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.has(`document.querySelector('.find .count').textContent === '1 of 1'`)
	put(t, base+"/a.txt", "three\nzero\none\ntwo\nthree\nfour\nfive\n")
	p.has(`document.querySelector('.find .count').textContent.endsWith(' of 2')`)
	p.told("you see the new text")
	p.eval(`((a) => { a.focus(); a.setSelectionRange(6, 6); })(document.querySelector('#text'))`)
	p.do(chromedp.KeyEvent("more than "))
	p.has(`document.querySelector('#text').value.startsWith('three\nmore than zero\n')`)

	// A notice of the same kind only gets other words: its button stays.
	put(t, base+"/a.txt", "three\nzero\none\ntwo\nthree\nfour\nfive\nsix\n")
	p.sees("while you are writing")
	at := p.point("Merge now")
	p.mouse("mousePressed", at)
	p.eval(`(window.said = 0, new MutationObserver(() => said++).observe(document.querySelector('#notices'), { childList: true, subtree: true }))`)
	put(t, base+"/a.txt", "three\nzero\none\ntwo\nthree\nfour\nfive\nsix\nseven\n")
	p.has(`said > 0`)
	p.mouse("mouseReleased", at)
	p.told("Merged.")
	p.has(`document.querySelector('#text').value === 'three\nmore than zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\n'`)
}

// A copy of a tab, as browsers make one, has its storage as well. What is not saved there is of the page where it was written,
// and the other one finds it only when that is gone.
func TestCopiedTabsInTheEditor(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "one\n")
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.open("/a.txt?edit")
	text := func(page, want string) {
		t.Helper()
		p.has(fmt.Sprintf(`%s.querySelector('#text')?.value === %q`, page, want))
	}
	drafts := func(n int) {
		t.Helper()
		p.has(fmt.Sprintf(`Object.keys(localStorage).filter((key) => key.startsWith('ifmatch:draft:')).length === %d`, n))
	}
	text("document", "one\n")
	p.do(chromedp.KeyEvent("mine "))
	drafts(1)
	p.eval(`window.other = open('/a.txt?edit', 'other')`)
	text("other.document", "one\n")
	p.eval(`((a) => { a.setRangeText('theirs '); a.dispatchEvent(new Event('input')); })(other.document.querySelector('#text'))`)
	drafts(2)
	p.do(chromedp.Reload())
	text("document", "mine one\n")
	p.eval(`open('', 'other').close()`)
	p.press("#save")
	p.told("Saved.")
	drafts(1)
	p.do(chromedp.Reload())
	text("document", "theirs one\n")
}

// Where a browser stores nothing, as Firefox does that blocks cookies, a text can be edited even so.
func TestEditorWithoutStorage(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "one\n")
	p := visit(t, chromium(t), base)
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		const refused = () => { throw new DOMException('The operation is insecure.', 'SecurityError'); };
		for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: refused });
		window.BroadcastChannel = function () { refused(); };`})
	p.open("/a.txt?edit")
	p.has(`document.querySelector('#text')?.value === 'one\n' && document.activeElement.id === 'text'`)
	p.do(chromedp.KeyEvent("more than "))
	p.sees("This browser has no room to keep your unsaved text")
	p.press("#save")
	p.told("Saved.")
	if got := stored(t, base+"/a.txt"); got != "more than one\n" {
		t.Error(got)
	}
}

// Nobody can write before the text is there, which would replace what was written.
func TestSlowTextInTheEditor(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	base := inFront(t, func(w http.ResponseWriter, r *http.Request, behind http.Handler) {
		if r.Method == http.MethodGet && r.URL.Path == "/a.txt" && r.URL.RawQuery == "" {
			select {
			case <-more:
			case <-r.Context().Done():
			}
		}
		behind.ServeHTTP(w, r)
	})
	put(t, base+"/a.txt", "one\n")
	p := visit(t, chromium(t), base)
	p.open("/a.txt?edit")
	p.has(`document.querySelector('#text')`)
	p.eval(`document.querySelector('#text').focus()`)
	p.do(chromedp.KeyEvent("early"), chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.has(`document.querySelector('#text').value === ''`)
	close(more)
	p.has(`document.querySelector('#text').value === 'one\n' && document.activeElement.id === 'text'`)
	p.do(chromedp.KeyEvent("on "))
	p.has(`document.querySelector('#text').value === 'on one\n'`)
}
