package handler

import (
	"ifmatch/etagfs"
	"ifmatch/etagfs/state"
)

// Locks and dead properties follow the tree. COPY and MOVE say so in copymove.go; here a COPY takes dead properties with
// it, they go with what DELETE retires, and are not found by what is created where another program left some behind.

// carry is etagfs.CopyOptions.Carry: the dead properties of one resource come along when it has been copied.
func (x *transfer) carry(name, to string) (keep func() error, err error) {
	if to == "" { // it begins, perhaps not for the first time
		x.luggage.Drop()
		x.failed, x.more = nil, 0
	}
	props, err := x.h.state.Carry(name)
	if err != nil || props == nil {
		return nil, err
	}
	return func() error { return x.luggage.Add(to, props) }, nil
}

// carryFile is carry for a COPY of a file: its dead properties are those of the moment in which the copy comes to be. The
// members of a collection, and itself, have been carried one by one.
func (x *transfer) carryFile(src *etagfs.Info) error {
	if src.IsCollection() {
		return nil
	}
	keep, err := x.carry(src.Name, "")
	if err != nil || keep == nil {
		return err
	}
	return keep()
}

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
		d.intent, err = d.h.state.Begin(state.Change{Step: state.Remove, Src: name}, d.h.locks.AnyBelow(name))
		return err
	}
	w.Then = func(*etagfs.Info) error {
		// What fails here, as on a full disk, is no failure of the DELETE: the intent is durable, nobody can see what is left at the
		// name, and nothing else is kept before that is gone. The store tells the log, and tries again.
		d.h.locks.RemoveTree(name)
		d.intent.Done()
		d.intent = nil
		return nil
	}
	return w
}

// end forgets the intent of a step that was not taken.
func (d *removal) end() {
	d.intent.Abandon()
	d.intent = nil
}

// fresh adds to w that a resource created at an unmapped URL, by its real name, has the dead properties that ops set, and
// none of those that were left over there when another program removed what had them. That is durable before the step, where it
// does no harm: a crash cannot leave the new resource with others. A start that does not know yet what a crash interrupted must
// not take other bytes for the end of that.
func (h *Handler) fresh(t target, real string, ops []state.Op, w etagfs.Write) etagfs.Write {
	check := w.Check
	set := "" // where ops were carried out
	w.Check = func(cur *etagfs.Info) error {
		if err := check(cur); err != nil {
			return err
		}
		if cur != nil {
			return h.state.Overtake(cur.Name)
		}
		now, err := h.placeNow(t.name, real)
		if err == nil {
			err = h.state.Renew(now, ops)
		}
		if err == nil && len(ops) > 0 {
			set = now
		}
		return err
	}
	w.Back = func() {
		if set != "" {
			h.state.Forget(set) // else the next resource there has none of it
		}
	}
	return w
}
