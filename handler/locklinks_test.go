//go:build unix

package handler_test

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
	"ifmatch/handler/exchange"
)

// lockedLinks is what a lock on a collection guards of what symbolic links in it lead to. RFC 4918 §6.1, §7: a link is
// a member of the collection that it is in, whatever it leads to.
const lockedLinks = `
LOCK /a/
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>Eva</D:owner></D:lockinfo>
-> 200
$t = Lock-Token

# Nobody else changes anything through a link in the collection: one to a file, one to a collection, one that leads
# nowhere yet, and those that lead there over others.
PUT /a/link.txt

other
-> 423
body ~ <D:lock-token-submitted><D:href>/a/</D:href></D:lock-token-submitted>

PROPPATCH /a/link.txt

<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><p xmlns="urn:p">v</p></D:prop></D:set></D:propertyupdate>
-> 423

PUT /a/dirlink/target.txt

other
-> 423

PUT /a/dirlink/new.txt

other
-> 423

PUT /a/new.txt

other
-> 423

PUT /chain.txt

other
-> 423

PUT /c/via/target.txt

other
-> 423

MKCOL /a/dirlink/new
-> 423

DELETE /a/dirlink/target.txt
-> 423
body ~ <D:lock-token-submitted><D:href>/a/</D:href></D:lock-token-submitted>

DELETE /a/dirlink/sub/
-> 423

MOVE /a/dirlink/target.txt
Destination: /moved.txt
-> 423

MOVE /free.txt
Destination: /a/dirlink/moved.txt
-> 423

COPY /free.txt
Destination: /a/link.txt
-> 423

COPY /free.txt
Destination: /a/dirlink/copy.txt
-> 423

COPY /b/sub/
Destination: /a/dirlink/copy/
-> 423

LOCK /a/link.txt
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 423
body ~ <D:no-conflicting-lock><D:href>/a/</D:href></D:no-conflicting-lock>

LOCK /a/dirlink/
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 423
body ~ <D:no-conflicting-lock><D:href>/a/</D:href></D:no-conflicting-lock>

LOCK /a/dirlink/unmapped.txt
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 423
body ~ <D:lock-token-submitted><D:href>/a/</D:href></D:lock-token-submitted>

# The links themselves are members, as they were.
DELETE /a/link.txt
-> 423

MOVE /a/link.txt
Destination: /moved.txt
-> 423

# And a link outside that leads through the collection is none of them.
MOVE /c/up/chain.txt
Destination: /c/up/other.txt
-> 201

MOVE /c/up/other.txt
Destination: /c/up/chain.txt
-> 201

# All of it was refused.
GET /b/target.txt
-> 200
body: target

GET /b/new.txt
-> 404

# DAV:lockdiscovery tells of it (RFC 4918 §15.8), asked for by itself, as a member, and as a member of what a link leads to.
PROPFIND /a/link.txt
Depth: 0
-> 207
body ~ <D:lockroot><D:href>/a/</D:href></D:lockroot>

PROPFIND /a/dirlink/sub/
Depth: 0
-> 207
body ~ <D:lockroot><D:href>/a/</D:href></D:lockroot>

PROPFIND /c/via/sub/
Depth: 0
-> 207
body ~ <D:lockroot><D:href>/a/</D:href></D:lockroot>

PROPFIND /a/
Depth: 1

<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>
-> 207
body ~ /a/link.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /a/dirlink/</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body !~ <D:lockdiscovery/>

PROPFIND /a/dirlink/
Depth: 1

<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>
-> 207
body ~ /a/dirlink/target.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body !~ <D:lockdiscovery/>

PROPFIND /
Depth: infinity

<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>
-> 207
body ~ /a/link.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /a/dirlink/target.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /a/dirlink/sub/</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /c/via/target.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /chain.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /b/target.txt</D:href><D:propstat><D:prop><D:lockdiscovery/>
body ~ /free.txt</D:href><D:propstat><D:prop><D:lockdiscovery/>

PROPFIND /c/
Depth: infinity

<D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>
-> 207
body ~ /c/up/a/link.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /c/via/sub/f.txt</D:href><D:propstat><D:prop><D:lockdiscovery><D:activelock>
body ~ /c/up/b/sub/f.txt</D:href><D:propstat><D:prop><D:lockdiscovery/>

# So do the pages that people see.
GET /a/link.txt?view
-> 200
body ~ Eva

GET /a/
Accept: text/html
User-Agent: Mozilla/5.0
-> 200
body ~ data-lock="Eva"><td role="cell" class="name"><a class="icon text" href="/a/link.txt

GET /a/dirlink/
Accept: text/html
User-Agent: Mozilla/5.0
-> 200
body ~ data-lock="Eva"><td role="cell" class="name"><a class="icon text" href="/a/dirlink/target.txt

GET /b/
Accept: text/html
User-Agent: Mozilla/5.0
-> 200
body !~ data-lock

# The token is a state of what the links lead to, by the URL through them alone (RFC 4918 §10.4.4).
PUT /a/link.txt
If: ($t)

mine
-> 204

PUT /chain.txt
If: ($t)

mine
-> 204

PUT /a/dirlink/new.txt
If: ($t)

mine
-> 201

DELETE /a/dirlink/new.txt
If: ($t)
-> 204

MKCOL /a/dirlink/made
If: ($t)
-> 201

MOVE /free.txt
Destination: /a/dirlink/moved.txt
If: </a/> ($t)
-> 201

MOVE /a/dirlink/moved.txt
Destination: /free.txt
If: ($t)
-> 201

COPY /free.txt
Destination: /a/link.txt
If: </a/link.txt> ($t)
-> 204

PUT /free.txt
If: </a/link.txt> ($t)

mine
-> 204

PUT /free.txt
If: </chain.txt> ($t)

mine
-> 204

PUT /free.txt
If: </c/via/none.txt> ($t)

mine
-> 204

PUT /free.txt
If: </b/target.txt> ($t)

mine
-> 412

PUT /b/target.txt
If: ($t)

mine
-> 412

# Another lock on what the link leads to is asked for by that URL. Both holders rely on theirs.
LOCK /b/target.txt
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 200
$other = Lock-Token

PUT /a/link.txt
If: ($t)

mine
-> 423
body ~ <D:lock-token-submitted><D:href>/b/target.txt</D:href></D:lock-token-submitted>

PUT /a/link.txt
If: ($other)

theirs
-> 423
body ~ <D:lock-token-submitted><D:href>/a/</D:href></D:lock-token-submitted>

PUT /a/link.txt
If: ($t $other)

ours
-> 204

UNLOCK /a/link.txt
Lock-Token: $other
-> 204

# What has its other URL outside of the collection can be written there.
PUT /b/target.txt

other
-> 204

# The link itself moves with the token, and its target stays.
MOVE /a/link.txt
Destination: /a/moved.txt
If: ($t)
-> 201

GET /b/target.txt
-> 200
body: other

# Any URL in the scope of the lock does for refreshing and ending it.
LOCK /a/moved.txt
If: ($t)
-> 200

LOCK /b/target.txt
If: ($t)
-> 412

UNLOCK /b/target.txt
Lock-Token: $t
-> 409

UNLOCK /a/dirlink/target.txt
Lock-Token: $t
-> 204

PUT /a/moved.txt

other
-> 204

# Shared locks go together on the way, too: one token is enough, and the answer tells of both.
LOCK /a/
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 200
$s1 = Lock-Token

LOCK /a/moved.txt
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 200
body ~ <D:lockroot><D:href>/a/moved.txt</D:href></D:lockroot>.*<D:lockroot><D:href>/a/</D:href></D:lockroot>
$s2 = Lock-Token

LOCK /a/moved.txt
If: ($s2)
-> 200
body ~ <D:lockroot><D:href>/a/moved.txt</D:href></D:lockroot>.*<D:lockroot><D:href>/a/</D:href></D:lockroot>

PUT /a/moved.txt

other
-> 423

PUT /a/moved.txt
If: ($s1)

shared
-> 204

PUT /a/moved.txt
If: ($s2)

shared
-> 204

# A lock of the collection alone guards which members it has, and not what they are.
UNLOCK /a/
Lock-Token: $s1
-> 204

UNLOCK /b/target.txt
Lock-Token: $s2
-> 204

LOCK /a/
Depth: 0
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 200

PUT /a/moved.txt

other
-> 204

PUT /a/dirlink/new.txt

other
-> 201
`

func TestLockGuardsWhatLinksLeadTo(t *testing.T) {
	for kind, open := range openers {
		t.Run(kind, func(t *testing.T) {
			dir := linkedDir(t)
			base, err := open(dir, fs.RootOptions{})
			must(t, err)
			exchange.Run(t, serve(t, base, handler.Options{}), []byte(lockedLinks))
		})
	}
}

func TestLockOfALinkGuardsIt(t *testing.T) {
	for kind, open := range openers {
		t.Run(kind, func(t *testing.T) {
			base, err := open(linkedDir(t), fs.RootOptions{})
			must(t, err)
			exchange.Run(t, serve(t, base, handler.Options{}), []byte(lockedLink))
		})
	}
}

// lockedLink is what a lock guards that was asked for by the URL of a symbolic link: what that leads to, and the links that
// make it lead there. RFC 4918 §7, §14.12.
const lockedLink = `
LOCK /c/via/target.txt
Depth: 0
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 200
body ~ <D:lockroot><D:href>/c/via/target.txt</D:href></D:lockroot>
$t = Lock-Token

PUT /b/target.txt

other
-> 423

DELETE /c/via
-> 423

MOVE /a/dirlink
Destination: /a/elsewhere
-> 423

MOVE /free.txt
Destination: /c/via
-> 423

COPY /free.txt
Destination: /a/dirlink/target.txt
-> 423

DELETE /a
-> 423

LOCK /a
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 423

# Links elsewhere are free.
MOVE /a/link.txt
Destination: /a/moved.txt
-> 201

# The holder may do all of it; and where one of the links is gone, so is the lock.
MOVE /c/via
Destination: /c/way
If: </c/via/target.txt> ($t)
-> 201

PUT /b/target.txt

other
-> 204

# A link that is replaced leaves what is there in the scope of the lock.
LOCK /a/new.txt
Content-Type: application/xml

<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>
-> 201
$n = Lock-Token

MOVE /free.txt
Destination: /a/new.txt
If: </a/new.txt> ($n)
-> 204

PUT /a/new.txt

other
-> 423

UNLOCK /a/new.txt
Lock-Token: $n
-> 204

PUT /a/new.txt

other
-> 204
`

var openers = map[string]func(string, fs.RootOptions) (fs.FS, error){"root": fs.OpenRoot, "portable": fs.OpenPortable}

// linkedDir has links in the collection /a to what is in /b, and others that lead there over these.
func linkedDir(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"b/target.txt", "b/sub/f.txt", "free.txt", "a/own.txt", "c/own.txt"} {
		write(t, filepath.Join(dir, name), strings.TrimSuffix(filepath.Base(name), ".txt"))
	}
	for link, to := range map[string]string{
		"a/link.txt": "../b/target.txt", "a/dirlink": "../b", "a/new.txt": "../b/new.txt",
		"chain.txt": "a/link.txt", "c/via": "../a/dirlink", "c/up": "..",
	} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	return dir
}

// during is the content of a request, with something that happens while it comes.
type during struct {
	io.Reader
	then func()
}

func (d *during) Read(p []byte) (int, error) {
	if d.then != nil {
		d.then()
		d.then = nil
	}
	return d.Reader.Read(p)
}

// The way that counts is the one of the moment in which the new content would count, and so are the locks: what comes
// after the early check is met by the one at the commit.
func TestLockOnTheWayOfThen(t *testing.T) {
	lockA := func(t *testing.T, h *handler.Handler) {
		if w := dav(h, "LOCK", "/a", exclusive); w.Code != 200 {
			t.Error(w.Code, w.Body)
		}
	}
	for _, c := range []struct {
		what, name string
		before     func(t *testing.T, h *handler.Handler)
		meanwhile  func(t *testing.T, h *handler.Handler, dir string)
	}{
		{"locked", "/a/link.txt", nil, func(t *testing.T, h *handler.Handler, _ string) { lockA(t, h) }},
		{"locked on the way", "/chain.txt", nil, func(t *testing.T, h *handler.Handler, _ string) { lockA(t, h) }},
		{"turned", "/there.txt", lockA, func(t *testing.T, _ *handler.Handler, dir string) { turn(t, dir, "there.txt", "a/link.txt") }},
	} {
		for kind, open := range openers {
			t.Run(kind+"/"+c.what, func(t *testing.T) {
				dir := linkedDir(t)
				turn(t, dir, "there.txt", "b/target.txt")
				base, err := open(dir, fs.RootOptions{})
				must(t, err)
				defer base.Close()
				h, err := handler.New(handler.NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true, NoNotify: true}}), handler.Options{})
				must(t, err)
				if c.before != nil {
					c.before(t, h)
				}
				began := false
				content := &during{strings.NewReader("new"), func() {
					began = true
					c.meanwhile(t, h, dir)
				}}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("PUT", c.name, content))
				if w.Code != 423 || !began {
					t.Errorf("%d %s, want 423 when the content has come (%t)", w.Code, w.Body, began)
				}
				if got := read(t, filepath.Join(dir, "b/target.txt")); got != "target" {
					t.Errorf("%q", got)
				}
			})
		}
	}
}

// turn makes a link lead elsewhere, as another program does.
func turn(t *testing.T, dir, link, to string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(dir, "turning")); err != nil {
		t.Error(err)
	}
	if err := os.Rename(filepath.Join(dir, "turning"), filepath.Join(dir, link)); err != nil {
		t.Error(err)
	}
}
