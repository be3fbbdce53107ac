// Package lock is the table of write locks of RFC 4918 §6-7.
//
// It promises that no two conflicting locks are ever granted, that a lock counts until the instant it
// expires and not after it, also across restarts, and that [Table.Permit] knows every lock that a
// change needs. It knows nothing of HTTP: names are real names inside the tree, and time is given
// to each call. Questions cost one atomic load where there is no lock at all, and otherwise no
// more than the depth of the name, that of each symbolic link on the way to it, and the locks found.
//
// Entry points: [New], [Table.Create], [Table.Permit].
package lock

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/webdav"
)

// Sentinels that callers branch on.
var (
	ErrNoSuchLock = webdav.ErrNoSuchLock                             // unknown, or ended
	ErrNotHolder  = errors.New("the lock belongs to somebody else")  // RFC 4918 §6.4
	ErrOutOfScope = errors.New("the lock does not cover this name")  // RFC 4918 §9.11
	ErrTooMany    = errors.New("more locks than this server grants") // Options.Max, MaxTogether, MaxBytes
)

// Lock is a write lock. Values are copies; Owner is shared and not to be changed.
type Lock struct {
	Token     string        // a urn:uuid: URI, different for each lock ever granted (RFC 4918 §6.5)
	Root      string        // real name it was granted for
	Asked     string        // name that it was asked for by, where symbolic links led from that to Root; else ""
	Links     []string      // real names of those links, which the lock guards as it does Root
	Shared    bool          // RFC 4918 §6.2; else exclusive
	Infinite  bool          // Depth infinity: also for all members, now and later; else for Root only
	Owner     []byte        // what the client wants others to read: content of DAV:owner, verbatim XML
	OwnerLang string        // its xml:lang; "": none
	User      string        // principal that may use it; "" anybody who knows the token (RFC 4918 §6.4)
	Timeout   time.Duration // granted with the last LOCK; it ends at Expires
	Expires   time.Time
	Making    bool   // the resource that comes with it may not be there yet: see Made
	MakingIn  uint64 // Options.Tree then
}

// Place is where a URL leads: to a real name, perhaps through symbolic links. A link is a member of the collection that
// it is in, and so is what a URL through it means. What is not asked for by a URL has no Way.
type Place struct {
	Name string
	Way  []string // real names of the links that were followed
}

// Place is where the URL that was locked led to.
func (l *Lock) Place() Place { return Place{l.Root, l.Links} }

// covers tells whether p is in the scope of the lock: its name is, or the lock is one of a collection with all members
// that a link on the way is in. RFC 4918 §6.1, §7.
func (l *Lock) covers(p Place) bool {
	return slices.ContainsFunc(l.roots(), func(root string) bool {
		return p.Name == root || l.Infinite && (below(p.Name, root) ||
			slices.ContainsFunc(p.Way, func(link string) bool { return below(link, root) }))
	})
}

// roots are what the lock is on: the URL that was locked is that of the links as well, which would lead elsewhere without them.
func (l *Lock) roots() []string { return append(l.Links[:len(l.Links):len(l.Links)], l.Root) }

// bytes is what clients make a lock take.
func (l *Lock) bytes() (n int) {
	for _, root := range l.roots() {
		n += len(root)
	}
	return n + len(l.Asked) + len(l.Owner) + len(l.OwnerLang)
}

// usable tells whether user may use the lock.
func (l *Lock) usable(user string) bool { return l.User == "" || l.User == user }

// below tells whether name is a member, direct or not, of dir.
func below(name, dir string) bool {
	if dir == "/" {
		return name != "/"
	}
	return len(name) > len(dir) && name[len(dir)] == '/' && strings.HasPrefix(name, dir)
}

// ConflictError says which locks stand against a new one (RFC 4918 §6.1, §9.10.6).
type ConflictError struct {
	Roots []string // roots of the conflicting locks, sorted, each once
}

func (e *ConflictError) Error() string {
	return "conflicts with locks on " + strings.Join(e.Roots, ", ")
}

// LockedError says which locks have no submitted token (RFC 4918 §7, §16 lock-token-submitted).
type LockedError struct {
	Roots []string // sorted, each once
}

func (e *LockedError) Error() string {
	return "no token submitted for locks on " + strings.Join(e.Roots, ", ")
}

// newToken makes a random UUID (RFC 9562 §5.4) as a URI.
func newToken() string {
	var u [16]byte
	rand.Read(u[:])
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// until is an instant of the wall clock: a lock ends then, whether the machine sleeps or the server is
// restarted meanwhile.
func until(now time.Time, timeout time.Duration) time.Time { return now.Round(0).Add(timeout) }
