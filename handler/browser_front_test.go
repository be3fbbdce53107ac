//go:build browser

package handler_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ifmatch/etagfs"
	"ifmatch/handler"
)

// inFront serves a tree behind something that may answer in its place, as proxies and gates do.
func inFront(t *testing.T, front func(w http.ResponseWriter, r *http.Request, behind http.Handler)) (base string) {
	t.Helper()
	tree := handler.NewTree(trees["disk"](t), etagfs.Options{Settings: etagfs.Settings{Relaxed: true}})
	h, err := handler.New(tree, handler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front(w, r, h) }))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close(); tree.Close() })
	return srv.URL
}

// said waits for a message, an upload or a notice with this text.
func (p *person) said(text string) {
	p.t.Helper()
	p.has(fmt.Sprintf(`[...document.querySelectorAll('.toast, .uploads li, .note, .problem')].some((e) => e.innerText.includes(%q))`, text))
}

// Who is logged out is sent elsewhere, or gets another page, by the proxy that had logged them in. No write went
// through, so the page says so, and keeps what was written.
func TestLoggedOutInTheBrowser(t *testing.T) {
	t.Parallel()
	answers := map[string]func(w http.ResponseWriter, r *http.Request){
		"302":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"303":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusSeeOther) },
		"page": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><title>Log in</title>") },
	}
	chrome := chromium(t)
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			var out atomic.Bool
			base := inFront(t, func(w http.ResponseWriter, r *http.Request, behind http.Handler) {
				switch {
				case r.URL.Path == "/login":
					answers["page"](w, r)
				case out.Load() && r.Method != http.MethodGet:
					answer(w, r)
				default:
					behind.ServeHTTP(w, r)
				}
			})
			put(t, base+"/a.txt", "theirs\n")
			p := visit(t, chrome, base)
			p.open("/a.txt?edit")
			p.has(`document.querySelector('#text')?.value === 'theirs\n'`)
			p.do(chromedp.KeyEvent("mine "))
			out.Store(true)
			p.press("#save")
			p.said("Not saved. You may be logged out")
			p.has(`document.querySelector('.state').textContent === 'Not saved yet'`)
			p.has(`Object.keys(localStorage).some((key) => key.startsWith('ifmatch:draft:'))`)
			out.Store(false)
			p.press("#save")
			p.told("Saved.")
			if got := stored(t, base+"/a.txt"); got != "mine theirs\n" {
				t.Error(got)
			}

			p.open("/")
			p.listed("a.txt")
			out.Store(true)
			p.pick(filepath.Join(folder(t, map[string]string{"b.txt": "b"}), "b.txt"))
			p.said("You may be logged out")
			p.press(actions("a.txt"))
			p.press("Delete…")
			p.press("dialog .button.bad")
			p.told("“a.txt” was not deleted: You may be logged out")
		})
	}
}

// Who stands before the files, as the gate with its rules does, says in plain text why it refuses.
func TestForbiddenInTheBrowser(t *testing.T) {
	t.Parallel()
	base := inFront(t, func(w http.ResponseWriter, r *http.Request, behind http.Handler) {
		if r.Method == http.MethodDelete || r.Method == http.MethodPut && r.URL.Path != "/a.txt" {
			http.Error(w, "You are not allowed to do this here.", http.StatusForbidden)
			return
		}
		behind.ServeHTTP(w, r)
	})
	put(t, base+"/a.txt", "a")
	p := visit(t, chromium(t), base)
	p.expect("403 (Forbidden)")
	p.open("/")
	p.listed("a.txt")
	p.press(actions("a.txt"))
	p.press("Delete…")
	p.press("dialog .button.bad")
	p.told("“a.txt” was not deleted: You are not allowed to do this here.")
	p.pick(filepath.Join(folder(t, map[string]string{"b.txt": "b"}), "b.txt"))
	p.said("You are not allowed to do this here.")
}

// A proxy answers for the server while that starts anew. What changes after that is shown.
func TestEventsComeBackInTheBrowser(t *testing.T) {
	t.Parallel()
	var refused atomic.Int32
	base := inFront(t, func(w http.ResponseWriter, r *http.Request, behind http.Handler) {
		if r.URL.RawQuery == "events" && refused.Add(1) <= 2 {
			http.Error(w, "Bad Gateway", http.StatusBadGateway)
			return
		}
		behind.ServeHTTP(w, r)
	})
	p := visit(t, chromium(t), base)
	p.expect("502 (Bad Gateway)")
	p.expect("EventSource")
	p.open("/")
	p.sees("0 items")
	for end := time.Now().Add(patience); refused.Load() < 3; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come back")
		}
		p.timePasses()
	}
	put(t, base+"/a.txt", "a")
	p.listed("a.txt")
}

// A copy of a collection without some of its members is not told of as a whole one.
func TestPartOfACopyInTheBrowser(t *testing.T) {
	t.Parallel()
	base := inFront(t, func(w http.ResponseWriter, r *http.Request, behind http.Handler) {
		if r.Method == "COPY" {
			w.WriteHeader(http.StatusMultiStatus)
			return
		}
		behind.ServeHTTP(w, r)
	})
	put(t, base+"/a.txt", "a")
	p := visit(t, chromium(t), base)
	p.open("/")
	p.press(actions("a.txt"))
	p.press("Copy…")
	p.press("Copy here")
	p.told("Not everything was copied")
}

// The server goes while files are uploaded. The way to try again is there, and can be seen: its icon came before.
func TestServerGoneInTheBrowser(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	base := inFront(t, func(w http.ResponseWriter, r *http.Request, behind http.Handler) {
		if gone.Load() {
			panic(http.ErrAbortHandler)
		}
		behind.ServeHTTP(w, r)
	})
	p := visit(t, chromium(t), base)
	p.expect("net::ERR_")
	p.open("/")
	p.sees("0 items")
	for _, icon := range []string{"retry", "close"} {
		p.has(`performance.getEntriesByType('resource').some((e) => e.name.endsWith('i-` + icon + `.svg') && e.responseStatus === 200)`)
	}
	gone.Store(true)
	dir := folder(t, map[string]string{"a.txt": "a", "b.txt": "b", "c.txt": "c"})
	p.pick(filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.txt"))
	p.told("2 of 2 uploads failed")
	p.has(`document.querySelector('.toasts').getBoundingClientRect().bottom <= document.querySelector('.uploads').getBoundingClientRect().top`)
	gone.Store(false)
	p.pick(filepath.Join(dir, "c.txt"))
	p.told("“c.txt” uploaded.") // it alone
	p.press("Retry all")
	p.told("2 files uploaded")
	p.listed("a.txt", "b.txt", "c.txt")
}

// Where the address of the page has a name and a password, the page works as well. fetch would take no such address.
func TestNameAndPasswordInTheAddressOfTheBrowser(t *testing.T) {
	t.Parallel()
	base := serve(t, trees["disk"](t), handler.Options{})
	put(t, base+"/a.txt", "a")
	put(t, base+"/b.txt", "b")
	p := visit(t, chromium(t), "http://")
	at := strings.Replace(base, "http://", "eva:secret@", 1)
	p.open(at + "/a.txt?edit")
	p.has(`document.querySelector('#text')?.value === 'a'`)
	p.do(chromedp.KeyEvent("mine "))
	p.press("#save")
	p.told("Saved.")
	p.open(at + "/")
	p.listed("a.txt", "b.txt")
	p.press(actions("b.txt"))
	p.press("Rename…")
	p.write("dialog input", "c.txt")
	p.press("dialog .primary")
	p.listed("a.txt", "c.txt")
	put(t, base+"/d.txt", "d")
	p.listed("a.txt", "c.txt", "d.txt")
}
