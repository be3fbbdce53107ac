package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"ifmatch/cmd/ifmatch/client"
)

// answer is what came back. A request without an answer leaves the zero answer and fails the check.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) ok() bool { return a.status/100 == 2 }

func (a answer) refused() bool { return a.status == http.StatusPreconditionFailed }

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)) }

// url is the URL of a member of the scratch collection; "" is the collection. There is no way to name anything else.
func (x *exam) url(name string) *url.URL {
	for _, c := range name {
		if !(unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-/.", c)) || strings.Contains(name, "..") {
			panic("doctor: not a name: " + name)
		}
	}
	if name == "" {
		return x.scratch
	}
	return x.scratch.JoinPath(name)
}

// fresh makes a name that was never used, one of a text file: some servers give tags only to what they know.
func (x *exam) fresh() string {
	x.serial++
	return fmt.Sprintf("f%d.txt", x.serial)
}

// send sends a request for a member, with header fields given in pairs; without a condition among them, with one that anything
// there fulfils where the server asks for one. Safe for concurrent use.
func (x *exam) send(method, name string, body []byte, header ...string) answer {
	a, err := x.sendBody(x.ctx, method, name, bytes.NewReader(body), int64(len(body)), header...)
	if a.status == http.StatusPreconditionRequired && !slices.ContainsFunc(header, isCondition) {
		x.mu.Lock()
		x.asks = true
		x.mu.Unlock()
		a, err = x.sendBody(x.ctx, method, name, bytes.NewReader(body), int64(len(body)), append(header, x.whatever()...)...)
	}
	if err != nil {
		x.fail(err)
	}
	return a
}

func isCondition(field string) bool { return strings.HasPrefix(field, "If") }

// whatever is the condition to overwrite what is there in any state; none where the server does not ask for one.
func (x *exam) whatever() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.asks {
		return []string{"If-Match", "*"}
	}
	return nil
}

func (x *exam) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed == nil {
		x.failed = err
	}
}

func (x *exam) sendBody(ctx context.Context, method, name string, body io.Reader, sizeBytes int64, header ...string) (answer, error) {
	r, err := x.request(ctx, method, name, body, sizeBytes, header...)
	if err != nil {
		return answer{}, err
	}
	res, err := x.c.Send(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return answer{res.StatusCode, res.Header, text}, err
}

func (x *exam) request(ctx context.Context, method, name string, body io.Reader, sizeBytes int64, header ...string) (*http.Request, error) {
	if sizeBytes == 0 {
		body = nil
	}
	r, err := x.c.Request(ctx, method, x.url(name), body)
	if err != nil {
		return nil, err
	}
	r.ContentLength = sizeBytes
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if name != "" && (method == http.MethodPut || method == "LOCK" || method == "MKCOL") {
		x.note(name)
	}
	return r, nil
}

// note remembers that a member may be there now and has to be removed.
func (x *exam) note(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.names[name] = true
}

// put stores a text without condition, as the start of a check. A refusal fails the check.
func (x *exam) put(name, text string) answer {
	a := x.send(http.MethodPut, name, []byte(text))
	if a.status != 0 && !a.ok() {
		x.fail(fmt.Errorf("a plain PUT is answered %v", a))
	}
	return a
}

// text is what a GET shows; an unmapped URL shows nothing.
func (x *exam) text(name string) string {
	a := x.send(http.MethodGet, name, nil)
	if !a.ok() {
		return ""
	}
	return string(a.body)
}

// head returns the tag that a HEAD shows.
func (x *exam) head(name string) string {
	return x.send(http.MethodHead, name, nil).header.Get("ETag")
}

// settle is how long a server may take to make the tag of a file strong after a change: until its clock has moved on.
const settle = 4 * time.Second

// tag returns the strong tag of a resource, waiting for it; "" if none comes.
func (x *exam) tag(name string) string {
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		tag := x.head(name)
		if strong(tag) {
			return tag
		}
		if tag == "" || x.ctx.Err() != nil || time.Since(start) > settle {
			return ""
		}
	}
}

// two makes a resource that was changed once, and returns the tags of the first and the second state. ok is false
// where there are no strong tags to speak of.
func (x *exam) two(name string) (stale, current string, ok bool) {
	x.put(name, "first")
	stale = x.tag(name)
	x.put(name, "second")
	current = x.tag(name)
	return stale, current, stale != "" && current != "" && stale != current
}

var noTags = absent("there are no two strong tags to try it with")

func strong(tag string) bool { return client.State{ETag: tag}.Strong() }

// short is a text as it can stand in a sentence.
func short(text string) string {
	if text == "" {
		return "nothing"
	}
	if len(text) > 40 {
		return fmt.Sprintf("%d bytes that begin with %.20q", len(text), text)
	}
	return fmt.Sprintf("%q", text)
}
