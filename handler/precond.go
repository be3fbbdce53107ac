package handler

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ifmatch/etagfs"
)

// preconditions are the conditional header fields of one request (RFC 9110 §13.1), parsed once.
type preconditions struct {
	ifMatch           tagList
	ifNoneMatch       tagList
	ifUnmodifiedSince date
	ifModifiedSince   date
	proxies           bool // accept tags as proxies respell them
}

// date is an HTTP-date in seconds since 1970. A malformed one is as good as absent: §13.1.3, §13.1.4.
type date struct {
	ok   bool
	unix int64
}

// errNotModified is the answer 304 of GET and HEAD.
var errNotModified = errors.New("not modified")

// refusal is a precondition that is false for the current state: 412.
type refusal struct {
	field string // the header field that decided
	cur   *etagfs.Info
	say   string
	final bool // also if the state becomes another one, or is what the request wants
}

func (e *refusal) Error() string { return e.field + " is false" }

func parsePreconditions(h http.Header, proxies bool) preconditions {
	return preconditions{
		ifMatch:           parseTagList(h["If-Match"]),
		ifNoneMatch:       parseTagList(h["If-None-Match"]),
		ifUnmodifiedSince: parseDate(h["If-Unmodified-Since"]),
		ifModifiedSince:   parseDate(h["If-Modified-Since"]),
		proxies:           proxies,
	}
}

// parseDate reads an HTTP-date (RFC 9110 §5.6.7). The field has one value; two lines are malformed.
func parseDate(lines []string) date {
	if len(lines) != 1 {
		return date{}
	}
	t, err := http.ParseTime(lines[0])
	if err != nil {
		return date{}
	}
	return date{ok: true, unix: t.Unix()}
}

// any tells whether the client said something about the state it expects. A malformed If-None-Match
// says nothing; a malformed If-Match is false.
func (p *preconditions) any() bool {
	n := &p.ifNoneMatch
	return p.ifMatch.present || p.ifUnmodifiedSince.ok || n.star || len(n.tags) > 0
}

// exact tells whether the request names the state that it is willing to change, so that the change must
// be safe against programs beside the server, too. "If-Match: *" names it as one that exists.
func (p *preconditions) exact() bool {
	return p.ifMatch.present || p.ifUnmodifiedSince.ok
}

// tagged tells whether the entity-tag of the current state is needed to decide.
func (p *preconditions) tagged() bool {
	return p.ifMatch.present && !p.ifMatch.star || len(p.ifNoneMatch.tags) > 0
}

// evaluate decides for the current state (nil: unmapped) in the order of RFC 9110 §13.2.2. It returns
// nil to go on, errNotModified, or a *refusal. RFC 9110 §13.1.1 to §13.1.4.
func (p *preconditions) evaluate(method string, cur *etagfs.Info) error {
	reads := method == http.MethodGet || method == http.MethodHead
	if p.ifMatch.present {
		if say := p.failsIfMatch(cur); say != "" {
			return &refusal{field: "If-Match", say: say, cur: copied(cur), final: p.ifMatch.malformed}
		}
	} else if p.ifUnmodifiedSince.ok {
		if say := p.failsIfUnmodifiedSince(cur); say != "" {
			return &refusal{field: "If-Unmodified-Since", say: say, cur: copied(cur)}
		}
	}
	if p.ifNoneMatch.present {
		if !p.failsIfNoneMatch(cur) {
			return nil
		}
		if reads {
			return errNotModified
		}
		say := "Something is mapped to this URL already."
		if !p.ifNoneMatch.star {
			say = "The current state is one of those that If-None-Match excludes."
		}
		return &refusal{field: "If-None-Match", say: say, cur: copied(cur)}
	}
	// A collection's page is no function of its mtime, so its listing is never "not modified".
	if reads && p.ifModifiedSince.ok && cur != nil && !cur.IsCollection() && unmodifiedAt(cur, p.ifModifiedSince.unix) {
		return errNotModified
	}
	return nil
}

// unmodifiedAt tells whether a representation is as it was at that second. Programs and clients set modification times back
// (touch -r, X-OC-Mtime), and a 304 would then hide other bytes; the inode tells. So a file whose time is older than its last
// change is sent each time to who knows that time alone, which costs time and nothing else.
//
// BUG(handler): two states of one second, or of commitSeconds when the time was put back, have one date: who asks by it alone may
// get 304 for the second of them (RFC 9110 §8.8.2.2).
func unmodifiedAt(cur *etagfs.Info, unix int64) bool {
	return seconds(cur) <= unix && cur.Ctime/1e9 <= unix+commitSeconds
}

// failsIfMatch says why If-Match is false, or nothing when it is true.
func (p *preconditions) failsIfMatch(cur *etagfs.Info) string {
	l := &p.ifMatch
	switch {
	case l.malformed && strings.Trim(l.raw, " \t,") == "":
		return `If-Match is empty: it names entity-tags in double quotes, as in If-Match: "tag".`
	case l.malformed:
		return fmt.Sprintf(`If-Match: %s is malformed: entity-tags stand in double quotes, as in If-Match: "tag".`, clip(l.raw))
	case cur == nil:
		return "Nothing is mapped to this URL, so it has no state that could match."
	case l.star || l.strong(cur.Tag, p.proxies):
		return ""
	case cur.Same:
		return "" // what the request wants is the case already: §13.1.1
	case l.weak(cur.Tag, p.proxies):
		return "If-Match needs a strong entity-tag; a weak one matches nothing."
	}
	return "The resource has changed since the state that you named."
}

// failsIfUnmodifiedSince compares whole seconds, since HTTP-dates have no more.
//
// Of a collection it says whether members came, went or were renamed, since that moves its own times; what
// members hold is not in them. DELETE and MOVE hold off every other request on the collection and below
// it from the check to the step, so among requests this much is exact, and so is what an If header says of
// members by tagged lists. What a program beside the server does below the collection in that time
// goes with it.
//
// BUG(handler): two changes within one second have one Last-Modified, so a client that saves by date
// alone can lose the first of them (RFC 9110 §8.8.2.2). Entity-tags have no such gap.
func (p *preconditions) failsIfUnmodifiedSince(cur *etagfs.Info) string {
	switch {
	case cur == nil:
		return "Nothing is mapped to this URL, so it has no state that could match."
	case seconds(cur) == p.ifUnmodifiedSince.unix:
		return ""
	case seconds(cur) > p.ifUnmodifiedSince.unix, cur.Ctime/1e9 > p.ifUnmodifiedSince.unix:
		// Programs and clients set modification times back (rsync -t, X-OC-Mtime); the inode tells.
		return "The resource has changed since the date that you named."
	}
	return ""
}

func (p *preconditions) failsIfNoneMatch(cur *etagfs.Info) bool {
	return cur != nil && (p.ifNoneMatch.star || p.ifNoneMatch.weak(cur.Tag, p.proxies))
}

// ifRange tells whether a Range counts: true without If-Range, else when its validator is the current
// one. Tags compare strongly; a date must be equal, must not be of the running second, in which
// another change could still follow, and must be that of the last change: two contents can have one date that
// somebody chose (touch -r, X-OC-Mtime), and parts of both are no file (RFC 9110 §13.1.5, §8.8.2.2).
func ifRange(lines []string, cur *etagfs.Info, now time.Time) bool {
	if len(lines) == 0 {
		return true
	}
	if len(lines) > 1 {
		return false
	}
	if tag, rest, ok := parseETag(lines[0]); ok {
		return rest == "" && tag.StrongMatch(cur.Tag)
	}
	d := parseDate(lines)
	return d.ok && d.unix == seconds(cur) && now.Unix() > d.unix && unmodifiedAt(cur, d.unix)
}

// commitSeconds is how much later than its modification time a file may have been changed, for both to be one change:
// the content is stamped, then made durable, and then gets its name.
const commitSeconds = 60

// seconds is Last-Modified as far as an HTTP-date can tell it.
func seconds(i *etagfs.Info) int64 { return i.ModTime().Unix() }

// copied keeps a state beyond the call that lent it.
func copied(i *etagfs.Info) *etagfs.Info {
	if i == nil {
		return nil
	}
	c := *i
	return &c
}

// clip shortens what a client sent for showing it again.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}
