package handler

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ifmatch/etagfs"
)

// rangeOf returns the request as http.ServeContent shall see it: without preconditions, and with a Range
// only when it counts. It is that of a GET: a HEAD, for which Range is not defined (RFC 9110 §14.2), is answered before.
func (h *Handler) rangeOf(r *http.Request, cur *etagfs.Info) (*http.Request, error) {
	lines := r.Header["Range"]
	if len(lines) == 0 && !conditional(r.Header) {
		return r, nil
	}
	seen := &http.Request{Method: r.Method, Header: http.Header{}}
	if len(lines) == 0 || !ifRange(r.Header["If-Range"], cur, h.opts.Now()) {
		return seen, nil
	}
	set, ok := parseRange(joined(lines))
	if !ok || cur.SizeBytes == 0 { // of nothing there is no part that Content-Range could name (§14.4)
		return seen, nil
	}
	if set = satisfiable(set, cur.SizeBytes); len(set) == 0 {
		header := h.validators(cur)
		header["Content-Range"] = []string{"bytes */" + strconv.FormatInt(cur.SizeBytes, 10)}
		return nil, &statusError{status: http.StatusRequestedRangeNotSatisfiable, header: header,
			say: fmt.Sprintf("The representation has %d bytes; the range begins after its end.", cur.SizeBytes)}
	}
	seen.Header["Range"] = []string{"bytes=" + strings.Join(set, ",")}
	return seen, nil
}

// conditional tells whether net/http would find something to evaluate again. It is not told the date that others speak of, and
// If-Range is nothing to it without Range.
func conditional(h http.Header) bool { return h["If-Match"] != nil || h["If-None-Match"] != nil }

// maxRanges in one request. More are ignored, as a client that needs them is better off with it all.
const maxRanges = 256

// parseRange reads a ranges-specifier of bytes (RFC 9110 §14.1.2) into its range-specs. Other units
// must be ignored and malformed ones may be (§14.2): not ok, and the whole representation is sent.
func parseRange(v string) (specs []string, ok bool) {
	unit, list, found := strings.Cut(v, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, false
	}
	for spec := range strings.SplitSeq(list, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // RFC 9110 §5.6.1.2: empty elements do not count
		}
		// Clients that send a Range line for each range repeat the unit.
		if i := len("bytes="); len(specs) > 0 && len(spec) > i && strings.EqualFold(spec[:i], "bytes=") {
			spec = spec[i:]
		}
		first, last, ok := bounds(spec)
		if !ok || len(specs) == maxRanges {
			return nil, false
		}
		specs = append(specs, digits(first)+"-"+digits(last))
	}
	return specs, len(specs) > 0
}

// bounds of one range-spec; -1 stands for what is left out.
func bounds(spec string) (first, last int64, ok bool) {
	a, b, found := strings.Cut(spec, "-")
	first, okFirst := position(a)
	last, okLast := position(b)
	if !found || !okFirst || !okLast || first < 0 && last < 0 || first >= 0 && last >= 0 && last < first {
		return 0, 0, false
	}
	return first, last, true
}

// position is digits, or nothing. A number too large for us is behind every end (RFC 9110 §14.1.2).
func position(s string) (n int64, ok bool) {
	if s == "" {
		return -1, true
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, _ = strconv.ParseInt(s, 10, 64) // the largest, when it is out of range
	return n, true
}

// digits is what position reads.
func digits(n int64) string {
	if n < 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// satisfiable are the range-specs that select a byte. ServeContent would send "-0" as a part, too.
func satisfiable(specs []string, size int64) []string {
	return slices.DeleteFunc(specs, func(s string) bool {
		first, last, _ := bounds(s)
		return first >= size || first < 0 && last == 0
	})
}
