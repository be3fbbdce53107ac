package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"path"
	"time"

	"ifmatch/handler/lock"
)

// Lock is a write lock as an operator sees it.
type Lock struct {
	ID    string    `json:"id"`
	Token string    `json:"token,omitempty"` // only for who asked
	Share string    `json:"share"`           // URL prefix; "" while nothing is served there
	Dir   string    `json:"dir"`             // what is served there
	Path  string    `json:"path"`            // of the URL, with the prefix, unescaped
	Depth string    `json:"depth"`           // 0 or infinity
	Scope string    `json:"scope"`           // exclusive or shared
	Owner string    `json:"owner"`           // what the client says, as text
	User  string    `json:"user"`            // who had logged in
	Ends  time.Time `json:"ends"`
}

// ID names a lock in the place of its token, which would let whoever reads it use the lock. The token cannot be
// found from it.
func ID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:6])
}

func (d Directory) listLocks(w http.ResponseWriter, r *http.Request) {
	locks := []Lock{}
	share := d.share()
	for _, l := range d.Locks.All(time.Now()) {
		told := d.tell(share, &l)
		if r.FormValue("tokens") != "" {
			told.Token = l.Token
		}
		locks = append(locks, told)
	}
	answer(w, locks)
}

func (d Directory) share() string {
	if shares := d.Shares(); len(shares) > 0 {
		return shares[0]
	}
	return ""
}

func (d Directory) tell(share string, l *lock.Lock) Lock {
	told := Lock{ID: ID(l.Token), Share: share, Dir: d.Dir, Path: path.Join("/", share, l.Root), Depth: "0", Scope: "exclusive",
		Owner: l.OwnerText(), User: l.User, Ends: l.Expires}
	if l.Infinite {
		told.Depth = "infinity"
	}
	if l.Shared {
		told.Scope = "shared"
	}
	return told
}

// breakLock ends a lock by its ID and answers with a list of it; one that has ended meanwhile is not in it.
func (d Directory) breakLock(w http.ResponseWriter, r *http.Request) {
	broken := []Lock{}
	for _, l := range d.Locks.All(time.Now()) {
		if ID(l.Token) != r.FormValue("id") {
			continue
		}
		err := d.Locks.Break(l.Token)
		if errors.Is(err, lock.ErrNoSuchLock) {
			continue
		}
		told := d.tell(d.share(), &l)
		if err != nil {
			d.Log.Error("break a lock", "path", told.Path, "err", err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		d.Log.Warn("a lock was broken", "by", r.Context().Value(peerKey{}).(peer).name, "path", told.Path, "dir", told.Dir, "id", told.ID,
			"user", told.User, "owner", told.Owner, "scope", told.Scope, "depth", told.Depth)
		broken = append(broken, told)
	}
	answer(w, broken)
}
