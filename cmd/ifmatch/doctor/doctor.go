// Package doctor finds out whether a server loses edits.
//
// It makes a collection with a random name, tries in it what clients rely on, and removes it again, also after a
// failure or an interrupt. It sends no request that changes anything outside that collection. What it finds wrong
// was seen to be wrong; that it finds nothing wrong in a race is a good sign and no proof.
//
// Examine is the way in; a Card holds what it found.
package doctor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"ifmatch/cmd/ifmatch/client"
)

// patience bounds one check, and the clearing up.
const patience = time.Minute

// check tries one thing.
type check struct {
	name string // what a good server does
	why  string // what happens to people when it does not
	run  func(*exam) Finding
}

// group is a heading over checks.
type group struct {
	name   string
	checks []check
}

var groups = []group{
	{"Entity-tags", tagChecks},
	{"Conditional writes", writeChecks},
	{"Races", raceChecks},
	{"Whole representations", uploadChecks},
	{"WebDAV: COPY and MOVE", moveChecks},
	{"WebDAV: locks", lockChecks},
	{"WebDAV: the If header", ifChecks},
}

// Examine tries the server in a scratch collection below base. tell is called before each check. An error means that
// there is no scratch collection to try anything in, or that ctx was done; what went wrong later is in the card.
func Examine(ctx context.Context, c *client.Client, base *url.URL, tell func(check string)) (*Card, error) {
	x := &exam{c: c, ctx: ctx, card: &Card{}, names: map[string]bool{}}
	if err := x.admit(base); err != nil {
		return nil, err
	}
	defer x.discharge()
	for _, g := range groups {
		for _, ch := range g.checks {
			if ctx.Err() != nil {
				return x.card, ctx.Err()
			}
			tell(ch.name)
			f := x.try(ch)
			f.Group, f.Check, f.Why = g.name, ch.name, ch.why
			x.card.Findings = append(x.card.Findings, f)
		}
	}
	return x.card, ctx.Err()
}

// exam is one examination under way.
type exam struct {
	c       *client.Client
	ctx     context.Context // of the check that is running
	card    *Card
	scratch *url.URL // ends with a slash
	classes string   // the DAV header field; "" is none
	serial  int      // of names

	mu     sync.Mutex      // guards the rest
	failed error           // the first request of the check that got no answer
	names  map[string]bool // all members that were ever written
	tokens []token         // locks that were taken
	asks   bool            // the server wants a condition with each write to what is there (428, RFC 6585 §3)
}

type token struct{ name, token string }

// try runs a check with its own time limit.
func (x *exam) try(ch check) Finding {
	whole := x.ctx
	ctx, cancel := context.WithTimeout(whole, patience)
	defer cancel()
	x.ctx, x.failed = ctx, nil
	defer func() { x.ctx = whole }()
	f := ch.run(x)
	if x.failed != nil {
		return unclear("a request got no answer: %v", x.failed)
	}
	return f
}

// admit makes the scratch collection.
func (x *exam) admit(base *url.URL) error {
	random := make([]byte, 8)
	rand.Read(random)
	if base.RawQuery != "" {
		return fmt.Errorf("%s: a collection without a query is needed", base.Redacted())
	}
	u := *base
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+"/", ""
	x.scratch = u.JoinPath("ifmatch-doctor-" + hex.EncodeToString(random)) // new, or MKCOL refuses
	x.scratch.Path += "/"
	x.card.URL = base.Redacted()

	made := x.send("MKCOL", "", nil)
	if made.status == http.StatusMethodNotAllowed || made.status == http.StatusNotImplemented {
		// No WebDAV. Some servers make the parents of what is PUT.
		made = x.send(http.MethodPut, "probe", []byte("probe"), "If-None-Match", "*")
	}
	switch {
	case x.failed != nil:
		return x.failed
	case made.status == http.StatusUnauthorized || made.status == http.StatusForbidden:
		return &client.StatusError{Method: "MKCOL", URL: x.scratch.Redacted(), Status: made.status, Says: "a scratch collection is needed, and may not be made here"}
	case made.status != http.StatusCreated && made.status != http.StatusNoContent && made.status != http.StatusOK:
		return &client.StatusError{Method: "MKCOL", URL: x.scratch.Redacted(), Status: made.status, Says: "no scratch collection can be made here"}
	}
	options := x.send(http.MethodOptions, "", nil)
	x.classes = strings.Join(options.header.Values("DAV"), ",")
	x.card.Server = options.header.Get("Server")
	return nil
}

// discharge removes everything that was made, also when the examination was interrupted.
func (x *exam) discharge() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), patience)
	defer cancel()
	x.ctx = ctx
	for _, l := range x.tokens {
		x.send("UNLOCK", l.name, nil, "Lock-Token", "<"+l.token+">")
	}
	x.send(http.MethodDelete, "", nil)
	if x.gone() {
		return
	}
	// The server does not delete collections with members. The longer names are in the others.
	names := slices.SortedFunc(maps.Keys(x.names), func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		x.send(http.MethodDelete, name, nil)
	}
	x.send(http.MethodDelete, "", nil)
	if !x.gone() {
		x.card.LeftBehind = x.scratch.Redacted()
	}
}

// gone tells whether nothing is left, as far as one can see.
func (x *exam) gone() bool {
	if s := x.send(http.MethodHead, "", nil).status; s != http.StatusNotFound && s != http.StatusGone {
		return false
	}
	for name := range x.names {
		if x.send(http.MethodHead, name, nil).ok() {
			return false
		}
	}
	return true
}

// class tells whether the server says that it has a compliance class (RFC 4918 §18).
func (x *exam) class(want string) bool {
	for c := range strings.SplitSeq(x.classes, ",") {
		if strings.TrimSpace(c) == want {
			return true
		}
	}
	return false
}
