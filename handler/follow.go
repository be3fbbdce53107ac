package handler

import (
	"errors"

	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
)

// Locks and dead properties follow the tree. COPY and MOVE carry them in copymove.go; here they go with
// what DELETE retires, and are not found by what is created where another program left some behind.

// removal is a DELETE whose state goes along.
type removal struct {
	h      *Handler
	intent *state.Intent
}

// write adds to w that the intent is durable before the step, and that locks (RFC 4918 §9.6) and dead
// properties are gone when it was taken. A crash in between is ended by the next start.
func (d *removal) write(w etagfs.Write) etagfs.Write {
	check := w.Check
	var name string
	w.Check = func(cur *etagfs.Info) (err error) {
		d.end() // of an earlier call
		if err := check(cur); err != nil || cur == nil {
			return err
		}
		name = cur.Name
		d.intent, err = d.h.state.Begin(state.Change{
			Step: state.Remove, Src: name, SrcNode: state.Node{Dev: cur.Dev, Ino: cur.Ino},
		}, d.h.locks.AnyBelow(name))
		return err
	}
	w.Then = func(*etagfs.Info) error {
		err := errors.Join(d.h.locks.RemoveTree(name), d.intent.Done())
		d.intent = nil
		return err
	}
	return w
}

// end forgets the intent of a step that was not taken.
func (d *removal) end() {
	d.intent.Abandon()
	d.intent = nil
}

// fresh adds to w that a resource created at an unmapped URL, by its real name, has none of the dead properties that were
// left over there when another program removed what had them. They go before the step, where they do
// no harm: a crash cannot give them to the new resource.
func (h *Handler) fresh(t target, real string, w etagfs.Write) etagfs.Write {
	check := w.Check
	w.Check = func(cur *etagfs.Info) error {
		if err := check(cur); err != nil || cur != nil {
			return err
		}
		now, err := h.placeNow(t.name, real)
		if err != nil {
			return err
		}
		return h.state.Forget(now)
	}
	return w
}
