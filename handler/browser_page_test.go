//go:build browser

package handler_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ifmatch/handler"
)

// Two people edit one file: first on different lines, which merges by itself, then on the same line, which
// they decide. The words of both are in the file.
func TestTwoPeopleEditOneFile(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/plan.md", "# Plan\n\nbread\n\nmilk\n\ncheese\n\ntea\n")
	chrome := chromium(t)
	ann, bob := visit(t, chrome, base), visit(t, chrome, base)
	for _, p := range []*person{ann, bob} {
		p.expect("412 (Precondition Failed)")
		p.open("/plan.md?edit")
		p.has(`document.querySelector('#text')?.value.startsWith('# Plan')`)
	}
	saved := func(p *person) {
		t.Helper()
		p.has(`document.querySelector('.state').textContent === 'Saved' && document.querySelector('#save').textContent === 'Save' && !document.querySelector('dialog')`)
	}
	edit := func(p *person, from, to string) {
		t.Helper()
		p.eval(`(() => {const a = document.querySelector('#text'); a.focus(); const i = a.value.indexOf('` + from + `'); a.setSelectionRange(i, i + '` + from + `'.length)})()`)
		p.do(chromedp.KeyEvent(to))
	}
	edit(bob, "tea", "coffee")
	bob.sees("Not saved yet")
	edit(ann, "bread", "rye bread")
	ann.press("#save")
	saved(ann)
	bob.sees("changed this file while you are writing") // before there is a conflict
	bob.shot("edit-news")
	bob.do(chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl))) // Ctrl+S
	saved(bob)
	if got := stored(t, base+"/plan.md"); !strings.Contains(got, "rye bread\n") || !strings.Contains(got, "coffee\n") {
		t.Fatalf("words are lost: %q", got)
	}
	ann.has(`document.querySelector('#text').value.includes('coffee')`) // nothing to lose, so it is shown

	edit(ann, "milk", "goat milk from the farm")
	edit(bob, "milk", "oat milk, two bottles")
	ann.press("#save")
	saved(ann)
	bob.press("#save")
	bob.sees("One place was changed by both of you")
	bob.shot("merge")
	bob.has(`document.querySelector('#merge-save').disabled`)
	bob.press(`input[value="both"]`)
	bob.press("#merge-save")
	saved(bob)
	if got := stored(t, base+"/plan.md"); !strings.Contains(got, "goat milk from the farm\n") || !strings.Contains(got, "oat milk, two bottles\n") {
		t.Fatalf("words are lost: %q", got)
	}

	// Overwriting on purpose names the state that was shown.
	ann.has(`document.querySelector('#text').value.includes('oat milk, two')`)
	edit(ann, "cheese", "brie")
	edit(bob, "cheese", "gouda")
	ann.press("#save")
	saved(ann)
	bob.press("#save")
	bob.press("#merge-overwrite")
	saved(bob)
	if got := stored(t, base+"/plan.md"); !strings.Contains(got, "gouda\n") || strings.Contains(got, "brie") {
		t.Fatalf("not overwritten: %q", got)
	}

	// Taking theirs is no saving.
	ann.has(`document.querySelector('#text').value.includes('gouda')`)
	edit(ann, "gouda", "feta")
	edit(bob, "gouda", "edam")
	ann.press("#save")
	saved(ann)
	bob.press("#save")
	bob.press("#merge-theirs")
	bob.told("You see their text now. Nothing of yours was saved.")
	bob.has(`document.querySelector('#text').value.includes('feta')`)

	// Unsaved work survives a reload, and still merges with what came meanwhile.
	edit(bob, "coffee", "espresso")
	bob.has(`Object.keys(localStorage).some((k) => k.startsWith('ifmatch:draft:'))`)
	put(t, base+"/plan.md", strings.Replace(stored(t, base+"/plan.md"), "# Plan", "# Plan with honey", 1))
	bob.do(chromedp.Reload())
	bob.sees("brought back")
	bob.has(`document.querySelector('#text').value.includes('espresso')`)
	bob.press("#save")
	saved(bob)
	if got := stored(t, base+"/plan.md"); !strings.Contains(got, "espresso\n") || !strings.Contains(got, "honey") {
		t.Fatalf("words are lost: %q", got)
	}
}

// The editor: Tab, Shift+Tab, Enter, find, and bytes that are not edited stay as they are.
func TestEditorOnATextArea(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.conf", "\ufeffone\r\n    two\r\nthree\r\n")
	put(t, base+"/b.bin", "a\x00b")
	p := visit(t, chromium(t), base)
	p.open("/a.conf?edit")
	p.has(`document.querySelector('#text')?.value === 'one\n    two\nthree\n'`)
	p.has(`document.querySelectorAll('.mirror > div').length === 4`)
	p.eval(`document.querySelector('#text').setSelectionRange(0, 0)`)
	p.do(chromedp.KeyEvent(kb.Tab))
	p.has(`document.querySelector('#text').value.startsWith('    one')`)
	p.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift)))
	p.has(`document.querySelector('#text').value.startsWith('one')`)
	p.eval(`document.querySelector('#text').setSelectionRange(11, 11)`)
	// One event, as a keyboard sends it: the newline does not come when the key is handled.
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13})
	p.do(chromedp.KeyEvent("half"))
	p.has(`document.querySelector('#text').value === 'one\n    two\n    half\nthree\n'`)
	p.do(chromedp.KeyEvent("f", chromedp.KeyModifiers(kb.ModifierCtrl)), chromedp.KeyEvent("t"))
	p.has(`document.querySelector('.find .count').textContent.endsWith('of 2')`)
	p.has(`document.querySelectorAll('.mirror mark').length === 2`)
	p.shot("find")
	p.do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.told("Saved.")
	if got := stored(t, base+"/a.conf"); got != "\ufeffone\r\n    two\r\n    half\r\nthree\r\n" {
		t.Errorf("%q", got)
	}
	// Where lines end in different ways, each keeps its own.
	put(t, base+"/mixed.txt", "one\r\ntwo\nthree\rfour\n\r\nfive\r\n")
	edit := func(from, to, want string) {
		t.Helper()
		p.eval(fmt.Sprintf(`((a) => { const i = a.value.indexOf(%q); a.focus(); a.setSelectionRange(i, i + %d); document.execCommand('insertText', false, %q); })(document.querySelector('#text'))`, from, len(from), to))
		p.press("#save")
		p.told("Saved.")
		if got := stored(t, base+"/mixed.txt"); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	p.open("/mixed.txt?edit")
	p.has(`document.querySelector('#text')?.value === 'one\ntwo\nthree\nfour\n\nfive\n'`)
	edit("three", "3", "one\r\ntwo\n3\rfour\n\r\nfive\r\n")
	edit("3", "3\n3", "one\r\ntwo\n3\r3\r\nfour\n\r\nfive\r\n")
	edit("two\n", "", "one\r\n3\r3\r\nfour\n\r\nfive\r\n")
	edit("five", "5", "one\r\n3\r3\r\nfour\n\r\n5\r\n")
	put(t, base+"/mixed.txt", "one\rtwo\r")
	p.told("you see the new text")
	edit("one", "1", "1\rtwo\r")

	// The focus stays with who goes by the keyboard.
	p.eval(`document.querySelector('#text').focus()`)
	p.do(chromedp.KeyEvent("x"))
	p.has(`Object.keys(localStorage).some((k) => k.startsWith('ifmatch:draft:'))`)
	p.do(chromedp.Reload())
	p.sees("brought back")
	p.eval(`document.querySelector('#notices [aria-label="Dismiss"]').focus()`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.has(`!document.querySelector('#notices .note') && document.activeElement.id === 'text'`)
	p.eval(`document.querySelector('#save').focus()`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.told("Saved.")
	p.has(`!document.querySelector('#save').disabled && document.activeElement.id === 'save'`)
	p.open("/b.bin?edit")
	p.sees("not UTF-8 text")
	p.has(`!document.querySelector('#save')`)
	p.expect("404 (Not Found)")
	p.open("/new.txt?edit")
	p.sees("New file")
	p.do(chromedp.KeyEvent("hello"), chromedp.KeyEvent("s", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.told("Saved.")
	if got := stored(t, base+"/new.txt"); got != "hello" {
		t.Errorf("%q", got)
	}
}

// Everything a collection can have done to it, and what is refused.
func TestFilesInTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/notes.txt", "theirs")
	put(t, base+"/b%22%3Cimg%20src=x%20onerror=alert(1)%3E.txt", "x")
	p := visit(t, chromium(t), base)
	p.expect("412 (Precondition Failed)")
	p.expect("404 (Not Found)")
	p.open("/")
	p.sees("2 items")
	p.sees(`b"<img src=x onerror=alert(1)>.txt`)

	p.press("#new")
	p.press("Folder…")
	p.write("dialog input", "Letters")
	p.press("Create")
	p.told("“Letters” was created")

	// Uploads: one is new, one is there already and asks.
	dir := t.TempDir()
	mine, fresh := filepath.Join(dir, "notes.txt"), filepath.Join(dir, "fresh.txt")
	os.WriteFile(mine, []byte("mine"), 0o644)
	os.WriteFile(fresh, []byte("fresh"), 0o644)
	p.pick(mine, fresh)
	p.sees("“notes.txt” is there already")
	p.shot("upload-ask")
	p.press("Keep both")
	p.told("2 files uploaded")
	p.has(`[...document.querySelectorAll('#files td.name a')].some((a) => a.textContent === 'notes (2).txt')`)
	if a, b, c := stored(t, base+"/notes.txt"), stored(t, base+"/notes%20(2).txt"), stored(t, base+"/fresh.txt"); a != "theirs" || b != "mine" || c != "fresh" {
		t.Fatal(a, b, c)
	}
	p.pick(mine)
	p.press("Replace")
	p.told("“notes.txt” uploaded")
	if got := stored(t, base+"/notes.txt"); got != "mine" {
		t.Fatal(got)
	}

	// Rename, refused first.
	row := func(name string) string { return `button[aria-label="Actions for ` + name + `"]` }
	p.press(row("fresh.txt"))
	p.press("Rename…")
	p.write("dialog input", "notes.txt")
	p.press("Rename")
	p.sees("“notes.txt” is there already")
	p.write("dialog input", "old.txt")
	p.press("Rename")
	p.sees("“fresh.txt” is now “old.txt”")
	p.press("Undo")
	p.told("Undone.")
	p.has(`[...document.querySelectorAll('#files td.name a')].some((a) => a.textContent === 'fresh.txt')`)

	// A folder has no tag.
	p.press(row("Letters"))
	p.press("Rename…")
	p.write("dialog input", "Post")
	p.press("Rename")
	p.sees("“Letters” is now “Post”")
	p.press("Undo")
	p.told("Undone.")
	p.press(row("Letters"))
	p.press("Copy…")
	p.press("Copy here")
	p.told("“Letters” copied")
	p.press(row("Letters (2)"))
	p.press("Delete…")
	p.press(`dialog .button.bad`)
	p.told("“Letters (2)” deleted")

	// Move into a folder.
	p.press(row("fresh.txt"))
	p.press("Move…")
	p.press("Letters")
	p.has(`document.querySelector('dialog .path').textContent === '/Letters/'`)
	p.press("Move here")
	p.told("“fresh.txt” moved")
	if got := stored(t, base+"/Letters/fresh.txt"); got != "fresh" {
		t.Fatal(got)
	}

	// Delete names the state that was shown when it was asked for, also when the list behind shows a newer one: who
	// saved meanwhile keeps it.
	p.press(row("notes.txt"))
	p.press("Delete…")
	p.sees("Delete “notes.txt”?")
	put(t, base+"/notes.txt", "mine, and more")
	p.sized("notes.txt", 14)
	p.press(`dialog .button.bad`)
	p.told("“notes.txt” was not deleted: Somebody changed it meanwhile")
	if got := stored(t, base+"/notes.txt"); got != "mine, and more" {
		t.Fatal(got)
	}
	p.press(row("notes.txt"))
	p.press("Delete…")
	p.press(`dialog .button.bad`)
	p.told("“notes.txt” deleted")
	if status, _ := statusOf(t, base+"/notes.txt"); status != 404 {
		t.Fatal(status)
	}

	// What others do shows by itself; the filter and the keyboard.
	put(t, base+"/zebra.txt", "z")
	p.sees("zebra.txt")
	p.write("#filter", "zeb")
	p.sees("1 of 4")
	p.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(" "))
	p.sees("1 selected")
	p.shot("selected")
}

// Without JavaScript the page is for reading.
func TestPageWithoutJavaScript(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.md", "# Title\n\n<script>alert(1)</script> [x](javascript:alert(1)) ![p](https://example.org/p.png)\n")
	p := visit(t, chromium(t), base)
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	p.open("/")
	p.sees("a.md") // a row has no text before it was first drawn
	p.sees("Without JavaScript")
	p.shot("no-js")
	p.press(`a[href="/a.md?view"]`)
	p.has(`document.querySelector('.prose h1')`)
	text := p.text(".prose")
	if strings.Contains(text, "alert") || !strings.Contains(text, "Title") {
		t.Errorf("%q", text)
	}
}

// What a designer and a screen reader look at: every page, light, dark and on a phone, checked with axe-core,
// which AXE_CORE names a copy of (`make browser` fetches it).
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(os.Getenv("AXE_CORE"))
	if err != nil {
		t.Fatal("AXE_CORE is to name axe.min.js: `make browser` does it. ", err)
	}
	base := serve(t, trees["disk"](t), handler.Options{})
	for name, text := range map[string]string{
		"Read%20me.md":     "# Read me\n\nA *list*:\n\n- [x] one\n- [ ] two\n\n> said somebody\n\n```go\nfunc main() {} // " + strings.Repeat("wide ", 50) + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
		"letter.txt":       "Dear Sir,\n\n" + strings.Repeat("This is a long line of a letter that has to be wrapped on a phone and on a desk alike. ", 4) + "\n",
		"main.go":          "package main\n\nfunc main() {\n\tprintln(\"hello\")\n}\n",
		"picture.svg":      `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><circle cx="150" cy="100" r="80" fill="teal"/></svg>`,
		"paper.pdf":        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>",
		"backup.zip":       "PK",
		"song.mp3":         "ID3",
		"holiday-2026.jpg": "", "film.mp4": "", "table.ods": "", "unknown": "\x00",
	} {
		put(t, base+"/"+name, text)
	}
	for _, dir := range []string{"Photos", "Projects", "Music"} {
		succeed(t, "MKCOL", base+"/"+dir+"/", "")
	}
	p := visit(t, chromium(t), base)
	p.expect("error loading") // an empty song
	check := func(name string) {
		t.Helper()
		p.shot(name)
		p.has(`document.documentElement.scrollWidth <= innerWidth`) // nothing sticks out, on a phone least of all
		p.has(`document.getAnimations().length === 0`)              // colours are judged after they have faded in
		value[bool](p, string(axe)+";true")
		for _, f := range value[[]string](p, `axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html + ' ' + n.failureSummary)))`) {
			t.Errorf("%s: %s", name, f)
		}
	}
	call(p, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}) // axe itself makes HTML of strings
	for _, look := range []struct {
		name, scheme string
		width        int64
	}{{"light", "light", 1200}, {"dark", "dark", 1200}, {"phone", "light", 390}, {"phone-dark", "dark", 390}} {
		call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: look.width, Height: 800, DeviceScaleFactor: 1, Mobile: look.width < 500})
		call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.scheme}}})
		p.open("/")
		p.sees("letter.txt")
		p.has(`document.documentElement.classList.contains('js')`)
		check(look.name + "-list")
		p.press(`button[aria-label="Actions for letter.txt"]`)
		check(look.name + "-menu")
		p.press("Rename…")
		check(look.name + "-dialog")
		p.press("Cancel")
		p.press(`input[aria-label="Select letter.txt"]`)
		check(look.name + "-selection")
		for _, file := range []string{"Read%20me.md", "letter.txt", "picture.svg", "paper.pdf", "song.mp3", "unknown"} {
			p.open("/" + file + "?view")
			p.has(`document.readyState === 'complete'`)
			check(look.name + "-view-" + file)
		}
		p.expect("404 (Not Found)")
		p.open("/gone?view")
		p.sees("404 Not Found")
		check(look.name + "-error")
		p.open("/letter.txt?edit")
		p.has(`document.querySelector('#text')?.value.length > 20`)
		p.do(chromedp.KeyEvent("f", chromedp.KeyModifiers(kb.ModifierCtrl)), chromedp.KeyEvent("long"))
		check(look.name + "-edit")
		p.do(chromedp.KeyEvent(kb.Escape))
		p.expect("412 (Precondition Failed)")
		put(t, base+"/letter.txt", "Dear Madam,\n\n"+strings.Repeat("x\n", 20)+"new\n")
		p.sees("Dear Madam")
		p.eval(`document.querySelector('#text').setSelectionRange(0, 4)`)
		p.do(chromedp.KeyEvent("Hello"))
		put(t, base+"/letter.txt", "Good evening Madam,\n\n"+strings.Repeat("x\n", 20)+"newer\n")
		p.sees("changed this file while you are writing")
		p.press("#save")
		p.sees("One place was changed by both")
		check(look.name + "-merge")
		p.has(`innerWidth > 500 || document.querySelector('.hunks').clientHeight === document.querySelector('.hunks').scrollHeight`) // one thing scrolls
		p.press("Take all of theirs")
		p.has(`!document.querySelector('dialog')`)
	}
}

// Long paths leave room for what the page is about, icons are seen where a system chooses all colours, and each line
// has its own direction.
func TestLooksOfThePage(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	path := base
	for range 5 {
		path += "/" + strings.Repeat("long%20name%20", 15)
		succeed(t, "MKCOL", path+"/", "")
	}
	put(t, path+"/"+strings.Repeat("n", 250)+".txt", "שלום (2)!\nhello (2)!\n")
	path = strings.TrimPrefix(path, base)
	p := visit(t, chromium(t), base)
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 1, Mobile: true})
	for _, page := range []string{"/", "/" + strings.Repeat("n", 250) + ".txt?view", "/" + strings.Repeat("n", 250) + ".txt?edit"} {
		p.open(path + page)
		p.has(`document.querySelector('#files td.more, pre.text, .mirror > div')`)
		p.has(`document.querySelector('.bar').offsetHeight < innerHeight / 2 && document.documentElement.scrollWidth <= innerWidth`)
	}
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 320, Height: 740, DeviceScaleFactor: 1, Mobile: true})
	p.press(`[aria-label="Find"]`)
	p.has(`document.activeElement.matches('.find input') && document.documentElement.scrollWidth <= 320`)
	p.has(`document.querySelector('.mirror').innerText.includes('שלום')`)

	// On paper is all of the text, and not only what was in the window.
	media := emulation.SetEmulatedMediaParams{Media: "print"}
	p.eval(`((a) => { a.focus(); a.setSelectionRange(0, 0); document.execCommand('insertText', false, 'line\n'.repeat(200)); })(document.querySelector('#text'))`)
	call(p, emulation.SetEmulatedMedia, media)
	p.has(`document.body.offsetHeight > 3000 && getComputedStyle(document.querySelector('.mirror')).color === getComputedStyle(document.body).color`)
	media.Media = ""
	call(p, emulation.SetEmulatedMedia, media)
	p.do(chromedp.KeyEvent("z", chromedp.KeyModifiers(kb.ModifierCtrl)))
	p.has(`document.querySelectorAll('.mirror > div').length === 3`)
	for i, after := range []string{"<", ">"} { // where the sign at the end of the line is
		p.has(fmt.Sprintf(`(() => {
			const text = document.querySelectorAll('.mirror > div')[%d].firstChild.firstChild, at = (i) => {
				const r = document.createRange();
				r.setStart(text, i);
				r.setEnd(text, i + 1);
				return r.getBoundingClientRect().left;
			};
			return at(text.length - 1) %s at(0);
		})()`, i, after))
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
	p.open(path + "/")
	p.has(`document.querySelectorAll('td.more .icon').length === 1`)
	for _, icon := range []string{"#more .icon", "td.more .icon", "#files a.icon", ".crumbs .icon"} {
		p.has(`((e) => getComputedStyle(e, '::before').backgroundColor !== getComputedStyle(document.querySelector('.bar')).backgroundColor)(document.querySelector('` + icon + `'))`)
	}
}

// Ten thousand members are filtered, sorted and selected; -v tells how long each takes.
func TestTenThousandMembers(t *testing.T) {
	t.Parallel()
	tree := trees["disk"](t)
	for i := range 10_000 {
		f, err := tree.Create("/file " + strconv.Itoa(i) + ".txt")
		must(t, err)
		f.Close()
	}
	p := visit(t, chromium(t), serve(t, tree, handler.Options{}))
	p.open("/")
	p.sees("10000 items")
	took := func(what, script string) {
		t.Helper()
		t.Logf("%s: %.0f ms", what, value[float64](p, `(async () => { const t = performance.now(); `+script+`; await new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f))); document.body.offsetHeight; return performance.now() - t })()`))
	}
	took("filter", `const f = document.querySelector('#filter'); f.value = '99'; f.dispatchEvent(new Event('input'))`)
	p.sees("of 10000")
	took("all again", `const f = document.querySelector('#filter'); f.value = ''; f.dispatchEvent(new Event('input'))`)
	took("sort", `document.querySelector('[data-key=size] button').click()`)
	took("to the end", `scrollTo(0, document.body.scrollHeight)`)
	took("select all", `document.querySelector('#all').click()`)
	p.sees("10000 selected")
	// A new member comes in at its place. How long nothing else could run meanwhile is told apart.
	took("what somebody else saved", `await new Promise((shown) => {
		new PerformanceObserver((list) => { window.busy = (window.busy ?? 0) + list.getEntries().reduce((sum, e) => sum + e.duration, 0); }).observe({ type: 'longtask' });
		new MutationObserver((_, o) => { if (document.getElementById('count').textContent === '10001 items') { o.disconnect(); shown(); } }).observe(document.body, { childList: true, subtree: true, characterData: true });
		fetch('/file 5000 and a half.txt', { method: 'PUT', body: 'new' });
	})`)
	t.Logf("of which the page was busy: %.0f ms", value[float64](p, "window.busy ?? 0"))
}
