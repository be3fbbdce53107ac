package handler_test

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/lock"
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

// A new lock is granted for the state that the request names, and for no later one.
func TestNewLockIsDecidedUnderTheLatch(t *testing.T) {
	tree := &between{FS: fs.NewMemory(), name: "/f"}
	h, err := handler.New(handler.NewTree(tree, etagfs.Options{}), handler.Options{})
	must(t, err)
	tag := dav(h, "PUT", "/f", "one").Header().Get("Etag")
	tree.then = func() { dav(h, "PUT", "/f", "two") }
	if w := dav(h, "LOCK", "/f", exclusive, "If-Match", tag); w.Code != 412 {
		t.Errorf("got %d, want 412: %s", w.Code, w.Body)
	}
	if w := dav(h, "PUT", "/f", "three"); w.Code != 204 {
		t.Errorf("save without a token: %d, want 204: it must not be locked", w.Code)
	}
}

// RFC 4918 §11.5: there is no room for another lock.
func TestTooManyLocks(t *testing.T) {
	locks, err := lock.New(nil, time.Now(), lock.Options{Max: 1})
	must(t, err)
	h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{Locks: locks})
	must(t, err)
	if w := dav(h, "LOCK", "/one", exclusive); w.Code != 201 {
		t.Errorf("the first: %d %s", w.Code, w.Body)
	}
	if w := dav(h, "LOCK", "/two", exclusive); w.Code != 507 {
		t.Errorf("got %d, want 507: %s", w.Code, w.Body)
	}
	if w := dav(h, "GET", "/two", ""); w.Code != 404 {
		t.Errorf("a lock that was refused has made a file: %d", w.Code)
	}
}

// lateFailure is a tree whose disk is found full in the very step that brings new bytes.
type lateFailure struct{ fs.FS }

type failingStep struct{ fs.Staged }

func (l lateFailure) Stage(name string) (fs.Staged, error) {
	s, err := l.FS.Stage(name)
	return failingStep{s}, err
}

func (s failingStep) Commit(exact bool, check func(*fs.Info) error) (fs.Info, bool, func(), error) {
	return s.Staged.Commit(exact, func(cur *fs.Info) error { return cmp.Or(check(cur), fs.ErrNoSpace) })
}

// A lock that was to make a resource, and could not, has ended: nobody was told its token.
func TestLockEndsWhenItMakesNothing(t *testing.T) {
	locks, err := lock.New(nil, time.Now(), lock.Options{})
	must(t, err)
	h, err := handler.New(handler.NewTree(lateFailure{fs.NewMemory()}, etagfs.Options{}), handler.Options{Locks: locks})
	must(t, err)
	if w := dav(h, "LOCK", "/f", exclusive); w.Code != 507 {
		t.Errorf("got %d, want 507: %s", w.Code, w.Body)
	}
	if n := locks.Count(); n != 0 {
		t.Errorf("%d locks, want none", n)
	}
}
