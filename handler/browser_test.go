//go:build browser

package handler_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Tests of the page in a real browser: `make browser`. Each person is a browser context of their own, with
// their own storage. A test fails on every exception, console error and violation of the page's policy, and
// on every request to another host.

// person is somebody with a browser.
type person struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	wrong    []string   // what the browser complained of
	expected []string   // parts of complaints that the test provokes
	at       [2]float64 // where the mouse is
}

// patience is how long one thing may take. It is there for what never comes: a machine under load is slow.
const patience = 2 * time.Minute

// clock keeps what a page does only after some seconds until the test says that time passes: on a slow machine a
// message would be gone before the test has looked for it.
const clock = `(() => {
	const soon = setTimeout, never = clearTimeout, late = new Map();
	let last = 0;
	window.setTimeout = (run, milliseconds, ...rest) => {
		if (!(milliseconds > 2000)) return soon(run, milliseconds, ...rest);
		late.set(--last, () => run(...rest));
		return last;
	};
	window.clearTimeout = (id) => { if (!late.delete(id)) never(id); };
	window.timePasses = () => { const due = [...late.values()]; late.clear(); due.forEach((run) => run()); };
})()`

// chromium starts one browser for a test. The tests run beside each other: mostly they wait until a page has done something.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is needed: .ci/setup installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(patience), chromedp.WindowSize(1200, 800))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); quit(); stop() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal("chromium: ", err)
	}
	return ctx
}

// visit lets a new person come to the server.
func visit(t *testing.T, chrome context.Context, base string) *person {
	t.Helper()
	p := &person{t: t, base: base}
	tab, leave := chromedp.NewContext(chrome, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	must(t, chromedp.Do(tab, chromedp.Navigate("about:blank")))
	ctx, cancel := context.WithCancel(tab)
	p.ctx = ctx
	call(p, network.Enable, network.EnableParams{})
	call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: clock})
	go p.hear(chromedp.Console(ctx))
	t.Cleanup(func() {
		cancel()
		leave()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.wrong {
			t.Error("the browser complains: ", w)
		}
	})
	return p
}

// call runs a command of the protocol.
func call[P, R any](p *person, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return result
}

// expect says that complaints with this text are part of the test.
func (p *person) expect(text string) {
	p.mu.Lock()
	p.expected = append(p.expected, text)
	p.mu.Unlock()
}

func (p *person) complain(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.expected {
		if strings.Contains(text, e) {
			return
		}
	}
	p.wrong = append(p.wrong, text)
}

func (p *person) listen(event any) {
	if e, ok := event.(*network.EventRequestWillBeSent); ok {
		if u := e.Request.URL; strings.HasPrefix(u, "http") && !strings.HasPrefix(u, p.base) {
			p.complain("request to another host: " + u)
		}
	}
}

// hear collects what the console says: exceptions, errors, and violations of the page's policy.
func (p *person) hear(console iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range console {
		if err != nil {
			return
		}
		if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.Type == chromedp.ConsoleException {
			p.complain(m.Text + " " + m.URL)
		}
	}
}

func (p *person) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.shot("failed")
		p.t.Fatalf("%v (%v)", err, p.wrong)
	}
}

func (p *person) open(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.base + path))
}

// value is that of a JavaScript expression in the page; of a promise, what it resolves with.
func value[T any](p *person, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.shot("failed")
		p.t.Fatalf("%.200s: %v (%v)", expression, err, p.wrong)
	}
	return got
}

// until evaluates a JavaScript expression again and again until its value will do.
func until[T any](p *person, expression string, enough func(T) bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
		if err == nil && enough(got) {
			return
		}
		if ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond) // err may be that of a page on its way
			continue
		}
		p.shot("failed")
		p.t.Fatalf("%s: %v; the page says %.800q; complaints: %v", expression, err, value[string](p, `document.body.innerText`), p.wrong)
	}
}

// has waits until a JavaScript expression is true.
func (p *person) has(expression string) {
	p.t.Helper()
	until(p, "!!("+expression+")", func(ok bool) bool { return ok })
}

// sees waits for a text on the page.
func (p *person) sees(text string) {
	p.t.Helper()
	p.has(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// told waits for a message with this text and puts it away, so that the next one like it is another one.
func (p *person) told(text string) {
	p.t.Helper()
	p.has(fmt.Sprintf(`(() => { const said = [...document.querySelectorAll('.toast')].find((e) => e.innerText.includes(%q));
		said?.querySelector('[aria-label="Dismiss"]').click(); return said; })()`, text))
}

// press clicks what a CSS selector finds, or a button or link by its words.
func (p *person) press(what string) {
	p.t.Helper()
	p.mouse("mousePressed", p.point(what))
	p.mouse("mouseReleased", p.at)
}

// point waits until what press knows it by can be clicked: it is there, it holds still, and nothing covers it.
func (p *person) point(what string) (at [2]float64) {
	p.t.Helper()
	selector, words := "button, a, [role=menuitem]", what
	if strings.ContainsAny(what, "#.[") && !strings.HasSuffix(what, "…") {
		selector, words = what, ""
	}
	until(p, fmt.Sprintf(`(() => {
		for (const e of document.querySelectorAll(%q)) {
			if (%[2]q && e.textContent.trim() !== %[2]q || e.disabled || !e.checkVisibility() || document.getAnimations().length) continue;
			e.scrollIntoViewIfNeeded();
			const box = e.getBoundingClientRect();
			const at = [box.left + box.width / 2, box.top + box.height / 2];
			if (e.contains(document.elementFromPoint(...at))) return at;
		}
		return [];
	})()`, selector, words), func(now []float64) bool {
		if len(now) != 2 || at == [2]float64(now) {
			return len(now) == 2
		}
		at = [2]float64(now)
		return false
	})
	return at
}

// mouse presses or releases the button of the mouse.
func (p *person) mouse(what input.DispatchMouseEventType, at [2]float64) {
	p.t.Helper()
	p.at = at
	call(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: what, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1})
}

func (p *person) write(selector, text string) {
	p.t.Helper()
	p.has(fmt.Sprintf(`((e) => { e?.focus(); e?.select(); return e && document.activeElement === e; })(document.querySelector(%q))`, selector))
	p.do(chromedp.KeyEvent(text))
}

// timePasses lets what the page does only after some seconds happen now.
func (p *person) timePasses() {
	p.t.Helper()
	p.eval("timePasses()")
}

// eval runs a script in the page.
func (p *person) eval(expression string) {
	p.t.Helper()
	value[any](p, "void ("+expression+")")
}

// text is what an element shows.
func (p *person) text(selector string) string {
	p.t.Helper()
	return value[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// shot keeps a picture of the page where BROWSER_SHOTS says.
func (p *person) shot(name string) {
	dir := os.Getenv("BROWSER_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		_ = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
}

// put stores a file, as another program would.
func put(t *testing.T, url, body string) {
	t.Helper()
	succeed(t, "PUT", url, body)
}

// stored is what is there now.
func stored(t *testing.T, url string) string {
	t.Helper()
	status, body := statusOf(t, url)
	if status != http.StatusOK {
		t.Fatal(url, status)
	}
	return body
}

func statusOf(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, body := do(t, "GET", url, "")
	return answer.StatusCode, body
}
