package handler

import "slices"

// asksForETag tells whether the header names a state of bytes, of whichever resource.
func (f *ifHeader) asksForETag() bool {
	return slices.ContainsFunc(f.lists, func(l ifList) bool {
		return slices.ContainsFunc(l.conds, func(c ifCondition) bool { return c.token == "" })
	})
}

// statesNamed are the Resource-Tags whose entity-tag is asked for.
func (f *ifHeader) statesNamed() (refs []string) {
	for _, l := range f.lists {
		if l.tag >= 0 && slices.ContainsFunc(l.conds, func(c ifCondition) bool { return c.token == "" }) {
			refs = append(refs, f.named[l.tag])
		}
	}
	return refs
}

// evaluate decides; state is asked once for each resource: "" is the one of the request, else a
// Resource-Tag.
func (f *ifHeader) evaluate(proxies bool, state func(tag string) ifState) bool {
	if !f.present {
		return true
	}
	states := make(map[int]ifState, 1)
	for _, l := range f.lists {
		s, known := states[l.tag]
		if !known {
			if l.tag < 0 {
				s = state("")
			} else {
				s = state(f.named[l.tag])
			}
			states[l.tag] = s
		}
		if l.holds(proxies, s) {
			return true
		}
	}
	return false
}

func (l *ifList) holds(proxies bool, s ifState) bool {
	for _, c := range l.conds {
		var is bool
		if c.token != "" {
			is = s.holds(c.token) // <DAV:no-lock> is never one of ours (RFC 4918 §10.4.8)
		} else {
			is = c.etag.StrongMatch(s.etag) || proxies && unproxied(c.etag).StrongMatch(s.etag)
		}
		if is == c.not {
			return false
		}
	}
	return true
}
