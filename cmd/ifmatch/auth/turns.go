package auth

import (
	"context"
	"sync"
)

// Turns let one at a time through for each key, and the others wait. So who sends a thousand passwords at once has them
// compared one by one, and not at all once enough of them were wrong, while others need not queue behind. The zero
// value is ready. Safe for concurrent use.
type Turns struct {
	mu    sync.Mutex
	lines map[string]*line // guarded by mu; of those who wait or have their turn
}

type line struct {
	turn chan struct{} // holds one token while nobody has the turn
	n    int           // guarded by Turns.mu
}

// Take waits for the turn of key; done gives it to the next.
// Errors: that of ctx, when it ended in the queue.
func (t *Turns) Take(ctx context.Context, key string) (done func(), err error) {
	l := t.join(key)
	select {
	case <-l.turn:
		return func() {
			l.turn <- struct{}{}
			t.leave(key, l)
		}, nil
	case <-ctx.Done():
		t.leave(key, l)
		return nil, ctx.Err()
	}
}

func (t *Turns) join(key string) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[key]
	if l == nil {
		l = &line{turn: make(chan struct{}, 1)}
		l.turn <- struct{}{}
		if t.lines == nil {
			t.lines = map[string]*line{}
		}
		t.lines[key] = l
	}
	l.n++
	return l
}

func (t *Turns) leave(key string, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.n--; l.n == 0 {
		delete(t.lines, key)
	}
}
