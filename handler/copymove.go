package handler

import (
	"errors"
	"net/http"
	"path"
	"strings"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// copy duplicates a resource, a collection with all its members unless Depth is 0. RFC 4918 §9.8.
func (h *Handler) copy(w http.ResponseWriter, r *http.Request) error {
	x, err := h.transfer(r, state.Copy)
	if err != nil {
		return err
	}
	info, created, err := h.fs.Copy(r.Context(), x.src.name, x.dst.name, etagfs.CopyOptions{
		Write2:  x.write(),
		Shallow: x.depth == depthZero,
		Failed:  x.fail,
	})
	return x.answer(w, info, created, err)
}

// move renames a resource, a collection with all its members, in one step. RFC 4918 §9.9.
func (h *Handler) move(w http.ResponseWriter, r *http.Request) error {
	x, err := h.transfer(r, state.Move)
	if err != nil {
		return err
	}
	info, created, err := h.fs.Move(r.Context(), x.src.name, x.dst.name, x.write())
	return x.answer(w, info, created, err)
}

// transfer is one COPY or MOVE.
type transfer struct {
	h         *Handler
	r         *http.Request
	step      state.Step
	src, dst  target
	from, to  string // the names that it is about: links resolved as far as the step follows them
	depth     depth
	overwrite bool
	decide    etagfs.Check2 // preconditions, the If header, locks
	exact     bool          // Write.Exact and Write.Tags of the decision
	tags      bool
	intent    *state.Intent
	failed    []memberError // of a COPY
	more      int           // further ones
}

// memberError is a member that could not be copied.
type memberError struct {
	name string // real name of the source
	err  error
}

// maxMemberErrors bounds how many failures an answer tells one by one.
const maxMemberErrors = 1000

// transfer parses the request and refuses what can be refused before anything is done.
func (h *Handler) transfer(r *http.Request, step state.Step) (*transfer, error) {
	x := &transfer{h: h, r: r, step: step}
	var err error
	if x.src, err = h.target(r); err != nil {
		return nil, err
	}
	if x.dst, err = h.destination(r); err != nil {
		return nil, err
	}
	if x.overwrite, err = overwrites(r.Header["Overwrite"]); err != nil {
		return nil, err
	}
	if x.depth, err = transferDepth(r.Header["Depth"], step); err != nil {
		return nil, err
	}
	if x.decide, x.exact, err = x.check2(); err != nil {
		return nil, err
	}
	return x, x.early()
}

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

// transferDepth reads the Depth of a COPY (0 or infinity, RFC 4918 §9.8.3) or MOVE (infinity, §9.9.2;
// clients send 0 with files, where it means the same).
func transferDepth(lines []string, step state.Step) (depth, error) {
	switch strings.ToLower(strings.TrimSpace(joined(lines))) {
	case "infinity", "":
		return depthInfinity, nil
	case "0":
		return depthZero, nil
	}
	if step == state.Move {
		return 0, badDepth("infinity")
	}
	return 0, badDepth("0 or infinity")
}

// check2 is what check.go says of the source, and the locks that the destination needs: its own, that of
// the collection it becomes a member of, and those of all that is overwritten (RFC 4918 §7.4, §9.8.4).
func (x *transfer) check2() (etagfs.Check2, bool, error) {
	write, err := x.h.check(x.r, x.src)
	if err != nil {
		return nil, false, err
	}
	x.tags = write.Tags
	locks, err := x.h.lockCheck(x.r)
	if err != nil {
		return nil, false, err
	}
	return func(src, _ *etagfs.Info) error {
		if err := write.Check(src); err != nil {
			return err
		}
		return locks.permit(lock.Change{Name: x.to, Kind: lock.MapTree})
	}, write.Exact, nil
}

// early decides on the states of now, without latches; write decides again.
func (x *transfer) early() error {
	h := x.h
	src, err := h.current(x.src)
	if err != nil {
		return err
	}
	dst, err := h.current(x.dst)
	if err != nil {
		return err
	}
	if x.from, x.to, err = x.names(); err != nil {
		return err
	}
	if err := x.accept(src, dst); err != nil {
		return err
	}
	if x.step == state.Move && x.depth == depthZero && src.IsCollection() {
		return badDepth("infinity")
	}
	if dst != nil {
		return nil
	}
	parent, err := h.fs.Stat(parentOf(x.dst.name))
	switch {
	case err != nil && !isUnmapped(err):
		return err
	case err != nil:
		return noParent(err)
	case !parent.IsCollection():
		return noParent(fs.ErrNotDir)
	}
	return nil
}

// names resolves links as far as the step will: a MOVE acts on a link itself.
func (x *transfer) names() (from, to string, err error) {
	resolve := x.h.fs.Real
	if x.step == state.Move {
		resolve = x.h.realParent
	}
	if from, err = resolve(x.src.name); isUnmapped(err) {
		from, err = x.src.name, nil // accept answers
	}
	if err != nil {
		return "", "", err
	}
	if to, err = resolve(x.dst.name); isUnmapped(err) {
		to, err = x.dst.name, nil
	}
	return from, to, err
}

// realParent resolves the links in all but the last segment.
func (h *Handler) realParent(name string) (string, error) {
	if name == "/" {
		return name, nil
	}
	dir, err := h.fs.Real(path.Dir(name))
	return path.Join(dir, path.Base(name)), err
}

// accept is the whole condition of the step, in the order of RFC 9110 §13.2.1: what would be refused
// without preconditions is refused first only where no state could make it succeed.
func (x *transfer) accept(src, dst *etagfs.Info) error {
	if err := x.decide(src, dst); err != nil {
		return err
	}
	switch {
	case src == nil:
		return errNoResource
	case overlap(x.from, x.to) || overlap(x.src.name, x.dst.name):
		// RFC 4918 §9.8.5, §9.9.4. A resource would be replaced by itself, or be put into itself.
		return &statusError{status: http.StatusForbidden,
			say: "Source and destination are the same resource, or one is inside the other."}
	case dst != nil && !x.overwrite:
		return &statusError{status: http.StatusPreconditionFailed, header: x.h.validators(dst),
			say: "Something is mapped to the destination already, and Overwrite is F. Nothing was changed."}
	}
	return nil
}

// overlap tells whether two names are the same, or one is a member of the other at any depth.
func overlap(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == "/" || a == b || strings.HasPrefix(b, a) && b[len(a)] == '/'
}

// write is what package etagfs needs: the Check that decides, and what follows the step under the
// latches. The intent to carry dead properties along is durable before the step is taken.
func (x *transfer) write() etagfs.Write2 {
	return etagfs.Write2{
		Exact: x.exact,
		Tags:  x.tags,
		Check: func(src, dst *etagfs.Info) error {
			x.intent.Abandon() // of an earlier call
			x.intent = nil
			if err := x.accept(src, dst); err != nil {
				return err
			}
			c := state.Change{Step: x.step, Src: x.from, Dst: x.to, Shallow: x.depth == depthZero}
			c.SrcNode = state.Node{Dev: src.Dev, Ino: src.Ino}
			if dst != nil {
				c.DstNode = state.Node{Dev: dst.Dev, Ino: dst.Ino}
			}
			locked := x.step == state.Move && x.h.locks.AnyBelow(x.from) || x.h.locks.AnyBelow(x.to)
			var err error
			x.intent, err = x.h.state.Begin(c, locked)
			return err
		},
		Then: func(*etagfs.Info) error {
			// Locks never travel with a MOVE (RFC 4918 §7.6), and those of members that are gone have ended.
			var errs []error
			if x.step == state.Move {
				errs = append(errs, x.h.locks.RemoveTree(x.from))
			}
			errs = append(errs, x.h.locks.RemoveMembers(x.to))
			except := make([]string, len(x.failed))
			for i, f := range x.failed {
				except[i] = f.name
			}
			errs = append(errs, x.intent.Done(except...))
			x.intent = nil
			return errors.Join(errs...)
		},
	}
}

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
		if isUnmapped(err) {
			return noParent(err)
		}
		return err
	}
	if !info.Tag.IsZero() {
		set(w, "Etag", info.Tag.String())
	}
	set(w, "Last-Modified", x.h.lastModified(info))
	if created {
		set(w, "Location", x.h.href(x.dst.name, info.IsCollection()))
	}
	switch {
	case len(x.failed) > 0:
		return x.answerMembers(w)
	case !created:
		w.WriteHeader(http.StatusNoContent)
	default:
		set(w, "Content-Length", "0")
		w.WriteHeader(http.StatusCreated)
	}
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
