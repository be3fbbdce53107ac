package handler

import (
	"net/http"
	"path"
	"strings"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
)

// What a COPY or MOVE reads from its header, and what it answers.

// overwrites reads the Overwrite header field; without one it is T. RFC 4918 §10.6.
func overwrites(lines []string) (bool, error) {
	switch strings.TrimSpace(joined(lines)) {
	case "", "T", "t":
		return true, nil
	case "F", "f":
		return false, nil
	}
	return false, &statusError{status: http.StatusBadRequest, say: "Overwrite must be T or F."}
}

// destinationName resolves links as far as the step will: a MOVE acts on a link itself.
func (x *transfer) destinationName() (string, error) {
	resolve := x.there.fs.Real
	if x.step == state.Move {
		resolve = x.there.realParent
	}
	to, err := resolve(x.dst.name)
	if isUnmapped(err) {
		return x.dst.name, nil // a parent is missing; early tells
	}
	return to, err
}

// realParent resolves the links in all but the last segment.
func (h *Handler) realParent(name string) (string, error) {
	real, _, err := h.wayOfParent(name)
	return real, err
}

// wayOfParent is realParent with the links.
func (h *Handler) wayOfParent(name string) (real string, links []string, err error) {
	if name == "/" {
		return name, nil, nil
	}
	dir, links, err := h.fs.Way(path.Dir(name))
	return path.Join(dir, path.Base(name)), links, err
}

// memberError is a member that could not be copied.
type memberError struct {
	name string // real name of the source
	err  error
}

// maxMemberErrors bounds how many failures an answer tells one by one.
const maxMemberErrors = 1000

// fail notes a member that could not be copied.
func (x *transfer) fail(name string, err error) {
	if len(x.failed) == maxMemberErrors {
		x.more++
		return
	}
	x.failed = append(x.failed, memberError{name, err})
}

// answer is 201 or 204 with the validators of what is at the destination now, or 207 where members differ.
func (x *transfer) answer(w http.ResponseWriter, info *etagfs.Info, created bool, err error) error {
	if err != nil {
		x.intent.Abandon()
		return err
	}
	x.there.writers.wrote(info, x.h.writerOf(x.r))
	x.there.overwritten(x.r, x.before)
	if len(x.failed) > 0 {
		x.there.setStored(w, x.dst.name, info, created)
		return x.answerMembers(w)
	}
	x.there.stored(w, x.dst.name, info, created)
	return nil
}

// answerMembers tells of the members that were not copied; all others were. RFC 4918 §9.8.3.
func (x *transfer) answerMembers(w http.ResponseWriter) error {
	m := newMultistatus(w, nil)
	defer m.close()
	for _, f := range x.failed {
		e := x.h.statusOf(x.r, f.err)
		name := x.src.name + strings.TrimPrefix(f.name, x.from)
		m.status(x.h.href(name, false), e.status, e.dav, e.say)
		if m.full() {
			if err := m.flush(); err != nil {
				return err
			}
		}
	}
	if x.more > 0 {
		m.buf = append(m.buf, "<D:responsedescription>More members were not copied than are named here.</D:responsedescription>"...)
	}
	return m.end()
}
