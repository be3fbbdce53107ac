package handler_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStateAndTreeAgreeAfterKill kills a server without warning while clients create, describe, lock, copy,
// move and delete, again and again. After each restart every file, its dead property and its lock must be
// as after the last request that was answered, or as after the one that was not.
func TestStateAndTreeAgreeAfterKill(t *testing.T) {
	if dir := os.Getenv("IFMATCH_TEST_KEEPING"); dir != "" {
		keepServing(t, dir)
	}
	dir := t.TempDir()
	const enough = 15 // answers, before the end of a server comes nearer
	total := 0
	for round := range 20 {
		url, kill := startChild(t, dir)
		var clients [4]*stateClient
		var wg sync.WaitGroup
		var answered atomic.Int64
		for i := range clients {
			c := &stateClient{answered: func() {
				if answered.Add(1) == enough {
					time.AfterFunc(time.Duration(rand.IntN(200))*time.Millisecond, kill)
				}
			}, dir: dir + "/tree", url: url, home: fmt.Sprintf("/r%d-%d", round, i), rand: rand.New(rand.NewPCG(uint64(round), uint64(i)))}
			clients[i] = c
			wg.Go(func() { c.work(t) })
		}
		wg.Wait()
		kill()
		url, kill = startChild(t, dir)
		for _, c := range clients {
			c.url = url
			if got := c.look(t); got != c.before.String() && got != c.after.String() {
				t.Errorf("round %d, last request %s:\ngot %s\nbefore %s\nafter  %s", round, c.last, got, c.before, c.after)
			}
		}
		kill()
		total += int(answered.Load())
	}
	t.Logf("%d requests were answered", total)
}

// keepServing is the child: a server that ends when it is killed.
func keepServing(t *testing.T, dir string) {
	os.MkdirAll(dir+"/tree", 0o777)
	k := startKeeping(t, dir+"/tree", dir+"/state", time.Now)
	_, err := k.base.Sweep() // a MOVE over a collection may wait in an aside
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	fmt.Printf("serving http://%s\n", l.Addr())
	t.Fatal(http.Serve(l, k))
}

func startChild(t *testing.T, dir string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestStateAndTreeAgreeAfterKill$")
	cmd.Env = append(os.Environ(), "IFMATCH_TEST_KEEPING="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	sc := bufio.NewScanner(out)
	said := ""
	for sc.Scan() && url == "" {
		said += sc.Text() + "\n"
		url, _ = strings.CutPrefix(sc.Text(), "serving ")
		if url == sc.Text() {
			url = ""
		}
		if url != "" {
			break
		}
	}
	if url == "" {
		cmd.Process.Kill()
		t.Fatalf("the server does not start: %s", said)
	}
	var once sync.Once
	return url, func() {
		once.Do(func() {
			cmd.Process.Kill()
			go io.Copy(io.Discard, out)
			cmd.Wait()
		})
	}
}

// held is what a client knows of one file.
type held struct {
	content, prop string
	locked        bool
}

// world is what a client knows of its home, by name relative to it.
type world map[string]held

var homeNames = []string{"/a", "/b", "/c", "/x/f", "/y/f", "/target", "/ln"}

func (w world) String() string {
	var b strings.Builder
	for _, name := range homeNames {
		if h, ok := w[name]; ok {
			fmt.Fprintf(&b, "%s=%s,%s,%t ", name, h.content, h.prop, h.locked)
		}
	}
	return b.String()
}

// stateClient has a home of its own, where it does one thing after the other until the server is gone.
type stateClient struct {
	dir           string // that is served
	url, home     string
	rand          *rand.Rand
	before, after world  // the last request, if it was taken, led from one to the other
	last          string // that request
	tokens        string // lists for the If header
	n             int
	answered      func() // told after each answer
}

func (c *stateClient) work(t *testing.T) {
	c.before, c.after = world{}, world{}
	if _, err := c.send("MKCOL", "", ""); err != nil {
		return
	}
	for c.step(t) {
		c.before = c.after
		c.answered()
	}
}

// step sends one request that must succeed; false when the server is gone.
func (c *stateClient) step(t *testing.T) bool {
	c.after = world{}
	for k, v := range c.before {
		c.after[k] = v
	}
	files := []string{"/a", "/b", "/c"}
	src, dst := files[c.rand.IntN(3)], files[c.rand.IntN(3)]
	h, there := c.before[src]
	c.n++
	id := fmt.Sprint(c.n)
	switch {
	case c.rand.IntN(6) == 0:
		return c.collection(t, id)
	case c.rand.IntN(4) == 0:
		return c.link(t, id, src)
	case !there:
		c.after[src] = held{content: id}
		return c.must(t, 201, "PUT", src, id)
	case h.prop == "":
		h.prop = h.content
		c.after[src] = h
		return c.must(t, 207, "PROPPATCH", src, setProp(h.content), asXML)
	case !h.locked && c.rand.IntN(2) == 0:
		h.locked = true
		c.after[src] = h
		return c.must(t, 200, "LOCK", src, exclusive, asXML, "Depth: 0", "Timeout: Second-3600")
	case src == dst || c.rand.IntN(4) == 0:
		delete(c.after, src)
		return c.must(t, 204, "DELETE", src, "")
	}
	was, overwritten := c.before[dst]
	c.after[dst] = held{content: h.content, prop: h.prop, locked: overwritten && was.locked}
	method := "COPY"
	if c.rand.IntN(3) > 0 {
		method = "MOVE"
		delete(c.after, src)
	}
	return c.must(t, 0, method, src, "", "Destination: "+c.url+c.home+dst)
}

// collection moves a collection with a described member to and fro, over another one.
func (c *stateClient) collection(t *testing.T, id string) bool {
	x, isX := c.before["/x/f"]
	y, isY := c.before["/y/f"]
	switch {
	case isX && x.prop == "":
		c.after["/x/f"] = held{content: x.content, prop: x.content}
		return c.must(t, 207, "PROPPATCH", "/x/f", setProp(x.content), asXML)
	case isX && x.locked == false && c.rand.IntN(3) == 0:
		x.locked = true
		c.after["/x/f"] = x
		return c.must(t, 200, "LOCK", "/x/f", exclusive, asXML, "Depth: 0", "Timeout: Second-3600")
	case isX:
		delete(c.after, "/x/f")
		x.locked = false
		c.after["/y/f"] = x
		return c.must(t, 0, "MOVE", "/x", "", "Destination: "+c.url+c.home+"/y")
	case isY && y.prop != "" && c.rand.IntN(3) == 0:
		delete(c.after, "/y/f")
		return c.must(t, 204, "DELETE", "/y", "")
	}
	if _, err := c.send("MKCOL", "/x", ""); err != nil {
		c.after = c.before
		return false
	}
	c.after["/x/f"] = held{content: id}
	return c.must(t, 201, "PUT", "/x/f", id)
}

// link moves a file over a symbolic link to a described one, or removes what is there.
func (c *stateClient) link(t *testing.T, id, src string) bool {
	target, isTarget := c.before["/target"]
	ln, isLn := c.before["/ln"]
	h, there := c.before[src]
	switch {
	case !isTarget:
		c.after["/target"] = held{content: id}
		return c.must(t, 201, "PUT", "/target", id)
	case target.prop == "":
		c.after["/target"] = held{content: target.content, prop: id}
		return c.must(t, 207, "PROPPATCH", "/target", setProp(id), asXML)
	case !isLn:
		c.after["/ln"] = target
		return os.Symlink("target", c.dir+c.home+"/ln") == nil
	case there && ln == target:
		delete(c.after, src)
		c.after["/ln"] = held{content: h.content, prop: h.prop}
		return c.must(t, 204, "MOVE", src, "", "Destination: "+c.url+c.home+"/ln")
	}
	delete(c.after, "/ln")
	return c.must(t, 204, "DELETE", "/ln", "")
}

func (c *stateClient) must(t *testing.T, status int, method, name, body string, headers ...string) bool {
	c.last = method + " " + name + " " + strings.Join(headers, " ")
	res, err := c.send(method, name, body, headers...)
	if err != nil {
		return false
	}
	if res.StatusCode != status && (status != 0 || res.StatusCode/100 != 2) {
		t.Errorf("%s: got %s, want %d", c.last, res.Status, status)
		return false
	}
	if token := res.Header.Get("Lock-Token"); token != "" {
		c.tokens += "(" + token + ")"
	}
	return true
}

// send submits all tokens that the client ever had, in lists that are true.
func (c *stateClient) send(method, name, body string, headers ...string) (*http.Response, error) {
	r, err := http.NewRequest(method, c.url+c.home+name, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, line := range headers {
		key, value, _ := strings.Cut(line, ": ")
		r.Header.Set(key, value)
	}
	r.Header.Set("If", c.tokens+"(Not <DAV:no-lock>)")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(strings.NewReader(string(text)))
	return res, err
}

var propInAnswer = regexp.MustCompile(`<p xmlns="urn:p">([0-9]*)</p>`)

// look is what the server has now, written like a world.
func (c *stateClient) look(t *testing.T) string {
	now := world{}
	for _, name := range homeNames {
		res, err := c.send("GET", name, "")
		must(t, err)
		if res.StatusCode != 200 {
			continue
		}
		content, _ := io.ReadAll(res.Body)
		h := held{content: string(content)}
		if res, err = c.send("PROPFIND", name, "", "Depth: 0"); err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		if m := propInAnswer.FindStringSubmatch(string(text)); m != nil {
			h.prop = m[1]
		}
		h.locked = strings.Contains(string(text), "<D:activelock>")
		now[name] = h
	}
	return now.String()
}
