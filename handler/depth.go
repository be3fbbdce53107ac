package handler

import (
	"net/http"
	"strings"
)

// depth is the value of the Depth header field. RFC 4918 §10.2.
type depth int

const (
	depthZero depth = iota
	depthOne
	depthInfinity
)

// parseDepth reads the Depth of a method that acts on a resource alone or with all its members, which it does without one:
// RFC 4918 §9.8.3 (COPY), §9.10.3 (LOCK). A MOVE takes all members along (§9.9.2); clients send 0 with files, where it
// means the same. allowed is what the method takes, for the answer.
func parseDepth(lines []string, allowed string) (depth, error) {
	switch strings.ToLower(strings.TrimSpace(joined(lines))) {
	case "infinity", "":
		return depthInfinity, nil
	case "0":
		return depthZero, nil
	}
	return 0, badDepth(allowed)
}

// propfindDepth reads the Depth header field of a PROPFIND; without one it is infinity. Microsoft's
// clients add ",noroot" (RFC 8144 §4 is the same as a preference).
func propfindDepth(lines []string) (d depth, noRoot bool, err error) {
	v := strings.ToLower(strings.TrimSpace(joined(lines)))
	if before, ok := strings.CutSuffix(v, "noroot"); ok {
		v, noRoot = strings.TrimRight(before, ", "), true
	}
	if v == "1" {
		return depthOne, noRoot, nil
	}
	d, err = parseDepth([]string{v}, "0, 1 or infinity")
	return d, noRoot, err
}

func badDepth(allowed string) error {
	return &statusError{status: http.StatusBadRequest, say: "Depth must be " + allowed + " here."}
}
