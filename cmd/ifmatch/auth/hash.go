package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// argon parameters as RFC 9106 §4 recommends where memory is scarce: 64 MiB, three passes, four lanes.
const (
	argonKiB    = 64 << 10
	argonPasses = 3
	argonLanes  = 4
)

var errHash = errors.New("neither a bcrypt nor an argon2id hash")

// Bcrypt hashes a password; 12 makes a guess cost a quarter of a second.
// Errors: for a password over 72 bytes, of which bcrypt would ignore the rest.
func Bcrypt(password []byte) (string, error) {
	h, err := bcrypt.GenerateFromPassword(password, 12)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", errors.New("bcrypt takes at most 72 bytes; choose argon2id for longer passwords")
	}
	return string(h), err
}

// Argon2id hashes a password of any length. RFC 9106.
func Argon2id(password []byte) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	key := argon2.IDKey(password, salt, argonPasses, argonKiB, argonLanes, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonKiB, argonPasses, argonLanes, b64(salt), b64(key))
}

func checkHash(hash string) error {
	if strings.HasPrefix(hash, "$argon2id$") {
		_, err := parseArgon(hash)
		return err
	}
	if _, err := bcrypt.Cost([]byte(hash)); err != nil {
		return errHash
	}
	return nil
}

// matches tells whether password has the hash; it takes its time.
func matches(hash, password string) bool {
	if !strings.HasPrefix(hash, "$argon2id$") {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	a, err := parseArgon(hash)
	if err != nil {
		return false
	}
	key := argon2.IDKey([]byte(password), a.salt, a.passes, a.kib, a.lanes, uint32(len(a.key)))
	return subtle.ConstantTimeCompare(key, a.key) == 1
}

type argon struct {
	kib, passes uint32
	lanes       uint8
	salt, key   []byte
}

// parseArgon reads the usual text form. What it accepts is bounded, since argon2 panics on nonsense and
// would take whatever memory a hash asks for.
func parseArgon(hash string) (a argon, err error) {
	parts := strings.Split(hash, "$")
	var version int
	if len(parts) != 6 {
		return a, errHash
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return a, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.kib, &a.passes, &a.lanes); err != nil {
		return a, errHash
	}
	if a.kib > 1<<20 || a.passes < 1 || a.passes > 64 || a.lanes < 1 {
		return a, errors.New("argon2id beyond 1 GiB or 64 passes")
	}
	if a.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return a, errHash
	}
	if a.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(a.key) < 16 || len(a.key) > 64 {
		return a, errHash
	}
	return a, nil
}
