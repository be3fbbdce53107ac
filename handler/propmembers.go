package handler

import (
	"errors"
	iofs "io/fs"
	"net/http"
	"path"
	"slices"
	"strings"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// node tells collections apart, whatever links lead to them.
type node struct{ dev, ino uint64 }

func nodeOf(i *etagfs.Info) node { return node{i.Dev, i.Ino} }

// members answers for the members of the collection name, and for all below when the depth says so:
// first the members of one collection, then of each collection in it, so that no more than one
// directory is open. above are the collections that the way leads through, for links in circles.
func (f *finder) members(name string, above []node) error {
	var deeper []collection
	f.have, f.res.in, f.res.way = false, name, nil
	if f.plan.dead || f.plan.locks && f.h.locks.Count() > 0 {
		real, way, err := f.h.fs.Way(name)
		f.have = f.plan.dead && (err != nil || f.h.state.MembersHave(real))
		f.res.way = way
	}
	stem := len(f.path)
	err := f.h.list(name, func(base string, info *etagfs.Info) error {
		if !showable(base) || f.h.hides(f.r, name, base) {
			return nil
		}
		f.path = appendPath(f.path[:stem], base)
		if info.IsCollection() {
			f.path = append(f.path, '/')
			if n := nodeOf(info); f.depth == depthInfinity && !slices.Contains(above, n) {
				deeper = append(deeper, collection{strings.Clone(base), n})
			}
		}
		if f.seen++; f.depth == depthInfinity && !f.within && f.seen > f.h.opts.MaxInfinite {
			return errFiniteDepth
		}
		return f.one(f.path, base, info)
	})
	f.path = f.path[:stem]
	if err != nil {
		return err
	}
	return below(name, deeper, above, func(name, base string, above []node) error {
		f.path = append(appendPath(f.path[:stem], base), '/')
		return f.members(name, above)
	})
}

// list calls fn for each member that can be looked at; the others are left out.
func (h *Handler) list(name string, fn func(base string, info *etagfs.Info) error) error {
	if err := h.fs.List(name, fn); !errors.Is(err, fs.ErrUnseen) {
		return err
	}
	return nil
}

// collection is a member still to be listed.
type collection struct {
	base string
	node node
}

// below calls list for each of the collections in name. One that vanished or may not be read, or lies so deep that no URL
// leads to its members (a MOVE above it can make its name longer than the system takes), tells nothing of them; itself
// it was told of.
func below(name string, in []collection, above []node, list func(name, base string, above []node) error) error {
	for _, c := range in {
		err := list(path.Join(name, c.base), c.base, append(above, c.node))
		if err != nil && !isUnmapped(err) && !errors.Is(err, iofs.ErrPermission) && !errors.Is(err, fs.ErrNameTooLong) {
			return err
		}
	}
	return nil
}

// bound counts what Depth infinity would tell of, as members does, as far as it must. RFC 4918 §9.1.1: never cut silently.
func (f *finder) bound() error {
	left := f.h.opts.MaxInfinite
	var count func(name string, above []node) error
	count = func(name string, above []node) error {
		var deeper []collection
		err := f.h.list(name, func(base string, info *etagfs.Info) error {
			if !showable(base) || f.h.hides(f.r, name, base) {
				return f.r.Context().Err()
			}
			if left--; left < 0 {
				return errFiniteDepth
			}
			if n := nodeOf(info); info.IsCollection() && !slices.Contains(above, n) {
				deeper = append(deeper, collection{strings.Clone(base), n})
			}
			return f.r.Context().Err()
		})
		if err != nil {
			return err
		}
		return below(name, deeper, above, func(name, _ string, above []node) error { return count(name, above) })
	}
	root, err := f.h.fs.Stat(f.name)
	if err != nil {
		return err
	}
	if err := count(f.name, []node{nodeOf(root)}); err != nil {
		return err
	}
	f.within = true
	return nil
}

var errFiniteDepth = &statusError{status: http.StatusForbidden, dav: "<D:propfind-finite-depth/>",
	say: "There are too many members for Depth infinity; ask collection by collection with Depth 1."}
