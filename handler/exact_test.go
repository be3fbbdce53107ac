package handler_test

import (
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// asked notes of each step whether it is to be safe against programs beside the server, too.
type asked struct {
	fs.FS
	exact bool
}

type askedStaged struct {
	fs.Staged
	tree *asked
}

func (a *asked) Stage(name string) (fs.Staged, error) {
	s, err := a.FS.Stage(name)
	return askedStaged{s, a}, err
}

func (s askedStaged) Commit(exact bool, check func(*fs.Info) error) (fs.Info, bool, func(), error) {
	s.tree.exact = exact
	return s.Staged.Commit(exact, check)
}

func (a *asked) Retire(name string, exact bool, check func(*fs.Info) error) (func(), error) {
	a.exact = exact
	return a.FS.Retire(name, exact, check)
}

// Whoever names the state to change is promised that also a program beside the server does not change it meanwhile,
// in whichever header field the state is named.
func TestWhoNamesTheStateIsExact(t *testing.T) {
	for method, body := range map[string]string{"PUT": "two", "DELETE": ""} {
		for _, c := range []struct {
			field, value string
			exact        bool
		}{
			{"If-Match", "tag", true},
			{"If-Match", "*", true},
			{"If-Unmodified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", true},
			{"If", "([tag])", true},
			{"If", "(Not <DAV:no-lock>)", false},
			{"If-None-Match", `"other"`, false},
			{"Accept", "*/*", false},
		} {
			tree := &asked{FS: fs.NewMemory()}
			h, err := handler.New(handler.NewTree(tree, etagfs.Options{}), handler.Options{})
			must(t, err)
			tag := dav(h, "PUT", "/f", "one").Header().Get("Etag")
			value := strings.ReplaceAll(c.value, "tag", tag)
			if w := dav(h, method, "/f", body, c.field, value); w.Code != 204 || tree.exact != c.exact {
				t.Errorf("%s with %s: %s: %d, exact %t, want %t", method, c.field, c.value, w.Code, tree.exact, c.exact)
			}
		}
	}
}
