// Package auth knows who may log in and who may do what: users and their passwords, rules, and how often
// somebody may fail.
//
// It promises that a password is compared in the time of its hash whether or not the user exists, that
// a verified one costs a keyed digest for a short while instead, and that neither passwords nor anything
// from which one could be found is kept in memory. It does not know HTTP.
//
// Entry points: [ReadUsers], [Verifier], [Rules], [Throttle].
package auth

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Users are the names and password hashes of a file with one user a line, "name:hash", as htpasswd
// writes it. It does not change, and is safe for concurrent use.
type Users struct {
	hashes map[string]string
	any    string // the hash of somebody, for names that do not exist
}

// names of users stand in paths and logs, so they are plain.
var names = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$`)

// GoodName tells whether name can be a user's. What it accepts is a single, visible segment of a path.
func GoodName(name string) bool { return names.MatchString(name) && name != Anonymous }

// NameRule says what GoodName accepts.
const NameRule = "up to 64 letters, digits and . _ @ + -, the first one a letter, a digit or _; not anonymous"

// ReadUsers reads a file of users.
// Errors: what os.ReadFile says; one that names the line that is no user with a hash we know.
func ReadUsers(file string) (*Users, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	u := &Users{hashes: map[string]string{}}
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\uFEFF"), "\n") { // as editors on Windows begin a file
		n := i + 1
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, colon := strings.Cut(line, ":")
		hash, _, _ = strings.Cut(hash, ":") // some programs add a comment
		switch {
		case !colon: // without what it is, since that may be a password
			return nil, fmt.Errorf("%s:%d: the line is not of the form name:hash", file, n)
		case !GoodName(name):
			return nil, fmt.Errorf("%s:%d: %q is not a valid user name; accepted: %s", file, n, name, NameRule)
		case u.hashes[name] != "":
			return nil, fmt.Errorf("%s:%d: %s is there twice", file, n, name)
		}
		if err := checkHash(hash); err != nil {
			return nil, fmt.Errorf("%s:%d: the password of %s: %w; set it with ifmatch passwd", file, n, name, err)
		}
		u.hashes[name], u.any = hash, hash
	}
	return u, nil
}

// Has tells whether a user exists.
func (u *Users) Has(name string) bool { return u != nil && u.hashes[name] != "" }

// Len is how many there are.
func (u *Users) Len() int {
	if u == nil {
		return 0
	}
	return len(u.hashes)
}
