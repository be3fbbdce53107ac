package handler_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/fs/fstest"
	"ifmatch/handler"
	"ifmatch/handler/lock"
)

// TestPropertiesAndTimeChangeTogether: whatever call fails in a PROPPATCH that sets a modification time beside properties, or
// in an MKCOL that does, and wherever the process ends, all of it is there after the next start or nothing; all when
// it was answered with success, nothing when it was refused. RFC 4918 §9.2, RFC 5689 §3.
func TestPropertiesAndTimeChangeTogether(t *testing.T) {
	const stamp = `<D:set><D:prop><D:lastmodified>1000000000</D:lastmodified></D:prop></D:set>`
	const props = `<D:set><D:prop><p xmlns="urn:p">new</p></D:prop></D:set>`
	const update = `<D:propertyupdate xmlns:D="DAV:">` + props + stamp + `</D:propertyupdate>`
	for what, c := range map[string]struct{ method, url, body, after string }{
		"file":                     {"PROPPATCH", "/d/f", update, "p, 2001"},
		"collection":               {"PROPPATCH", "/d", update, "p, 2001"},
		"new collection":           {"MKCOL", "/d/new", `<D:mkcol xmlns:D="DAV:">` + props + `</D:mkcol>`, "p"},
		"new collection, dated":    {"MKCOL", "/d/new", `<D:mkcol xmlns:D="DAV:">` + props + stamp + `</D:mkcol>`, "p, 2001"},
		"new collection, one time": {"MKCOL", "/d/new", `<D:mkcol xmlns:D="DAV:">` + stamp + `</D:mkcol>`, "no p, 2001"},
	} {
		for _, fails := range []error{nil, fs.ErrNoSpace, syscall.EIO, syscall.EACCES} { // nil: the process ends
			t.Run(fmt.Sprint(what, "/", fails), func(t *testing.T) {
				t.Parallel()
				for n, hit := 1, true; hit; n++ {
					open := faultTree(t)
					faults, err := fstest.NewFaults(open)
					must(t, err)
					faultSetup(t, faults)
					engine := &mortal{records: map[state.Bucket]map[string][]byte{}}
					h, end := onEngine(t, faults, engine)
					before := propAndYear(h, c.url)
					if fails == nil {
						engine.dead = faults.Hit
						faults.CrashAt(n)
					} else {
						faults.FailAt(n, fails)
					}
					res := ask(h, c.method, c.url, c.body, asXML)
					text, _ := io.ReadAll(res.Body)
					hit = faults.Hit()
					end()
					engine.dead = nil

					base, err := open(nil)
					must(t, err)
					h, end = onEngine(t, base, engine)
					got := propAndYear(h, c.url)
					if got == "nothing" && fails != nil {
						must(t, base.Mkdir(c.url, 0o777))
						if beside := propAndYear(h, c.url); beside != "no p" {
							t.Errorf("operation %d: what another program makes there later has %s", n, beside)
						}
					}
					end()
					answer := string(text)
					done := res.StatusCode == 201 || res.StatusCode == 207 && strings.Contains(answer, "HTTP/1.1 200")
					refused := !done && fails != nil && !strings.Contains(answer, "The change was made")
					if got != c.after && got != before || done && got != c.after || refused && got != before {
						t.Errorf("operation %d of\n\t%s\nanswer %d: %s\nwas %s, is %s, was to be %s", n, strings.Join(faults.Trace(), "\n\t"),
							res.StatusCode, answer, before, got, c.after)
					}
					if !hit && (n == 1 || !done) {
						t.Errorf("without a fault: %d operations, %d %s", n-1, res.StatusCode, answer)
					}
				}
			})
		}
	}
}

// propAndYear tells of what is at the URL whether it has the property p, and whether it is of 2001.
func propAndYear(h *handler.Handler, url string) string {
	const find = `<D:propfind xmlns:D="DAV:"><D:prop><p xmlns="urn:p"/><D:getlastmodified/></D:prop></D:propfind>`
	res := ask(h, "PROPFIND", url, find, "Depth: 0", asXML)
	if res.StatusCode == 404 {
		return "nothing"
	}
	body, _ := io.ReadAll(res.Body)
	said := "no p"
	if strings.Contains(string(body), ">new</") {
		said = "p"
	}
	if strings.Contains(string(body), "Sun, 09 Sep 2001 01:46:40 GMT") {
		said += ", 2001"
	}
	return said
}

// onEngine starts a server as after a crash. end stops it.
func onEngine(t *testing.T, base fs.FS, e state.Engine) (h *handler.Handler, end func()) {
	t.Helper()
	store, err := state.New(e, state.Options{})
	must(t, err)
	locks, err := lock.New(store, time.Now(), lock.Options{})
	must(t, err)
	_, err = store.Recover(state.TreeOf(base), locks)
	must(t, err)
	_, err = base.Sweep()
	must(t, err)
	tree := handler.NewTree(base, etagfs.Options{Settings: etagfs.Settings{NoNotify: true}})
	h, err = handler.New(tree, handler.Options{State: store, Locks: locks})
	must(t, err)
	return h, func() {
		tree.Close()
		base.Close()
		store.Close()
	}
}

// mortal is an Engine that keeps nothing any more when its process is dead.
type mortal struct {
	mu      sync.RWMutex
	records map[state.Bucket]map[string][]byte // guarded by mu
	dead    func() bool                        // nil: never
}

func (m *mortal) View(fn func(state.Tx) error) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return fn(m)
}

func (m *mortal) Update(fn func(state.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead != nil && m.dead() {
		return errors.New("the process is dead")
	}
	was := map[state.Bucket]map[string][]byte{}
	for b, records := range m.records {
		was[b] = maps.Clone(records)
	}
	err := fn(m)
	if err != nil {
		m.records = was
	}
	return err
}

func (m *mortal) Relax(bool) error { return nil }
func (m *mortal) Close() error     { return nil }

func (m *mortal) Get(b state.Bucket, key []byte) []byte { return m.records[b][string(key)] }

func (m *mortal) Put(b state.Bucket, key, value []byte) error {
	if m.records[b] == nil {
		m.records[b] = map[string][]byte{}
	}
	m.records[b][string(key)] = slices.Clone(value)
	return nil
}

func (m *mortal) Delete(b state.Bucket, key []byte) error {
	delete(m.records[b], string(key))
	return nil
}

func (m *mortal) Scan(b state.Bucket, prefix []byte, fn func(key, value []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(m.records[b])) {
		if strings.HasPrefix(key, string(prefix)) {
			if err := fn([]byte(key), m.records[b][key]); err != nil {
				return err
			}
		}
	}
	return nil
}
