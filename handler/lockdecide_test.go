package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// between is a tree in which something happens right after a name was looked at for the first time.
type between struct {
	fs.FS
	name string
	then func()
}

func (b *between) Lookup(name string) (fs.Info, error) {
	info, err := b.FS.Lookup(name)
	if name == b.name && b.then != nil {
		then := b.then
		b.then = nil
		then()
	}
	return info, err
}

// The end of a lock, or a new one, is decided on the state that it meets: a save in between that submits the lock could have
// come neither before a request that names the state of before it, nor after one that has ended the lock.
func TestLocksAreDecidedUnderTheLatch(t *testing.T) {
	for _, c := range []struct {
		what, method string
		headers      []string
		want         int
	}{
		{"unlock", "UNLOCK", []string{"If-Match", "tag", "Lock-Token", "token"}, 412},
		{"unlock, If", "UNLOCK", []string{"If", `(token ["tag"])`, "Lock-Token", "token"}, 412},
		{"unlock in whatever state", "UNLOCK", []string{"Lock-Token", "token"}, 204},
		{"refresh", "LOCK", []string{"If-Match", "tag", "If", "(token)"}, 412},
		{"refresh, If", "LOCK", []string{"If", `(token ["tag"])`}, 412},
		{"refresh in whatever state", "LOCK", []string{"If", "(token)"}, 200},
	} {
		t.Run(c.what, func(t *testing.T) {
			tree := &between{FS: fs.NewMemory(), name: "/f"}
			h, err := handler.New(handler.NewTree(tree, etagfs.Options{}), handler.Options{})
			must(t, err)
			dav(h, "PUT", "/f", "one")
			locked := dav(h, "LOCK", "/f", exclusive)
			tag, token := locked.Header().Get("Etag"), locked.Header().Get("Lock-Token")
			terms := strings.NewReplacer(`"tag"`, tag, "tag", tag, "token", token)
			var headers []string
			for i, field := range c.headers {
				if i%2 == 1 {
					field = terms.Replace(field)
				}
				headers = append(headers, field)
			}
			tree.then = func() {
				if w := dav(h, "PUT", "/f", "two", "If", "("+token+")"); w.Code != 204 {
					t.Errorf("save: %d %s", w.Code, w.Body)
				}
			}
			if w := dav(h, c.method, "/f", "", headers...); w.Code != c.want {
				t.Errorf("got %d, want %d: %s", w.Code, c.want, w.Body)
			}
			still := 204 // the lock is there
			if c.want == 204 {
				still = http.StatusPreconditionFailed
			}
			if w := dav(h, "PUT", "/f", "three", "If", "("+token+")"); w.Code != still {
				t.Errorf("save with the token: %d, want %d", w.Code, still)
			}
		})
	}
}

// The parent of what was there goes away before the latch is taken: then the precondition is false.
func TestUnlockWhereNothingIsAnyMore(t *testing.T) {
	tree := &between{FS: fs.NewMemory(), name: "/d/f"}
	h, err := handler.New(handler.NewTree(tree, etagfs.Options{}), handler.Options{})
	must(t, err)
	dav(h, "MKCOL", "/d", "")
	dav(h, "PUT", "/d/f", "one")
	token := dav(h, "LOCK", "/", exclusive).Header().Get("Lock-Token")
	tree.then = func() {
		if w := dav(h, "DELETE", "/d", "", "If", "</> ("+token+")"); w.Code != 204 {
			t.Errorf("delete: %d %s", w.Code, w.Body)
		}
	}
	if w := dav(h, "UNLOCK", "/d/f", "", "If-Match", "*", "Lock-Token", token); w.Code != 412 {
		t.Errorf("got %d, want 412: %s", w.Code, w.Body)
	}
	if w := dav(h, "UNLOCK", "/d/f", "", "Lock-Token", token); w.Code != 204 {
		t.Errorf("got %d, want 204: %s", w.Code, w.Body)
	}
}
