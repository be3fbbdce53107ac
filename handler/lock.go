package handler

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/webdav"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// lock grants a write lock, or refreshes one when there is no body. A lock on an unmapped URL creates an
// empty resource together with the lock (RFC 4918 §7.3, §9.10.4). RFC 4918 §9.10.
func (h *Handler) lock(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	locks, err := h.lockCheck(r)
	if err != nil {
		return err
	}
	write := h.checkWith(locks, r, t)
	timeout := lockTimeout(r.Header["Timeout"])
	doc, err := readXMLBody(r)
	if err != nil {
		return err
	}
	if len(doc) == 0 {
		return h.refresh(w, r, t, write, locks.header.tokens, timeout)
	}
	depth, err := parseDepth(r.Header["Depth"])
	if err != nil {
		return err
	}
	if depth == depthOne { // also for a file: RFC 4918 §9.10.3
		return badDepth("0 or infinity")
	}
	info, err := parseLockInfo(doc)
	if err != nil {
		return err
	}
	g := &grant{h: h, r: r, t: t, write: write, want: lock.Lock{Shared: info.shared, Infinite: depth == depthInfinity,
		Owner: info.owner, OwnerLang: info.lang, User: User(r.Context()), Timeout: timeout}}
	return g.answer(w)
}

// grant is one new lock.
type grant struct {
	h     *Handler
	r     *http.Request
	t     target
	write etagfs.Write // decides
	want  lock.Lock
	got   *lock.Lock // granted, and undone unless the whole method succeeds
	at    time.Time  // when it was
}

// errOtherKind: the URL was mapped or unmapped between the early look and the latch.
var errOtherKind = errors.New("mapped or unmapped meanwhile")

// answer is 200, 201 when an empty resource was created, 207 when a member stands against it.
func (g *grant) answer(w http.ResponseWriter) error {
	info, created, err := g.take()
	if err != nil {
		g.undo()
		if conflict, ok := errors.AsType[*lock.ConflictError](err); ok {
			return g.conflict(w, conflict)
		}
		return g.h.parentGone(g.t.name, g.write.Check, err)
	}
	if created {
		g.h.writers.wrote(info, g.h.writerOf(g.r))
		set(w, "Location", g.h.href(g.t.name, false))
		set(w, "Last-Modified", g.h.lastModified(info))
	}
	if !info.Tag.IsZero() {
		set(w, "Etag", info.Tag.String())
	}
	g.h.tellSlash(w, g.t, info)
	set(w, "Lock-Token", "<"+g.got.Token+">")
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return g.h.lockAnswer(w, status, g.got, g.at)
}

// take grants the lock under the latch, with the empty resource where there was none.
func (g *grant) take() (info *etagfs.Info, created bool, err error) {
	cur, err := g.h.early(g.r, g.t, g.write)
	for err == nil {
		if cur != nil {
			info, err = g.h.fs.Update(g.r.Context(), g.t.name, time.Time{}, g.granting(""))
		} else {
			info, created, err = g.create()
		}
		if !errors.Is(err, errOtherKind) && !(cur == nil && errors.Is(err, fs.ErrIsDir)) {
			return info, created, err
		}
		cur, err = g.h.current(g.r, g.t, g.write.Tags)
	}
	return nil, false, err
}

func (g *grant) create() (*etagfs.Info, bool, error) {
	if err := collectionNoPut(g.t, nil); err != nil {
		return nil, false, err
	}
	real, err := g.h.place(g.t.name)
	if err != nil {
		return nil, false, err
	}
	write := g.h.fresh(g.t, real, nil, g.granting(real))
	info, created, err := g.h.fs.Put(g.r.Context(), g.t.name, strings.NewReader(""), etagfs.PutOptions{Write: write, Real: real})
	if err != nil {
		return nil, false, err
	}
	g.h.locks.Made(g.got.Token)
	return info, created, nil
}

// granting decides and grants the lock before the step, so that a lock that cannot be granted or kept
// changes nothing; when the step fails, the lock is undone. real is the name of the resource to create, "" when there is one.
func (g *grant) granting(real string) etagfs.Write {
	w := g.write
	w.Check = func(cur *etagfs.Info) error {
		g.undo() // of an earlier call
		if (real == "") != (cur != nil) {
			return errOtherKind
		}
		if err := g.write.Check(cur); err != nil {
			return err
		}
		if cur != nil {
			g.want.Root = cur.Name
			if err := g.h.state.Overtake(cur.Name); err != nil {
				return err
			}
		} else if now, err := g.h.placeNow(g.t.name, real); err == nil {
			g.want.Root = now
		} else {
			return err
		}
		g.want.Making = real != ""
		g.at = g.h.opts.Now()
		g.want.Asked, g.want.Links = "", nil
		if g.t.name != g.want.Root {
			g.want.Asked = g.t.name
			_, links, err := g.h.fs.Way(g.t.name)
			if err != nil {
				return err
			}
			g.want.Links = links
		}
		got, err := g.h.locks.Create(g.at, g.want)
		if errors.Is(err, lock.ErrTooMany) {
			return &statusError{status: webdav.StatusInsufficientStorage, cause: err, say: "There are too many locks, on this resource or in all; try again when some have ended."}
		}
		if err == nil {
			g.got = &got
		}
		return err
	}
	return w
}

func (g *grant) undo() {
	if g.got == nil {
		return
	}
	if err := g.h.locks.Break(g.got.Token); err != nil {
		g.h.opts.Log.Warn("a lock whose request failed cannot be removed: it stays until it expires", "path", g.got.Root, "err", err)
	}
	g.got = nil
}

// conflict is 423 with the locks that stand against this one (RFC 4918 §9.10.6); when they are all on
// members, it is 207 as in §9.10.9: 423 for them and 424 for the collection.
func (g *grant) conflict(w http.ResponseWriter, e *lock.ConflictError) error {
	for _, root := range e.Roots {
		if !g.want.Infinite || root == g.want.Root || !fs.Overlap(root, g.want.Root) || len(root) < len(g.want.Root) {
			return g.h.locked(e)
		}
	}
	m := newMultistatus(w, nil)
	defer m.close()
	for _, root := range e.Roots[:min(len(e.Roots), maxMemberErrors)] {
		href := g.h.href(root, g.h.isCollection(root))
		m.status(href, webdav.StatusLocked, g.h.davHrefs("no-conflicting-lock", []string{root}), "")
		if m.full() {
			if err := m.flush(); err != nil {
				return err
			}
		}
	}
	m.status(g.h.href(g.t.name, true), webdav.StatusFailedDependency, "", "")
	return m.end()
}

// lockAnswer tells of the locks on what l is on, as they were when that was granted. RFC 4918 §9.10.1.
func (h *Handler) lockAnswer(w http.ResponseWriter, status int, l *lock.Lock, now time.Time) error {
	b := []byte(xmlHead + `<D:prop xmlns:D="DAV:">`)
	b = h.appendLockDiscovery(b, h.locks.Covering(now, l.Place()), now)
	return answerXML(w, status, append(b, "</D:prop>\n"...))
}
