package handler

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

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
	x.luggage = x.there.state.Luggage()
	defer x.luggage.Drop()
	ctx, done := patiently(r.Context())
	defer done()
	return x.run(w, func() (*etagfs.Info, bool, error) {
		return x.there.fs.Copy(ctx, x.src.name, x.dst.name, etagfs.CopyOptions{
			Write2:     x.write(),
			From:       h.fs,
			FromBeside: x.fromBeside,
			Shallow:    x.depth == depthZero,
			Failed:     x.fail,
			Carry:      x.carry,
		})
	})
}

// patience is how long a COPY goes on when its client has left. It is the one write that can take long after the request was read:
// whoever sends the last requests and leaves has it made, as every other write is, and whoever gives up a large one does not.
// It is a variable for its test alone.
var patience = 10 * time.Second

// patiently returns a context that ends patience after ctx.
func patiently(ctx context.Context) (_ context.Context, done func()) {
	late, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(patience):
		case <-late.Done():
		}
		end()
	})
	return late, func() { stop(); end() }
}

// move renames a resource, a collection with all its members, in one step. RFC 4918 §9.9. There is none between
// two trees: the copy and the removal would be two, and what comes in between would be lost or left.
func (h *Handler) move(w http.ResponseWriter, r *http.Request) error {
	x, err := h.transfer(r, state.Move)
	if err != nil {
		return err
	}
	if x.foreign() {
		return &statusError{status: http.StatusBadGateway,
			say: "The destination is in another share, where one step cannot move it. Nothing was changed; use COPY and DELETE."}
	}
	return x.run(w, func() (*etagfs.Info, bool, error) {
		return h.fs.Move(r.Context(), x.src.name, x.dst.name, x.write())
	})
}

// transfer is one COPY or MOVE.
type transfer struct {
	h, there   *Handler // of the source, and of the destination
	r          *http.Request
	step       state.Step
	src, dst   target
	from, to   string // the names that it is about: links resolved as far as the step follows them; known when accepted
	depth      depth
	overwrite  bool
	decide     etagfs.Check2 // preconditions, the If header, locks
	exact      bool          // Write.Exact and Write.Tags of the decision
	tags       bool
	beside     []string       // in the tree of the destination
	fromBeside []string       // in that of the source, when it is another one
	before     *etagfs.Info   // what the step replaces
	luggage    *state.Luggage // dead properties of what a COPY has copied
	intent     *state.Intent
	failed     []memberError // of a COPY
	more       int           // further ones
}

// foreign tells whether the destination is in another tree.
func (x *transfer) foreign() bool { return !x.there.fs.SameTree(x.h.fs) }

// run takes the step. The source or a parent may go away after the early look, and then the error does not say
// which of them it was: another look does, and if it finds nothing wrong, the step is taken again.
func (x *transfer) run(w http.ResponseWriter, step func() (*etagfs.Info, bool, error)) error {
	for try := 0; ; try++ {
		info, created, err := step()
		if !isUnmapped(err) {
			return x.answer(w, info, created, err)
		}
		x.intent.Abandon()
		x.intent, x.failed, x.more = nil, nil, 0
		if err := x.early(); err != nil {
			return err
		}
		if try == 3 {
			return errChanged
		}
	}
}

// transfer parses the request and refuses what can be refused before anything is done.
func (h *Handler) transfer(r *http.Request, step state.Step) (*transfer, error) {
	x := &transfer{h: h, r: r, step: step}
	var err error
	if x.src, err = h.target(r); err != nil {
		return nil, err
	}
	if x.there, x.dst, err = h.destination(r); err != nil {
		return nil, err
	}
	if x.overwrite, err = overwrites(r.Header["Overwrite"]); err != nil {
		return nil, err
	}
	if x.depth, err = parseDepth(r.Header["Depth"]); err != nil {
		return nil, err
	}
	if err = x.check2(); err != nil {
		return nil, err
	}
	return x, x.early()
}

// check2 notes what check.go says of the source, and the locks that the destination needs: its own, that of
// the collection it becomes a member of, and those of all that is overwritten (RFC 4918 §7.4, §9.8.4).
func (x *transfer) check2() error {
	locks, err := x.h.lockCheck(x.r)
	if err != nil {
		return err
	}
	locksThere := *locks
	locksThere.h = x.there
	if x.there != x.h {
		locks.there = x.there
	}
	write := x.h.checkWith(locks, x.r, x.src)
	x.exact, x.tags, x.beside = write.Exact, write.Tags, write.Beside
	if x.foreign() {
		x.fromBeside, x.beside = write.Beside, locks.beside(x.there)
	}
	x.beside = append(x.beside, otherForms(x.dst.name)...)
	x.decide = func(src, _ *etagfs.Info, to string) error {
		if err := write.Check(src); err != nil {
			return err
		}
		// Where a collection with members comes to be, the locks that will cover these count, too.
		fills := src.IsCollection() && x.depth != depthZero
		return locksThere.permit(lock.Change{Place: x.there.lockPlaceAs(x.r.Method, x.dst.name, to), Kind: lock.MapTree, Collection: func(name string) bool {
			return name == to && fills || x.there.isCollection(name)
		}})
	}
	return nil
}

// early decides on the states of now, without latches; write decides again.
func (x *transfer) early() error {
	h := x.h
	src, err := h.current(x.r, x.src, x.tags)
	if err != nil {
		return err
	}
	dst, err := x.there.current(x.r, x.dst, x.tags)
	if err != nil {
		return err
	}
	if x.tags {
		h.tagAll(x.r, x.fromBeside)
		x.there.tagAll(x.r, x.beside)
	}
	to, err := x.destinationName()
	if err != nil {
		return err
	}
	if err := x.accept(src, dst, to); err != nil {
		return err
	}
	if dst != nil {
		return nil
	}
	if x.step == state.Move {
		return x.there.parentExists(x.dst.name)
	}
	_, err = x.there.place(x.dst.name)
	return err
}

// accept is the whole condition of the step, in the order of RFC 9110 §13.2.1: what would be refused
// without preconditions is refused first only where nothing is there, or no state could make it succeed. to is the real name
// of the destination.
func (x *transfer) accept(src, dst *etagfs.Info, to string) error {
	if src == nil {
		return errNoResource
	}
	if err := x.takesDepth(src); err != nil {
		return err
	}
	if err := x.decide(src, dst, to); err != nil {
		return err
	}
	x.from, x.to = src.Name, to
	other := x.there.otherForm(x.dst, dst)
	if other != nil {
		dst = other
	}
	switch {
	case !x.foreign() && (fs.Overlap(x.from, x.to) || fs.Overlap(x.src.name, x.dst.name) || x.ontoTarget()):
		// RFC 4918 §9.8.5, §9.9.4. A resource would be replaced by itself, or be put into itself.
		return &statusError{status: http.StatusForbidden,
			say: "Source and destination are the same resource, or one is inside the other."}
	case x.dst.slash && !src.IsCollection() && (dst == nil || !dst.IsCollection()):
		return &statusError{status: http.StatusConflict,
			say: "The source is no collection, and a Destination that ends with a slash names one; leave the slash out. Nothing was changed."}
	case dst != nil && !x.overwrite:
		return &statusError{status: http.StatusPreconditionFailed, header: x.there.validators(dst), cur: copied(dst),
			say: "Something is mapped to the destination already, and Overwrite is F. Nothing was changed. " + x.there.describe(dst)}
	case dst != nil && onlyAdds(x.r.Context()):
		return errOnlyAdds
	case dst != nil && x.there.opts.RequireIfMatch == PolicyOn && x.r.Header["If"] == nil:
		// If-Match speaks of the source, so only the If header can name the state that is replaced. A collection has
		// no ETag to name.
		what, state := "the state of the destination that you have read", "[\"its ETag\"]"
		if dst.IsCollection() {
			what, state = "the collection that is there, whatever it holds", "Not <DAV:no-lock>"
		}
		return &statusError{status: http.StatusPreconditionRequired, header: x.there.validators(dst), cur: copied(dst),
			say: "This server requires every write to say which state it replaces. Nothing was changed. " + x.there.describe(dst) +
				"\nTo replace " + what + ", send\n  If: <" + x.there.href(x.dst.name, dst.IsCollection()) +
				"> (" + state + ")\nTo go on only if nothing is there, send\n  Overwrite: F"}
	}
	if other != nil {
		return errOtherForm
	}
	x.before = copied(dst)
	return nil
}

// takesDepth: a collection is copied with or without all its members, and moved with them. RFC 4918 §9.8.3, §9.9.2.
func (x *transfer) takesDepth(src *etagfs.Info) error {
	switch {
	case !src.IsCollection() || x.depth == depthInfinity:
		return nil
	case x.step == state.Move:
		return badDepth("infinity")
	case x.depth == depthOne:
		return badDepth("0 or infinity")
	}
	return nil
}

// ontoTarget tells whether a symbolic link, which a MOVE moves itself, would take the place of what it leads to, or of a
// link on its way there: the bytes would go, and the link lead in circles.
func (x *transfer) ontoTarget() bool {
	real, links, err := x.h.fs.Way(x.from)
	return err == nil && slices.ContainsFunc(append(links, real), func(name string) bool { return fs.Overlap(name, x.to) })
}

// write is what package etagfs needs: the Check that decides, and what follows the step under the
// latches. The intent to carry dead properties along is durable before the step is taken.
func (x *transfer) write() etagfs.Write2 {
	return etagfs.Write2{
		Exact:  x.exact,
		Tags:   x.tags,
		Beside: x.beside,
		Check: func(src, dst *etagfs.Info, to string) error {
			x.intent.Abandon() // of an earlier call
			x.intent = nil
			if err := x.accept(src, dst, to); err != nil {
				return err
			}
			c := state.Change{Step: x.step, Src: x.from, Dst: x.to}
			if x.step == state.Copy {
				if err := x.carryFile(src); err != nil {
					return err
				}
				c.Carries, c.Carried = true, x.luggage.All()
			}
			locked := x.step == state.Move && x.h.locks.AnyBelow(x.from) || x.there.locks.AnyBelow(x.to)
			var err error
			x.intent, err = x.there.state.Begin(c, locked)
			return err
		},
		Then: func(*etagfs.Info) error {
			// Locks never travel with a MOVE (RFC 4918 §7.6), and those of members that are gone have ended.
			var errs []error
			if x.step == state.Move {
				errs = append(errs, x.h.locks.RemoveTree(x.from))
			}
			errs = append(errs, x.there.locks.RemoveMembers(x.to))
			errs = append(errs, x.intent.Done())
			x.intent = nil
			return errors.Join(errs...)
		},
	}
}
