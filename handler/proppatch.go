package handler

import (
	"encoding/xml"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/webdav"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
)

// proppatch sets and removes properties in document order, all of them or none. RFC 4918 §9.2.
func (h *Handler) proppatch(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	write, err := h.check(r, t)
	if err != nil {
		return err
	}
	write.Check = mapped(write.Check)
	cur, err := h.early(r, t, write)
	if err != nil {
		return err
	}
	doc, err := readXMLBody(r)
	if err != nil {
		return err
	}
	changes, err := parsePropertyUpdate(doc)
	if err != nil {
		return err
	}
	p := h.planPatch(changes)
	if p.failed == 0 {
		if cur, err = h.patch(r, t, write, p); err != nil {
			return err
		}
	}
	h.tellSlash(w, t, cur)
	prefer := parsePrefer(r.Header)
	prefer.noRoot = false
	if prefer.minimal && p.failed == 0 {
		prefer.applied(w) // RFC 8144 §2.2: all is well, and no more to say
		set(w, "Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	m := newMultistatus(w, nil)
	defer m.close()
	m.response(h.href(t.name, cur.IsCollection()))
	m.buf = p.appendPropstats(m.buf)
	m.endResponse()
	return m.end()
}

// mapped adds to a Check that the URL must be mapped. Otherwise it is 404 whatever the preconditions say (RFC 9110 §13.2.1):
// whoever repeats a DELETE whose answer was lost learns that it is done.
func mapped(check etagfs.Check) etagfs.Check {
	return func(cur *etagfs.Info) error {
		if cur == nil {
			return errNoResource
		}
		return check(cur)
	}
}

// patch carries out p under the latch. What one property fails with, the others fail with 424.
func (h *Handler) patch(r *http.Request, t target, write etagfs.Write, p *patchPlan) (*etagfs.Info, error) {
	var before *etagfs.Info
	var intent *state.Intent
	write.Then = func(now *etagfs.Info) (err error) {
		before = copied(now)
		if p.modTime.IsZero() {
			return h.state.Patch(now.Name, p.ops)
		}
		intent, err = h.state.Stamp(now.Name, p.ops, now.Identity, p.modTime)
		return err
	}
	write.Back = func() { intent.TakeBack() }
	info, err := h.fs.Update(r.Context(), t.name, p.modTime, write)
	_, made := errors.AsType[*etagfs.AfterError](err)
	switch {
	case err == nil:
		intent.Stamped()
		return info, nil
	case !made && (errors.Is(err, state.ErrTooLarge) || errors.Is(err, fs.ErrNoSpace)):
		p.fail(func(c *propChange) bool { return !c.remove }, webdav.StatusInsufficientStorage)
		return before, nil
	}
	return nil, err
}

// patchPlan is what the instructions of a PROPPATCH or MKCOL come to.
type patchPlan struct {
	changes  []propChange
	statuses []int      // of each; 0: it would be done
	ops      []state.Op // for the store
	modTime  time.Time  // to be set; zero: none
	failed   int        // first status of what cannot be done
}

func (h *Handler) planPatch(changes []propChange) *patchPlan {
	p := &patchPlan{changes: changes, statuses: make([]int, len(changes))}
	for i := range changes {
		c := &changes[i]
		p.statuses[i] = p.plan(c, h.state.TooLarge)
		if p.failed == 0 {
			p.failed = p.statuses[i]
		}
	}
	return p
}

// plan returns the status that one instruction fails with by itself, or 0. RFC 4918 §9.2.1.
func (p *patchPlan) plan(c *propChange, tooLarge func(state.Op) bool) (status int) {
	if _, live := livePropByName[c.name]; live && !settableProps[c.name] {
		return http.StatusForbidden
	}
	if c.value.tooLarge {
		return webdav.StatusInsufficientStorage
	}
	switch {
	case c.name == lastModifiedProp:
		if !c.remove {
			return p.stamp(c.value.text, parseSeconds)
		}
		return 0 // never kept
	case state.Name(c.name) == win32LastModified && !c.remove:
		if status := p.stamp(c.value.text, http.ParseTime); status != 0 {
			return status
		}
	case state.Name(c.name) == state.ContentLanguage && !c.remove:
		if _, ok := languages(c.value.xml); !ok {
			return http.StatusConflict
		}
	}
	op := state.Op{Name: state.Name(c.name)}
	if !c.remove {
		op.XML = c.value.xml
	}
	if tooLarge(op) {
		return webdav.StatusInsufficientStorage
	}
	p.ops = append(p.ops, op)
	return 0
}

// lastModifiedProp is how rclone and others set the modification time at ownCloud and Nextcloud.
var lastModifiedProp = xml.Name{Space: nsDAV, Local: "lastmodified"}

// stamp notes the modification time to set. A value that says none is 409.
func (p *patchPlan) stamp(text string, parse func(string) (time.Time, error)) (status int) {
	t, err := parse(strings.TrimSpace(text))
	if err != nil || !keepsTime(t) {
		return http.StatusConflict
	}
	p.modTime = t
	return 0
}

// keepsTime tells whether t can be a modification time: file systems begin with what seconds in 32 bits can hold, and set that
// for what is earlier; nanoseconds in 64 bits end in 2262.
func keepsTime(t time.Time) bool { return t.Unix() >= math.MinInt32 && t.Year() <= 2261 }

// parseSeconds reads seconds since 1970, or an HTTP-date.
func parseSeconds(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 40); err == nil {
		return time.Unix(n, 0), nil
	}
	return http.ParseTime(text)
}

// statusResourceType is 403 for a DAV:resourcetype that MKCOL cannot make.
const statusResourceType = -http.StatusForbidden

// fail gives a status to the instructions that which picks.
func (p *patchPlan) fail(which func(*propChange) bool, status int) {
	p.failed = status
	for i := range p.changes {
		if which(&p.changes[i]) {
			p.statuses[i] = status
		}
	}
}

// appendPropstats appends one DAV:propstat for each status: 200 for all, or what they failed with and 424
// for those that would have been done. A property that is named twice is told of once.
func (p *patchPlan) appendPropstats(dst []byte) []byte {
	status := make(map[xml.Name]int, len(p.changes))
	for i, c := range p.changes {
		if s, ok := status[c.name]; !ok || s == 0 {
			status[c.name] = p.statuses[i]
		}
	}
	for _, group := range []struct {
		status int
		dav    string
	}{
		{0, ""},
		{http.StatusForbidden, "<D:cannot-modify-protected-property/>"},
		{statusResourceType, "<D:valid-resourcetype/>"},
		{http.StatusConflict, ""},
		{webdav.StatusInsufficientStorage, ""},
	} {
		begun := false
		for _, c := range p.changes {
			if s, ok := status[c.name]; !ok || s != group.status {
				continue
			}
			delete(status, c.name)
			if !begun {
				begun = true
				dst = append(dst, propstatOpen...)
			}
			dst = appendEmpty(dst, c.name.Space, c.name.Local)
		}
		if !begun {
			continue
		}
		code := group.status
		switch {
		case code == statusResourceType:
			code = http.StatusForbidden
		case code == 0 && p.failed == 0:
			code = http.StatusOK
		case code == 0:
			code = webdav.StatusFailedDependency
		}
		dst = appendStatus(append(dst, "</D:prop>"...), code)
		dst = append(appendError(dst, group.dav, ""), "</D:propstat>"...)
	}
	return dst
}
