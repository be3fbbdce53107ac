package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/journal"
)

// The journal takes each line on standard error for a message, with the priority that it begins with
// (sd-daemon(3)). So `journalctl -p warning` finds what needs a look.
const (
	journalError   = "<3>"
	journalWarning = "<4>"
	journalInfo    = "<6>"
)

// toJournal tells whether the journal reads what is written to w.
func toJournal(w io.Writer) bool {
	yes, err := journal.StderrIsJournalStream()
	return w == os.Stderr && yes && err == nil
}

// forJournal is text of which each line is an error.
func forJournal(text string) string {
	return journalError + strings.ReplaceAll(text, "\n", "\n"+journalError)
}

// journalHandler puts the priority in front of each line that next writes to out. Safe for concurrent use.
type journalHandler struct {
	next slog.Handler
	out  *journalWriter
}

// journalWriter takes a line at once, as slog's handlers write it.
type journalWriter struct {
	w        io.Writer
	mu       sync.Mutex
	priority string // guarded by mu, which is held while a line is written
	line     []byte // guarded by mu
}

func (w *journalWriter) Write(p []byte) (int, error) {
	w.line = append(append(w.line[:0], w.priority...), p...)
	if _, err := w.w.Write(w.line); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	switch {
	case r.Level >= slog.LevelError:
		h.out.priority = journalError
	case r.Level >= slog.LevelWarn:
		h.out.priority = journalWarning
	default:
		h.out.priority = journalInfo
	}
	return h.next.Handle(ctx, r)
}

func (h journalHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journalHandler{h.next.WithAttrs(attrs), h.out}
}

func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.next.WithGroup(name), h.out}
}
