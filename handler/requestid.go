package handler

import (
	"math/rand/v2"
	"net/http"
	"strings"
)

// requestIDField carries the id of a request. No RFC has it; proxies and log collectors agree on the name.
const requestIDField = "X-Request-Id"

// RequestID is what a request is called in the log, in the answer and by whoever asks about it: the id that a
// trusted proxy gave it, else a new one. Ids tell apart the requests that one person can mean; they are no secret.
func RequestID(r *http.Request, trusted func(*http.Request) bool) string {
	if given := r.Header[requestIDField]; len(given) == 1 && goodID(given[0]) && trusted != nil && trusted(r) {
		return given[0]
	}
	return newID()
}

// idDigits leave out letters that people mistake for digits or for each other.
const idDigits = "0123456789abcdefghjkmnpqrstvwxyz"

// newID is ten digits, 50 bits: among a million requests two are alike once in two thousand logs.
func newID() string {
	var id [10]byte
	n := rand.Uint64()
	for i := range id {
		id[i] = idDigits[n%32]
		n /= 32
	}
	return string(id[:])
}

// goodID tells whether an id can stand in a log and be read out: UUIDs, hex and the like.
func goodID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:=+/@") == ""
}

// quoting is e with the sentence in the body of a 5xx by which a person can ask whoever runs the server.
func (e *statusError) quoting(id string) *statusError {
	quoted := *e
	quoted.say += " To ask about it, quote this request id: " + id + "."
	return &quoted
}
