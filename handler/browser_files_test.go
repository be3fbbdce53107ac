//go:build browser

package handler_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ifmatch/fs"
	"ifmatch/handler"
)

// actions is the selector of the menu of a member.
func actions(name string) string { return `button[aria-label="Actions for ` + name + `"]` }

// listed waits until the collection shows exactly these names.
func (p *person) listed(names ...string) {
	p.t.Helper()
	p.has(`[...document.querySelectorAll('#files td.name a')].map((a) => a.textContent).join('|') === ` + strconv.Quote(strings.Join(names, "|")))
}

// sized waits until the collection shows a small file with this size.
func (p *person) sized(name string, sizeBytes int) {
	p.t.Helper()
	p.has(fmt.Sprintf(`[...document.querySelectorAll('#files tbody tr')].find((tr) => tr.row.name === %q).querySelector('.size').textContent === '%d B'`, name, sizeBytes))
}

// What somebody else does while a question is open makes the answer void: nothing is overwritten or deleted that
// was not seen.
func TestRacesInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "a")
	put(t, base+"/b.txt", "b")
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.expect("423 (Locked)")
	p.expect("404 (Not Found)") // whether a name is taken is asked
	p.open("/")
	p.listed("a.txt", "b.txt")

	// A folder has no tag, but a time that tells of its members.
	succeed(t, "MKCOL", base+"/box/", "")
	p.listed("box/", "a.txt", "b.txt")
	time.Sleep(time.Second) // an HTTP-date has no more
	p.press(actions("box"))
	p.press("Delete…")
	p.sees("All that is in it goes as well")
	put(t, base+"/box/new.txt", "words")
	p.press("dialog .button.bad")
	p.told("“box” was not deleted: Somebody changed it meanwhile")
	if got := stored(t, base+"/box/new.txt"); got != "words" {
		t.Error(got)
	}
	p.press(actions("box"))
	p.press("Delete…")
	p.press("dialog .button.bad")
	p.told("“box” deleted")
	p.listed("a.txt", "b.txt")

	p.press(actions("a.txt"))
	p.press("Delete…")
	p.sees("This cannot be undone")
	put(t, base+"/a.txt", "a, changed")
	p.press("dialog .button.bad")
	p.sees("was not deleted")
	p.shot("delete-refused")
	p.told("“a.txt” was not deleted: Somebody changed it meanwhile")
	if got := stored(t, base+"/a.txt"); got != "a, changed" {
		t.Error(got)
	}

	// The name is taken when the request is on its way.
	p.press(actions("b.txt"))
	p.press("Rename…")
	p.write("dialog input", "c.txt")
	p.eval(`(() => { const real = fetch; window.fetch = (...request) => new Promise((sent) => { window.send = () => { window.fetch = real; sent(real(...request)); }; }); })()`)
	p.press("Rename")
	p.has(`window.send`)
	put(t, base+"/c.txt", "somebody else's")
	p.eval(`send()`)
	p.told("“b.txt” was not renamed: “c.txt” is there already")
	p.listed("a.txt", "b.txt", "c.txt")
	if b, c := stored(t, base+"/b.txt"), stored(t, base+"/c.txt"); b != "b" || c != "somebody else's" {
		t.Error(b, c)
	}

	// A copy beside the original gets a name of its own, and can be taken back while it is what was copied.
	p.press(actions("b.txt"))
	p.press("Copy…")
	p.press("Copy here")
	p.sees("“b.txt” copied")
	p.listed("a.txt", "b (2).txt", "b.txt", "c.txt")
	put(t, base+"/b%20(2).txt", "worked on")
	p.press("Undo")
	p.told("It cannot be undone: Somebody changed it meanwhile")
	if got := stored(t, base+"/b%20(2).txt"); got != "worked on" {
		t.Error(got)
	}

	// Moving onto a name that is taken, and what is locked.
	succeed(t, "MKCOL", base+"/sub/", "")
	put(t, base+"/sub/b.txt", "in sub")
	p.sees("sub/")
	p.press(actions("b.txt"))
	p.press("Move…")
	p.eval(`XMLHttpRequest.prototype.send = (send => function (body) { setTimeout(() => send.call(this, body), 300); })(XMLHttpRequest.prototype.send)`)
	p.press("sub")
	p.press("Move here") // at once: it waits until sub is shown
	p.told("“b.txt” was not moved: “b.txt” is there already")
	if a, b := stored(t, base+"/b.txt"), stored(t, base+"/sub/b.txt"); a != "b" || b != "in sub" {
		t.Error(a, b)
	}

	// Whatever is done names the state that was shown when it was asked for.
	change := func(name, text string) {
		t.Helper()
		put(t, base+"/"+name, text)
		p.sized(name, len(text))
	}
	for i, act := range []struct{ asks, done, not string }{{"Rename…", "Rename", "renamed"}, {"Move…", "Move here", "moved"}, {"Copy…", "Copy here", "copied"}} {
		p.press(actions("a.txt"))
		p.press(act.asks)
		switch act.asks {
		case "Rename…":
			p.write("dialog input", "d.txt")
		case "Move…":
			p.press("sub")
			p.has(`document.querySelector('dialog .path').textContent === '/sub/'`)
		}
		change("a.txt", strings.Repeat("a", 20+i))
		p.press(act.done)
		p.told("“a.txt” was not " + act.not + ": Somebody changed it meanwhile")
	}
	p.press(actions("b.txt"))
	p.press("Rename…")
	p.write("dialog input", "d.txt")
	p.press("Rename")
	p.sees("“b.txt” is now “d.txt”")
	change("d.txt", "worked on")
	p.press("Undo")
	p.told("It cannot be undone: Somebody changed it meanwhile")
	p.listed("sub/", "a.txt", "b (2).txt", "c.txt", "d.txt")

	lockFor(t, base+"/c.txt")
	p.do(chromedp.Reload())
	p.has(`document.querySelector('.badge')?.textContent === 'Eva'`)
	p.press(actions("c.txt"))
	p.press("Delete…")
	p.press("dialog .button.bad")
	p.told("“c.txt” was not deleted: It is locked by Eva until")
	p.open("/c.txt?view")
	p.sees("locked by Eva")
	p.open("/c.txt?edit")
	p.has(`document.querySelector('#text')?.value === "somebody else's"`)
	p.do(chromedp.KeyEvent("x"), chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.sees("Not saved. It is locked by Eva until")
	p.shot("edit-locked")
}

// Copies beside their originals get names of their own, also where one is named like a copy of the other.
func TestCopiesOfCopiesInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "one")
	put(t, base+"/a%20(2).txt", "two")
	p := visit(t, chromium(t), base)
	p.open("/")
	p.press(`input[aria-label="Select all"]`)
	p.press("Copy…")
	p.press("Copy here")
	p.sees("2 items copied")
	p.listed("a (2).txt", "a (3).txt", "a (4).txt", "a.txt")
}

// Everything can be done without a mouse.
func TestKeyboardInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
		put(t, base+"/"+name, name)
	}
	p := visit(t, chromium(t), base)
	key := func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			if len(k) == 1 && k > " " { // one event, as a keyboard sends it: whoever handles it keeps it out of the text
				call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: k, Text: k})
				continue
			}
			p.do(chromedp.KeyEvent(k))
		}
	}
	p.open("/")
	p.listed("a.txt", "b.txt", "c.txt")
	key(kb.Tab)
	p.has(`document.activeElement.className === 'skip'`)
	key(kb.ArrowDown, kb.ArrowDown, " ", kb.ArrowDown, " ")
	p.sees("2 selected")
	key(kb.Escape)
	p.has(`document.querySelector('.selection').hidden`)
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.sees("3 selected")
	key("/", "b")
	p.sees("3 selected, 2 of them not shown")
	key(kb.Escape)
	p.has(`!document.querySelector('.selection').innerText.includes('not shown')`)
	key(kb.Escape, kb.Home, kb.F2)
	p.has(`document.activeElement.matches('dialog input') && document.activeElement.selectionEnd === 1`) // the stem is chosen
	key("z", kb.Enter)
	p.listed("b.txt", "c.txt", "z.txt")
	p.has(`document.activeElement.textContent === 'z.txt'`)
	key("/")
	p.has(`document.activeElement.id === 'filter'`)
	key("c", kb.ArrowDown, kb.Delete)
	p.sees("Delete “c.txt”?")
	key(kb.Enter)
	p.told("“c.txt” deleted")
	key("/", kb.Escape)
	p.listed("b.txt", "z.txt")
	key("n")
	p.has(`document.activeElement.matches('dialog input')`)
	p.do(chromedp.KeyEvent("box"))
	key(kb.Enter)
	p.listed("box/", "b.txt", "z.txt")
	key("?")
	p.sees("one folder up")
	key(kb.Escape)
	p.has(`!document.querySelector('dialog')`)
	p.eval(`document.querySelector('` + actions("z.txt") + `').focus()`)
	key(kb.Enter)
	p.has(`document.activeElement.textContent === 'Open'`)
	key(kb.End)
	p.has(`document.activeElement.textContent === 'Delete…'`)
	key(kb.Escape)
	p.has(`document.activeElement.getAttribute('aria-label') === 'Actions for z.txt'`)
	key(kb.Home, kb.End, kb.F2)
	p.has(`document.activeElement.matches('dialog input')`)
	key(kb.Escape)
	key(kb.ArrowUp, kb.Delete)
	p.sees("Delete “b.txt”?")
	key(kb.Enter)
	p.listed("box/", "z.txt")
	p.has(`document.activeElement.textContent === 'z.txt'`) // what stands there now
	p.eval(`document.querySelector('` + actions("box") + `').focus()`)
	key(kb.Enter)
	p.has(`document.activeElement.textContent === 'Open'`)
	key(kb.Tab)
	p.has(`!document.querySelector('.menu') && document.activeElement.getAttribute('aria-label') === 'Select z.txt'`)
	key(kb.Home, kb.Enter)
	p.has(`location.pathname === '/box/' && document.readyState === 'complete' && document.documentElement.classList.contains('js')`)
	key(kb.Backspace)
	p.has(`location.pathname === '/'`)

	// What has the focus is not under the bar.
	for i := range 40 {
		put(t, fmt.Sprintf("%s/box/%d", base, i), "")
	}
	p.open("/box") // as people type it
	p.has(`document.querySelectorAll('#files td.more').length === 41`)
	key(kb.End)
	for range 40 {
		key(kb.ArrowUp)
		p.has(`document.activeElement.getBoundingClientRect().top >= document.querySelector('.bar').getBoundingClientRect().bottom`)
	}
	key(kb.Backspace)
	p.has(`location.pathname === '/'`)
}

// What goes wrong while a folder is chosen is said where the person looks: what is behind a dialog is dimmed, and silent.
func TestChoosingAFolderInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "a")
	put(t, base+"/taken", "b")
	p := visit(t, chromium(t), base)
	p.expect("405 (Method Not Allowed)")
	p.open("/")
	p.press(actions("a.txt"))
	p.press("Move…")
	p.press(".dialog .left")
	p.write("dialog form input", "taken")
	p.press("dialog form .primary")
	p.has(`document.querySelector('dialog .problem')?.textContent === '“taken” is there already.'`)
	p.press(".dialog .left")
	p.write("dialog form input", "box")
	p.press("dialog form .primary")
	p.has(`document.querySelector('dialog .path').textContent === '/box/' && !document.querySelector('dialog .problem').textContent`)
	p.press("Move here")
	p.listed("box/", "taken")
	if got := stored(t, base+"/box/a.txt"); got != "a" {
		t.Error(got)
	}
}

// hostile are names that mean something else to HTML, URLs, scripts, terminals and readers.
var hostile = []string{
	`<img src=x onerror=alert(1)>`, `"><script>alert(1)<`, `a"b'c&d.txt`, "new\nline.txt", "tab\there.txt", "photo\u202egnp.exe",
	"\u2067isolated.txt", `back\slash.txt`, "%2e%2e", "%00.txt", "#fragment?query.txt", "javascript:alert(1)", "{{.}}", "${1+1}.txt",
	" lead.txt", "trail ", "-rf.txt", "~", "...", "é.txt", strings.Repeat("n", 251) + ".txt", "\u200b",
}

func TestHostileNamesInTheBrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := hostile
	for _, name := range names {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("text of "+name), 0o644))
	}
	tree, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	base := serve(t, tree, handler.Options{})
	p := visit(t, chromium(t), base)
	p.open("/")
	p.sees(strconv.Itoa(len(names)) + " items")
	p.shot("hostile")
	hrefs := value[[]string](p, `[...document.querySelectorAll('#files td.name a')].map((a) => a.getAttribute('href'))`)
	if len(hrefs) != len(names) {
		t.Fatal(hrefs)
	}
	if n := value[int](p, `document.querySelectorAll('#files img, #files script').length`); n != 0 {
		t.Error("a name became an element")
	}
	if text := value[string](p, `document.querySelector('#files').textContent`); strings.ContainsAny(text, "\u202e\u2067") {
		t.Error("a name turns the direction of what is read")
	}
	seen := map[string]bool{}
	for _, href := range hrefs {
		if !strings.HasPrefix(href, "/") || strings.HasPrefix(href, "//") {
			t.Errorf("href %q leads elsewhere", href)
		}
		status, body := statusOf(t, base+strings.TrimSuffix(href, "?view"))
		if name, ok := strings.CutPrefix(body, "text of "); ok && status == http.StatusOK {
			seen[name] = true
		}
		for _, page := range []string{"?view", "?edit"} {
			if status, _ := statusOf(t, base+strings.TrimSuffix(href, "?view")+page); status != http.StatusOK {
				t.Errorf("%s%s: %d", href, page, status)
			}
		}
	}
	for _, name := range names {
		if !seen[name] {
			t.Errorf("%q cannot be reached", name)
		}
	}
	// Who changes nothing renames nothing, also where a field takes away what is in the name.
	act := func(name string) {
		t.Helper()
		p.eval(`[...document.querySelectorAll('tr')].find((tr) => tr.row?.name === ` + strconv.QuoteToASCII(name) + `).querySelector('.more button').click()`)
		p.press("Rename…")
	}
	same := []string{"trail ", " lead.txt", "new\nline.txt"}
	for _, name := range same {
		act(name)
		p.press("Rename")
		p.has(`!document.querySelector('dialog')`)
	}
	// Renamed, edited and deleted like any other.
	for i, name := range []string{`<img src=x onerror=alert(1)>`, "new\nline.txt", "#fragment?query.txt", "photo\u202egnp.exe"} {
		act(name)
		plain := "plain" + strconv.Itoa(i) + ".txt"
		p.write("dialog input", plain)
		p.press("Rename")
		p.sees("is now “" + plain + "”")
		if text := value[string](p, `document.querySelector('.toasts').textContent`); strings.ContainsAny(text, "\u202e\n") {
			t.Errorf("%q", text)
		}
		p.press("Undo")
		p.told("Undone.")
	}
	for _, name := range same {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error("renamed unasked: ", err)
		}
	}
	p.open("/%3Cimg%20src=x%20onerror=alert(1)%3E?edit")
	p.has(`document.querySelector('#text')?.value.startsWith('text of <img')`)
	p.do(chromedp.KeyEvent("x"), chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.told("Saved.")
	if got := stored(t, base+"/%3Cimg%20src=x%20onerror=alert(1)%3E"); got != "xtext of <img src=x onerror=alert(1)>" {
		t.Errorf("%q", got)
	}
}
