package main

import (
	"errors"
	"net/http"

	"ifmatch/cmd/ifmatch/client"
)

// exitCodes is the part of --help that scripts rely on.
const exitCodes = `
Exit codes: 0 done; 1 something failed; 2 the command line is wrong; 3 precondition failed:
the resource is not in the state that the write builds on, or that state is not known, and
nothing was written; 4 not found; 5 not allowed, or the login is wrong; 6 locked by somebody.`

// exitCode is what exitCodes says of an error.
func exitCode(err error) int {
	if _, ok := errors.AsType[*usageError](err); ok {
		return 2
	}
	if _, ok := errors.AsType[*client.Refusal](err); ok {
		return 3
	}
	answer, ok := errors.AsType[*client.StatusError](err)
	if !ok {
		return 1
	}
	switch answer.Status {
	case http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return 3
	case http.StatusNotFound, http.StatusGone:
		return 4
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return 5
	case http.StatusLocked:
		return 6
	}
	return 1
}
