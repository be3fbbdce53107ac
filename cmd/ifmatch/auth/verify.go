package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// remembered is how long a verified password is taken without paying for its hash again, and
// maxRemembered how many of them.
const (
	remembered    = 5 * time.Minute
	maxRemembered = 4096
)

// Verifier compares passwords with the hashes of users. What was sent for a verified one is remembered for a while
// as a digest under a key of this process, with the hash that it was compared with: so a changed password is not
// remembered. Safe for concurrent use.
type Verifier struct {
	key   digest
	slots chan struct{} // bounds processor and memory that strangers can take

	mu    sync.RWMutex
	known map[digest]verified // guarded by mu
}

type digest [sha256.Size]byte

type verified struct {
	name, hash string
	until      time.Time
}

// NewVerifier makes one; parallel is how many passwords may be hashed at once.
func NewVerifier(parallel int) *Verifier {
	v := &Verifier{slots: make(chan struct{}, parallel), known: map[digest]verified{}}
	rand.Read(v.key[:])
	return v
}

// Known tells whose credentials these are, if that was verified a while ago. It is cheap: it need not know
// what the name and the password in them are.
func (v *Verifier) Known(u *Users, credentials string, now time.Time) (name string, ok bool) {
	d := v.digest(credentials)
	v.mu.RLock()
	k := v.known[d] // what is not known has expired long ago
	v.mu.RUnlock()
	if !now.Before(k.until) || u.hashes[k.name] != k.hash {
		return "", false
	}
	return k.name, true
}

// Verify tells whether this is the password of a user, and remembers the credentials in which both came. A
// name that does not exist takes as long as one that does. What has begun is ended though ctx ends: who leaves before
// the answer has tried a password all the same.
// Errors: that of ctx, when it ended in the queue, and nothing was compared.
func (v *Verifier) Verify(ctx context.Context, u *Users, credentials, name, password string, now time.Time) (bool, error) {
	h, exists := u.hashes[name]
	if !exists {
		if h = u.any; h == "" {
			return false, nil
		}
	}
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	ok := matches(h, password) && exists
	if ok {
		v.remember(credentials, verified{name, h, now.Add(remembered)})
	}
	return ok, nil
}

func (v *Verifier) remember(credentials string, k verified) {
	d := v.digest(credentials)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= maxRemembered {
		clear(v.known)
	}
	v.known[d] = k
}

// digest is text under our key. Nobody sees it, so it need not be more than a hash of both, and the buffer
// keeps it from allocating.
func (v *Verifier) digest(text string) digest {
	var buf [512]byte
	return sha256.Sum256(append(append(buf[:0], v.key[:]...), text...))
}
