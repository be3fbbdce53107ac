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

// parseDepth reads a Depth; without one it is infinity. Which of them a method takes for a collection it says itself; of
// what has no members, all mean the same (RFC 4918 §10.2).
func parseDepth(lines []string) (depth, error) {
	switch strings.ToLower(strings.TrimSpace(joined(lines))) {
	case "infinity", "":
		return depthInfinity, nil
	case "1":
		return depthOne, nil
	case "0":
		return depthZero, nil
	}
	return 0, &statusError{status: http.StatusBadRequest, say: "Depth is neither 0 nor 1 nor infinity."}
}

// propfindDepth reads the Depth header field of a PROPFIND. Microsoft's clients add ",noroot" (RFC 8144 §4 is the same as a
// preference).
func propfindDepth(lines []string) (d depth, noRoot bool, err error) {
	v := strings.ToLower(strings.TrimSpace(joined(lines)))
	if before, ok := strings.CutSuffix(v, "noroot"); ok {
		v, noRoot = strings.TrimRight(before, ", "), true
	}
	d, err = parseDepth([]string{v})
	return d, noRoot, err
}

func badDepth(allowed string) error {
	return &statusError{status: http.StatusBadRequest, say: "Depth must be " + allowed + " here."}
}
