package handler_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler"
)

// One client sends requests one after the other, other programs change files in between, the server is started
// anew; after each of these acts the answer, all that a client can list, and the directory on the disk
// must be what the model says: sequence_model_test.go. A sequence that fails is told with its seed, and as short as
// leaving out acts makes it.

// seeds are those of sequences that always run; one that a random sequence failed with belongs here.
var seeds = []uint64{1, 2, 4}

func TestSequences(t *testing.T) {
	var came statuses
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range seeds {
			onSequences(t, seed, 50, &came)
		}
	})
	for _, rare := range []string{"PUT 201", "PUT 204", "PUT 409", "PUT 412", "GET 304", "DELETE 204", "DELETE 412", "MKCOL 201", "MKCOL 405",
		"COPY 201", "COPY 204", "COPY 403", "COPY 412", "MOVE 201", "MOVE 204", "MOVE 403", "MOVE 502", "LOCK 201", "LOCK 207", "UNLOCK 204", "PROPPATCH 207", "PROPPATCH 423"} {
		if came.count[rare] == 0 && !t.Failed() {
			t.Errorf("%s never came: %v", rare, came.count)
		}
	}
}

// With -count=1000 it is a campaign.
func TestRandomSequence(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	onSequences(t, seed, 100, new(statuses))
}

// statuses count what came. Safe for concurrent use.
type statuses struct {
	mu    sync.Mutex
	count map[string]int // guarded by mu; by method and status
}

func (s *statuses) came(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == nil {
		s.count = make(map[string]int)
	}
	s.count[what]++
}

// onSequences makes up a sequence of so many acts on every kind of tree on a disk with every kind of tag.
func onSequences(t *testing.T, seed uint64, acts int, came *statuses) {
	for mode, tags := range tagModes {
		one := sequence{open: fs.OpenRoot, tags: tags, roots: []string{"/"}}
		portable, two := one, one
		portable.open, portable.prefix = fs.OpenPortable, "/a share"
		two.roots = []string{"/one", "/two"}
		two.tags.QuotaBytes = 1 << 40 // never reached, and counted
		for kind, s := range map[string]sequence{"root": one, "portable": portable, "shares": two} {
			if kind != "root" && tags.NoNotify != handler.WithoutNotify {
				continue // once is enough
			}
			t.Run(fmt.Sprint(kind, "/", mode, "/", seed), func(t *testing.T) {
				t.Parallel()
				s.t, s.came = t, came
				made, err := s.makeUp(seed, acts)
				if err == nil {
					return
				}
				s.came = new(statuses)
				made, err = s.shortest(made, err)
				t.Errorf("seed %d: %v\nA sequence that does so:\n%s", seed, err, told(made))
			})
		}
	}
}

func told(acts []act) string {
	var b strings.Builder
	for i, a := range acts {
		fmt.Fprintf(&b, "%3d. %s\n", i+1, a)
	}
	return b.String()
}

// sequence is what all plays of one sequence have in common.
type sequence struct {
	t      *testing.T
	open   opener
	tags   etagfs.Options
	roots  []string // of the trees: "/", or those of shares, by the names that the model gives them
	prefix string   // of the URL paths of names
	came   *statuses
}

// makeUp plays a sequence while it makes it up.
func (s *sequence) makeUp(seed uint64, n int) (acts []act, err error) {
	r := &author{Rand: rand.New(rand.NewPCG(seed, 0)), seed: seed}
	p := s.begin()
	defer func() { p.stop() }()
	for range n {
		a := r.next(p.tree)
		acts = append(acts, a)
		if err := p.do(a); err != nil {
			return acts, err
		}
	}
	return acts, nil
}

// replay plays acts from the beginning.
func (s *sequence) replay(acts []act) error {
	p := s.begin()
	defer func() { p.stop() }()
	for _, a := range acts {
		if err := p.do(a); err != nil {
			return err
		}
	}
	return nil
}

// shortest leaves out what it can, as long as something is wrong.
func (s *sequence) shortest(acts []act, err error) ([]act, error) {
	for began, n := time.Now(), len(acts)/2; n > 0; n /= 2 {
		for i := 0; i+n <= len(acts) && time.Since(began) < time.Minute; {
			fewer := append(append([]act(nil), acts[:i]...), acts[i+n:]...)
			if now := s.replay(fewer); now != nil {
				acts, err = fewer, now
			} else {
				i += n
			}
		}
	}
	return acts, err
}

// play is one run of a sequence.
type play struct {
	*sequence
	dir, stateDir string
	shares        []*keeping // one for each root
	tree          *davTree
	quiet         bool             // look does not look at the disk
	uncounted     map[string]int64 // by root: how many bytes more there are than the server knows of
}

func (s *sequence) begin() *play {
	p := &play{sequence: s, dir: s.t.TempDir(), stateDir: s.t.TempDir(), tree: newDAVTree(s.tags.Content, s.roots)}
	for _, root := range s.roots {
		if err := os.MkdirAll(filepath.Join(p.dir, root), 0o777); err != nil {
			s.t.Fatal(err)
		}
	}
	p.start()
	return p
}

func (p *play) start() {
	p.shares, p.uncounted = nil, map[string]int64{}
	var latches etagfs.Latches
	for _, root := range p.roots {
		o := handler.Options{Prefix: p.prefix + strings.TrimSuffix(root, "/"), Elsewhere: p.elsewhere}
		tags := p.tags
		tags.Settings, tags.Latches, tags.Within = p.settings(), &latches, root
		p.shares = append(p.shares, startKeepingAs(p.t, filepath.Join(p.dir, root), filepath.Join(p.stateDir, root), time.Now,
			p.open, tags, state.Options{Relaxed: true}, o))
	}
	if p.tags.QuotaBytes > 0 {
		for _, root := range p.roots {
			want(p.t, "wait for the first count", p.ask("MKCOL", act{}.url(p.prefix, root, true), ""), 405)
		}
	}
}

// settings are those of now.
func (p *play) settings() etagfs.Settings {
	s := p.tags.Settings
	s.Content = p.tree.content
	return s
}

func (p *play) stop() {
	for _, k := range p.shares {
		k.stop()
	}
}

// elsewhere is the Handler that a URL path leads to; nil when there is none.
func (p *play) elsewhere(_ *http.Request, urlPath string) *handler.Handler {
	for i, root := range p.tree.trees {
		if _, ok := handler.CutPrefix(urlPath, p.prefix+strings.TrimSuffix(root, "/")); ok {
			return p.shares[i].Handler.(*handler.Handler)
		}
	}
	return nil
}

func (p *play) ask(method, target, body string, headers ...string) *http.Response {
	path, err := url.PathUnescape(target)
	if err != nil {
		p.t.Fatal(err)
	}
	return ask(p.elsewhere(nil, path), method, target, body, headers...)
}

// do lets one thing happen, and looks. Error: what is wrong.
func (p *play) do(a act) (err error) {
	switch {
	case a.method == "restart":
		p.stop()
		p.start()
	case a.method == "reload":
		p.tree.retag()
		for _, k := range p.shares {
			k.reload(p.t, p.settings())
		}
	case a.beside():
		err = p.aside(a)
	default:
		err = p.request(a)
	}
	if err == nil {
		err = p.look()
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", a, err)
	}
	return err
}

// look compares all that a client can list, and the directory.
func (p *play) look() error {
	for _, root := range p.roots {
		if err := p.list(act{method: "PROPFIND", name: root, depth: "infinity"}, ""); err != nil {
			return err
		}
	}
	if p.quiet {
		return nil
	}
	if p.tags.QuotaBytes > 0 {
		if err := p.used(); err != nil {
			return err
		}
	}
	return p.disk()
}

// aside is an act of another program, and what a client sees right after it.
func (p *play) aside(a act) error {
	node, mapped := p.tree.at[a.name]
	switch {
	case a.method == "create beside" && !p.tree.vacant(a.name), a.method != "create beside" && !mapped,
		a.writes() && node.collection, p.tree.isRoot(a.name):
		return nil // an act before it was left out
	case a.dst != "" && (!isPlain(a.dst) || !p.tree.vacant(a.dst) || within(a.dst, a.name)):
		return nil
	}
	path := filepath.Join(p.dir, filepath.FromSlash(a.name))
	before := p.tree.sizeBytes(a.name)
	defer func() { p.uncounted[p.tree.treeOf(a.name)] += p.tree.sizeBytes(a.name) - before }()
	switch a.method {
	case "move beside":
		p.tree.rename(a.name, a.dst)
		p.uncounted[p.tree.treeOf(a.dst)] += p.tree.sizeBytes(a.dst)
		if err := os.Rename(path, filepath.Join(p.dir, filepath.FromSlash(a.dst))); err != nil {
			return err
		}
		return p.file(a.dst)
	case "write and backdate":
		was, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(path, []byte(a.body), 0o666), os.Chtimes(path, was.ModTime(), was.ModTime())); err != nil {
			return err
		}
	case "remove beside":
		p.tree.remove(a.name)
		return os.RemoveAll(path)
	case "rename over":
		other := filepath.Join(p.stateDir, "other")
		if err := os.WriteFile(other, []byte(a.body), 0o666); err != nil {
			return err
		}
		if err := os.Rename(other, path); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(path, []byte(a.body), 0o666); err != nil {
			return err
		}
	}
	p.tree.set(a.name, davNode{bytes: a.body, props: node.props})
	return p.file(a.name)
}

// request sends it and compares the answer.
func (p *play) request(a act) error {
	allowed := p.tree.allowed(a, p.tree.resolve(a))
	res := p.ask(a.method, a.url(p.prefix, a.name, a.slash), a.content(), a.header(p.prefix, p.tree)...)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	p.came.came(fmt.Sprint(a.method, " ", res.StatusCode))
	if !slices.Contains(allowed, res.StatusCode) {
		return fmt.Errorf("got %d, want one of %v: %s", res.StatusCode, allowed, body)
	}
	tag := res.Header.Get("Etag")
	if res.StatusCode >= 300 || a.method == "LOCK" && res.StatusCode == http.StatusMultiStatus {
		return p.refused(a, tag)
	}
	switch a.method {
	case "GET", "HEAD":
		return p.representation(a, res, string(body))
	case "PROPFIND":
		return p.list(a, string(body))
	case "PROPPATCH":
		if err := patchAnswer(a, string(body)); err != nil {
			return err
		}
	}
	if err := p.tree.apply(a, res.Header); err != nil {
		return err
	}
	if err := p.location(a, res); err != nil {
		return err
	}
	for _, name := range []string{a.name, a.dst} {
		if err := p.file(name); err != nil {
			return err
		}
	}
	return nil
}
