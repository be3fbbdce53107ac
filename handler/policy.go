package handler

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// Policy says what becomes of an overwrite or DELETE without a condition.
type Policy int

const (
	PolicyOff  Policy = iota // let through
	PolicyWarn               // let through, and the log says who overwrote whom
	PolicyOn                 // 428 Precondition Required, RFC 6585 §3
)

// needsCondition is 428: cur would be changed without a word about it.
type needsCondition struct{ cur *etagfs.Info }

func (e *needsCondition) Error() string { return "a write without a condition" }

// permit is the policy for changing cur, after preconditions and locks had their say. A submitted lock
// token is a condition as well: nobody else could have changed the resource meanwhile.
func (h *Handler) permit(r *http.Request, p *preconditions, cur *etagfs.Info) error {
	if r.Method == http.MethodPut && cur != nil && onlyAdds(r.Context()) {
		return errOnlyAdds
	}
	if h.opts.RequireIfMatch != PolicyOn || cur == nil || p.any() || r.Header["If"] != nil {
		return nil
	}
	if r.Method != http.MethodPut && r.Method != http.MethodDelete {
		return nil
	}
	return &needsCondition{cur: copied(cur)}
}

// overwritten logs a write without a condition after it happened, when the policy is to warn.
func (h *Handler) overwritten(r *http.Request, before *etagfs.Info) {
	if h.opts.RequireIfMatch != PolicyWarn || before == nil || r.Header["If"] != nil {
		return
	}
	if p := parsePreconditions(r.Header, false); p.any() && r.Method != "COPY" && r.Method != "MOVE" { // those speak of their source
		return
	}
	who := "somebody beside this server, or long ago"
	if wrote := h.writers.last(before); wrote != (writer{}) {
		who = wrote.String()
	} else if before.IsCollection() {
		who = "whoever filled the collection"
	}
	h.opts.Log.LogAttrs(r.Context(), slog.LevelWarn, "overwrote without a condition",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.String("by", h.writerOf(r).String()), slog.String("of", who), slog.String("etag", before.Tag.String()))
}

type onlyAddsKey struct{}

// OnlyAdds says that who is asking may create what a PUT, COPY or MOVE brings, and replace nothing with it.
func OnlyAdds(ctx context.Context) context.Context {
	return context.WithValue(ctx, onlyAddsKey{}, true)
}

func onlyAdds(ctx context.Context) bool { return ctx.Value(onlyAddsKey{}) != nil }

// errOnlyAdds is no 412: the request had no condition (RFC 4918 §12.1), and none would help.
var errOnlyAdds = &statusError{status: http.StatusForbidden,
	say: "You may add to what is here, but not change it, and this name is taken. Nothing was changed; use another name."}

type userKey struct{}

// userContext is context.WithValue in one allocation instead of two: there is one for each request.
type userContext struct {
	context.Context
	user string
}

func (c *userContext) Value(key any) any {
	if key == (userKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithUser says who is asking, for logs and for the owners of changes.
func WithUser(ctx context.Context, user string) context.Context { return &userContext{ctx, user} }

// User is who WithUser named, or nobody.
func User(ctx context.Context) string {
	if c, ok := ctx.Value(userKey{}).(*userContext); ok {
		return c.user
	}
	return ""
}

// writer is who sent a request. Other clients may learn the user, the address is for the log.
type writer struct{ user, address string }

func (h *Handler) writerOf(r *http.Request) writer {
	return writer{User(r.Context()), h.opts.Address(r)}
}

func (w writer) String() string {
	if w.user != "" {
		return w.user
	}
	return w.address
}

// writers remembers who wrote the latest states, so that a refusal and the log can say it. It is bounded
// and only a help: a state it does not know was written by somebody else or long ago.
type writers struct {
	mu   sync.Mutex
	by   map[written]writer // nil before the first
	ring []written          // keys in the order they came
	next int
}

// written is a state of one file: files of equal bytes can have equal tags, and not everybody may know who has written the other.
type written struct {
	file fs.Identity
	tag  string // opaque
}

func stateOf(i *etagfs.Info) written { return written{i.Identity, i.Tag.Opaque} }

func (w *writers) wrote(i *etagfs.Info, by writer) {
	if i.Tag.IsZero() {
		return
	}
	key := stateOf(i)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by, w.ring = make(map[written]writer), make([]written, 4096)
	}
	if _, again := w.by[key]; !again {
		delete(w.by, w.ring[w.next])
		w.ring[w.next] = key
		w.next = (w.next + 1) % len(w.ring)
	}
	w.by[key] = by
}

// last is who wrote a state; nobody where that is not known.
func (w *writers) last(i *etagfs.Info) writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.by[stateOf(i)]
}
