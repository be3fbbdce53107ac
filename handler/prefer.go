package handler

import (
	"net/http"
	"strings"
)

// prefer is what the Prefer header field asks for, of what this server can do. RFC 7240, RFC 8144.
type prefer struct {
	minimal        bool // return=minimal
	representation bool // return=representation
	noRoot         bool // depth-noroot
}

// parsePrefer reads the Prefer lines; "Brief: t" is how Microsoft's clients say return=minimal.
func parsePrefer(h http.Header) prefer {
	p := prefer{minimal: strings.EqualFold(h.Get("Brief"), "t")}
	returns := false
	for pref := range strings.SplitSeq(joined(h["Prefer"]), ",") {
		pref, _, _ = strings.Cut(pref, ";") // parameters
		name, value, _ := strings.Cut(pref, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "return":
			if returns { // RFC 7240 §2: the first counts
				continue
			}
			returns = true
			value = strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`))
			p.minimal = p.minimal || value == "minimal"
			p.representation = value == "representation"
		case "depth-noroot":
			p.noRoot = true
		}
	}
	return p
}

// applied tells which preferences the answer honours. RFC 7240 §3.
func (p prefer) applied(w http.ResponseWriter) {
	switch {
	case p.minimal && p.noRoot:
		set(w, "Preference-Applied", "return=minimal, depth-noroot")
	case p.minimal:
		set(w, "Preference-Applied", "return=minimal")
	case p.noRoot:
		set(w, "Preference-Applied", "depth-noroot")
	}
}
