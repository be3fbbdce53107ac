package handler_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// interrupted is a tree in which something happens, once, after a file was opened or a collection was listed. In a COPY of
// that collection all members have been copied by then, and the copy is not in place.
type interrupted struct {
	fs.FS
	name string
	by   func()
}

func (i *interrupted) happen(name string) {
	if by := i.by; by != nil && name == i.name {
		i.by = nil
		by()
	}
}

func (i *interrupted) List(name string, fn func(string, *fs.Info) error) error {
	err := i.FS.List(name, fn)
	i.happen(name)
	return err
}

func (i *interrupted) OpenRead(name string) (fs.File, error) {
	file, err := i.FS.OpenRead(name)
	i.happen(name)
	return file, err
}

// twoShares serves one tree at /one and another at /two.
func twoShares(t *testing.T, one, two fs.FS) http.Handler {
	t.Helper()
	var h [2]*handler.Handler
	mux := http.NewServeMux()
	for i, base := range []fs.FS{one, two} {
		prefix := []string{"/one", "/two"}[i]
		tree := handler.NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}})
		t.Cleanup(func() { tree.Close(); base.Close() })
		var err error
		h[i], err = handler.New(tree, handler.Options{Prefix: prefix,
			Elsewhere: func(*http.Request, string) *handler.Handler { return h[1-i] }})
		must(t, err)
		mux.Handle(prefix+"/", h[i])
	}
	return mux
}

// made sends a request that must succeed.
func made(t testing.TB, h http.Handler, method, name, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := dav(h, method, name, body, header...)
	if w.Code/100 != 2 {
		t.Errorf("%s %s: %d %s", method, name, w.Code, w.Body)
	}
	return w
}

// described makes files, each with its content as a dead property, and collections, whose names end with a slash, with
// what follows.
func described(t testing.TB, h http.Handler, files ...string) {
	t.Helper()
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		if c, ok := strings.CutSuffix(name, "/"); ok {
			made(t, h, "MKCOL", c, "")
		} else {
			made(t, h, "PUT", name, content)
		}
		made(t, h, "PROPPATCH", name, setProp(content), "Content-Type", "application/xml")
	}
}

var propOfText = regexp.MustCompile(`<p xmlns="urn:p">(.*?)</p>`)

// descriptions are all resources below a collection with their contents and dead properties: "/a=content,property".
func descriptions(t testing.TB, h http.Handler, name string) string {
	t.Helper()
	var all []string
	found := find(t, h, name, "infinity", "")
	for _, href := range found.hrefs() {
		content, prop := "", ""
		if !strings.HasSuffix(href, "/") {
			content = made(t, h, "GET", href, "").Body.String()
		}
		if m := propOfText.FindStringSubmatch(made(t, h, "PROPFIND", href, "", "Depth", "0").Body.String()); m != nil {
			prop = m[1]
		}
		all = append(all, strings.TrimPrefix(href, name)+"="+content+","+prop)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// What a COPY has taken of a member is one state of it, bytes and properties (RFC 4918 §9.8.2), whatever comes to be at its
// name before the copy is in place.
func TestCopyOfACollectionTakesThePropertiesOfWhatItCopied(t *testing.T) {
	const copied = "/=,s /a=a,a /none=, /sub/=,sub /sub/b=b,b"
	for what, requests := range map[string][]string{
		"nothing":                   nil,
		"another one moved there":   {"MOVE /x /s/a"},
		"away, and another one":     {"MOVE /s/a /away", "MOVE /x /s/a"},
		"away, and back elsewhere":  {"MOVE /s/a /s/c"},
		"deleted":                   {"DELETE /s/a"},
		"deleted and made anew":     {"DELETE /s/a", "PUT /s/a"},
		"one where was none":        {"MOVE /x /s/none"},
		"one where was nothing":     {"MOVE /x /s/new"},
		"two change places":         {"MOVE /s/a /y", "MOVE /s/sub/b /s/a", "MOVE /y /s/sub/b"},
		"described anew":            {"PROPPATCH /s/a", "PROPPATCH /s/sub", "PROPPATCH /s/none"},
		"another collection":        {"MOVE /z /s/sub"},
		"a file for a collection":   {"DELETE /s/sub", "MOVE /x /s/sub"},
		"a collection for a file":   {"MOVE /z /s/a"},
		"the whole of it is others": {"MOVE /s /gone", "MOVE /z /s"},
	} {
		for kind, open := range trees {
			for to, dst := range map[string]string{"": "/one/d", ", over another one": "/one/d", ", to another share": "/two/d"} {
				t.Run(what+", "+kind+to, func(t *testing.T) {
					base := &interrupted{FS: open(t), name: "/s"}
					h := twoShares(t, base, open(t))
					described(t, h, "/one/s/=s", "/one/s/a=a", "/one/s/sub/=sub", "/one/s/sub/b=b", "/one/x=x", "/one/z/=z", "/one/z/b=zb")
					made(t, h, "PUT", "/one/s/none", "")
					if to == ", over another one" {
						described(t, h, "/one/d/=d", "/one/d/a=d", "/one/d/none=d", "/one/d/c=d")
					}
					base.by = func() {
						for _, r := range requests {
							f := append(strings.Fields(r), "")
							switch f[0] {
							case "MOVE":
								made(t, h, f[0], "/one"+f[1], "", "Destination", "/one"+f[2])
							case "PROPPATCH":
								made(t, h, f[0], "/one"+f[1], setProp("new"), "Content-Type", "application/xml")
							case "DELETE":
								made(t, h, f[0], "/one"+f[1], "")
							default:
								made(t, h, f[0], "/one"+f[1], "new")
							}
						}
					}
					made(t, h, "COPY", "/one/s", "", "Destination", dst)
					if base.by != nil {
						t.Fatal("nothing came in between")
					}
					if got := descriptions(t, h, dst); got != copied {
						t.Errorf("got  %s\nwant %s", got, copied)
					}
					made(t, h, "PUT", dst+"/new", "new")
					if got := descriptions(t, h, dst); !strings.Contains(got, "/new=new, ") {
						t.Errorf("a new member has properties of another one: %s", got)
					}
				})
			}
		}
	}
}

// listedTwice is a tree whose collection /s shows its member a again in the end, as a directory may that is changed while
// it is read.
type listedTwice struct {
	fs.FS
	between func()
}

func (l *listedTwice) List(name string, fn func(string, *fs.Info) error) error {
	err := l.FS.List(name, fn)
	if name != "/s" || l.between == nil || err != nil {
		return err
	}
	l.between()
	info, err := l.FS.Lookup("/s/a")
	if err != nil {
		return err
	}
	return fn("a", &info)
}

// A member that is listed twice, since it was deleted and made anew, is copied in one of its states.
func TestCopyOfAMemberListedTwice(t *testing.T) {
	for was, anew := range map[string]string{"a=a": "PUT", "a=b": "MKCOL", "a/=c": "PUT"} {
		for kind, open := range trees {
			t.Run(fmt.Sprint(kind, "/", was, "/", anew), func(t *testing.T) {
				base := &listedTwice{FS: open(t)}
				h := twoShares(t, base, open(t))
				described(t, h, "/one/s/=s", "/one/s/"+was)
				first := strings.TrimPrefix(descriptions(t, h, "/one/s"), "/=,s ")
				base.between = func() {
					base.between = nil
					made(t, h, "DELETE", "/one/s/a", "")
					body := ""
					if anew == "PUT" {
						body = "new"
					}
					made(t, h, anew, "/one/s/a", body)
				}
				if w := made(t, h, "COPY", "/one/s", "", "Destination", "/two/d"); w.Code != 201 {
					t.Error(w.Code, w.Body)
				}
				if got := descriptions(t, h, "/two/d"); got != "/=,s "+first {
					t.Errorf("got %s, want %s", got, first)
				}
			})
		}
	}
}

// A file is copied as it is when the copy comes to be: when another one has come to its name, that is copied.
func TestCopyOfAFileTakesThePropertiesOfWhatItCopied(t *testing.T) {
	for kind, open := range trees {
		for to, dst := range map[string]string{"": "/one/d/f", ", over a collection": "/one/d", ", to another share": "/two/f"} {
			t.Run(kind+to, func(t *testing.T) {
				base := &interrupted{FS: open(t), name: "/a"}
				h := twoShares(t, base, open(t))
				described(t, h, "/one/a=a", "/one/x=x", "/one/d/=d")
				base.by = func() {
					made(t, h, "MOVE", "/one/x", "", "Destination", "/one/a")
				}
				made(t, h, "COPY", "/one/a", "", "Destination", dst)
				if got := descriptions(t, h, dst); base.by != nil || got != "=x,x" {
					t.Errorf("got %s", got)
				}
			})
		}
	}
}

// Members change places all the time while their collection is copied: each copy has the content of one of them with its
// properties.
func TestCopyOfACollectionRace(t *testing.T) {
	for kind, open := range trees {
		t.Run(kind, func(t *testing.T) {
			h := twoShares(t, open(t), open(t))
			described(t, h, "/one/s/=s", "/one/s/a=0", "/one/s/b=1")
			for i := range 20 {
				made(t, h, "PUT", fmt.Sprintf("/one/s/%d", i), strings.Repeat("x", 10_000))
			}
			until := time.Now().Add(600 * time.Millisecond)
			var all sync.WaitGroup
			for w := range 2 {
				all.Go(func() {
					for n := 2; time.Now().Before(until); n++ {
						name := fmt.Sprintf("/one/new%d", w)
						described(t, h, fmt.Sprintf("%s=%d-%d", name, w, n))
						made(t, h, "MOVE", name, "", "Destination", "/one/s/"+[]string{"a", "b"}[(w+n)%2])
					}
				})
			}
			for n := 0; time.Now().Before(until) && !t.Failed(); n++ {
				dst := []string{"/one/d", "/two/d"}[n%2]
				made(t, h, "COPY", "/one/s", "", "Destination", dst)
				for name := range strings.SplitSeq("/a /b", " ") {
					w := dav(h, "GET", dst+name, "")
					content := w.Body.String()
					props := dav(h, "PROPFIND", dst+name, "", "Depth", "0").Body.String()
					if w.Code == 200 && !strings.Contains(props, ">"+content+"</p>") {
						t.Errorf("copy %d: %s%s has the content %s and %s", n, dst, name, content, propOfText.FindString(props))
					}
				}
			}
			all.Wait()
		})
	}
}
