package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// remembered is how long a verified password is taken without paying for its hash again, and
// maxRemembered how many of them.
const (
	remembered    = 5 * time.Minute
	maxRemembered = 4096
)

// Verifier compares passwords with the hashes of users. Verified ones are remembered for a while as digests under a
// key of this process; the hash is part of the digest, so a changed password is not remembered.
// Safe for concurrent use.
type Verifier struct {
	macs  sync.Pool     // of hash.Hash, keyed
	slots chan struct{} // bounds processor and memory that strangers can take
	same  singleflight.Group

	mu    sync.RWMutex
	until map[digest]time.Time // guarded by mu
}

type digest [sha256.Size]byte

// NewVerifier makes one; parallel is how many passwords may be hashed at once.
func NewVerifier(parallel int) *Verifier {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	v := &Verifier{slots: make(chan struct{}, parallel), until: map[digest]time.Time{}}
	v.macs.New = func() any { return hmac.New(sha256.New, key) }
	return v
}

// Known tells whether this is the password of a user that was verified a while ago. It is cheap.
func (v *Verifier) Known(u *Users, name, password string, now time.Time) bool {
	h := u.hashes[name]
	if h == "" {
		return false
	}
	d := v.digest(name, h, password)
	v.mu.RLock()
	until, ok := v.until[d]
	v.mu.RUnlock()
	return ok && now.Before(until)
}

// Verify tells whether this is the password of a user, and remembers it. A name that does not exist
// takes as long as one that does.
// Errors: that of ctx, when it ended in the queue.
func (v *Verifier) Verify(ctx context.Context, u *Users, name, password string, now time.Time) (bool, error) {
	h, exists := u.hashes[name]
	if !exists {
		if h = u.any; h == "" {
			return false, nil
		}
	}
	d := v.digest(name, h, password)
	answer := v.same.DoChan(string(d[:]), func() (any, error) {
		v.slots <- struct{}{}
		defer func() { <-v.slots }()
		ok := matches(h, password) && exists
		if ok {
			v.remember(d, now)
		}
		return ok, nil
	})
	select {
	case a := <-answer:
		return a.Val.(bool), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (v *Verifier) remember(d digest, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.until) >= maxRemembered {
		clear(v.until)
	}
	v.until[d] = now.Add(remembered)
}

func (v *Verifier) digest(name, h, password string) (d digest) {
	text := make([]byte, 0, 192) // names and hashes hold no NUL, so no two triples look the same
	text = append(append(text, name...), 0)
	text = append(append(text, h...), 0)
	text = append(text, password...)
	mac := v.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(text)
	mac.Sum(d[:0])
	v.macs.Put(mac)
	return d
}
