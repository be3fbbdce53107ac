//go:build browser

package handler_test

import (
	"context"
	"fmt"
	"io"
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
	"github.com/chromedp/cdproto/network"
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
	wrong    []string // what the browser complained of
	expected []string // parts of complaints that the test provokes
}

// chromium starts one browser for a test.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is needed: .ci/setup installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(1200, 800))
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
	if err := chromedp.Do(tab, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, 4*time.Minute)
	p.ctx = ctx
	call(p, network.Enable, network.EnableParams{})
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
	result, err := chromedp.Call(p.ctx, command, params)
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
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
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

// has waits until a JavaScript expression is true.
func (p *person) has(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		if ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond) // err may be that of a page on its way
			continue
		}
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		p.shot("failed")
		p.t.Fatalf("%s: %v; the page says %.800q; complaints: %v", expression, err, text, p.wrong)
	}
}

// sees waits for a text on the page.
func (p *person) sees(text string) {
	p.t.Helper()
	p.has(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// press clicks what a CSS selector finds, or a button or link by its words.
func (p *person) press(what string) {
	p.t.Helper()
	click := chromedp.Click(fmt.Sprintf(`//*[self::button or self::a or @role="menuitem"][normalize-space()=%q][not(@disabled)][not(ancestor::*[@hidden])]`, what), chromedp.NodeVisible)
	if strings.ContainsAny(what, "#.[") && !strings.HasSuffix(what, "…") {
		click = chromedp.Click(chromedp.CSS(what), chromedp.NodeVisible)
	}
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	err := chromedp.Do(ctx, click)
	for err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "Could not find node") {
		err = chromedp.Do(ctx, click) // the page has drawn its list anew between the look and the click, which was not made
	}
	if err != nil {
		p.shot("failed")
		p.t.Fatalf("press %s: %v (%v)", what, err, p.wrong)
	}
}

func (p *person) write(selector, text string) {
	p.t.Helper()
	p.do(chromedp.Focus(chromedp.CSS(selector)))
	p.eval(fmt.Sprintf("document.querySelector(%q).select()", selector))
	p.do(chromedp.KeyEvent(text))
}

// eval runs a script in the page.
func (p *person) eval(expression string) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[any]("void ("+expression+")")(ctx, t)
		return chromedp.Void{}, err
	})
}

// text is what an element shows.
func (p *person) text(selector string) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Text(chromedp.CSS(selector)))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// shot keeps a picture of the page where BROWSER_SHOTS says.
func (p *person) shot(name string) {
	dir := os.Getenv("BROWSER_SHOTS")
	if dir == "" {
		return
	}
	if png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot()); err == nil {
		_ = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
}

// put stores a file, as another program would.
func put(t *testing.T, url, body string) {
	t.Helper()
	r, _ := http.NewRequest(http.MethodPut, url, strings.NewReader(body))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode >= 300 {
		t.Fatal(url, answer.Status)
	}
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
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}
