package handler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler/lock"
)

// streams are the event streams that are open.
type streams struct {
	mu   sync.Mutex
	open int            // guarded by mu, like the next
	of   map[string]int // by who listens
}

// Bounds of event streams. What the file system does not report is found by looking now and then; a line
// now and then also keeps proxies from taking the stream for dead.
const (
	maxStreams  = 1024
	maxOfOne    = maxStreams / 4 // user, or address where nobody has logged in, so that there is room for others
	lookAgain   = 3 * time.Second
	sayAlive    = 20 * time.Second
	eventPause  = 100 * time.Millisecond
	eventsRetry = 3000             // milliseconds until a browser comes back
	longStream  = 10 * time.Minute // then the client comes back, and is asked again who it is and what it may read
)

// eventStream is the media type of events.
const eventStream = "text/event-stream"

type stoppingKey struct{}

// WithStopping says in the context of all requests (http.Server.BaseContext) when the server begins to stop. It
// waits for the requests in flight, and event streams would last as long as their clients want.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// events answers GET with ?events, or whose Accept begins with their type: server-sent events about one resource, the
// state first and then again each time that it changed. An event "state" carries what problem details tell of a state
// (etag, size, locks, …); for an unmapped URL its data is null. An event "members" says that a collection may list
// differently now; its page has the version of the first one, unless something has happened since. Locks that come and
// go are found by looking now and then, as some go by expiring.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) error {
	t, err := h.target(r)
	if err != nil {
		return err
	}
	who := h.writerOf(r).String()
	if full := h.streams.enter(who); full != 0 {
		return &statusError{status: full, say: "Too many event streams are open.", header: http.Header{"Retry-After": {"30"}}}
	}
	defer h.streams.leave(who)
	changed, cancel := h.fs.Subscribe(t.name)
	defer cancel()
	set(w, "Content-Type", eventStream)
	set(w, "X-Content-Type-Options", "nosniff")
	set(w, "Cache-Control", "no-store")
	set(w, "X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	s := stream{h: h, w: w, r: r, name: t.name}
	fmt.Fprintf(w, "retry: %d\n\n", eventsRetry)
	s.run(changed)
	return nil
}

// enter takes a place among the streams; leave gives it back. full is 0, or the status that says why there is none: what one
// listener has too many of is no fault of the server.
func (s *streams) enter(who string) (full int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.of[who] >= maxOfOne:
		return http.StatusTooManyRequests
	case s.open >= maxStreams:
		return http.StatusServiceUnavailable
	}
	if s.of == nil {
		s.of = make(map[string]int)
	}
	s.open++
	s.of[who]++
	return 0
}

func (s *streams) leave(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.of[who]--; s.of[who] == 0 {
		delete(s.of, who)
	}
}

// stream is one client that listens.
type stream struct {
	h    *Handler
	w    http.ResponseWriter
	r    *http.Request
	name string
	last fs.Identity
	tag  etagfs.ETag
	held string // the tokens of the locks
	sent bool   // all this was told
}

// run tells until the client leaves. Words that come in a row are one event.
func (s *stream) run(changed <-chan struct{}) {
	stopping, _ := s.r.Context().Value(stoppingKey{}).(<-chan struct{})
	look, alive, over := time.Tick(lookAgain), time.Tick(sayAlive), time.After(longStream)
	err := s.tell(false)
	for err == nil {
		select {
		case <-s.r.Context().Done():
			return
		case <-stopping:
			return
		case <-s.h.opts.Over:
			return
		case <-over:
			return
		case <-changed:
			time.Sleep(eventPause)
			select {
			case <-changed:
			default:
			}
			err = s.tell(true)
		case <-look:
			s.h.fs.Follow(s.name)
			err = s.tell(false)
		case <-alive:
			_, err = fmt.Fprint(s.w, ":\n\n")
			s.flush()
		}
	}
}

var errOver = errors.New("another Handler has taken over")

// tell sends the state if it, or who has locked it, is not what was told last; word says that somebody changed
// something, which for a collection may be a member. Errors: errOver, and those of the connection: that was the last.
func (s *stream) tell(word bool) error {
	cur, err := s.h.fs.Stat(s.name)
	if err != nil {
		cur = nil
	}
	var id fs.Identity
	var tag etagfs.ETag
	if cur != nil {
		id, tag = cur.Identity, cur.Tag
	}
	locks := s.h.locksAround(s.r, s.name, s.h.lockPlace("", s.name, cur))
	held := tokens(locks)
	members := word && cur != nil && cur.IsCollection()
	if s.sent && id == s.last && tag == s.tag && held == s.held && !members {
		return nil
	}
	select {
	case <-s.h.opts.Over: // who listens may have lost the right to read what was just found
		return errOver
	default:
	}
	s.last, s.tag, s.held, s.sent = id, tag, held, true
	kind, news := "state", s.h.members(cur)
	if cur != nil && cur.IsCollection() {
		kind = "members"
		news["version"] = version(cur, locks)
	} else if cur != nil && len(locks) > 0 {
		news["locks"] = s.h.lockMembers(locks)
	}
	data, err := json.Marshal(news)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, data) // of one line, as JSON is
	s.flush()
	return err
}

// locksAround are the locks that the page of name shows, and its events tell of: not those of members that are not for who asks.
func (h *Handler) locksAround(r *http.Request, name string, p lock.Place) []lock.Lock {
	return slices.DeleteFunc(h.locks.Around(h.opts.Now(), p), func(l lock.Lock) bool {
		return l.Root != p.Name && path.Dir(l.Root) == p.Name && h.hides(r, name, path.Base(l.Root))
	})
}

// version tells apart the states of a collection with these locks in it.
func version(cur *etagfs.Info, locks []lock.Lock) string {
	sum := sha256.Sum256(fmt.Append(nil, cur.Identity, tokens(locks)))
	return hex.EncodeToString(sum[:8])
}

// tokens tell locks from others; refreshing one keeps its token.
func tokens(locks []lock.Lock) string {
	var b strings.Builder
	for i := range locks {
		b.WriteString(locks[i].Token)
	}
	return b.String()
}

func (s *stream) flush() { _ = http.NewResponseController(s.w).Flush() }
