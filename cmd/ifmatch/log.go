package main

import (
	"context"
	"io"
	"log/slog"
)

// newLogger writes lines of text or of JSON from a level on, with priorities where the journal reads them. It is
// safe for concurrent use.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	if !toJournal(w) {
		return slog.New(logHandler{lineHandler(w, format, level)})
	}
	out := &journalWriter{w: w}
	return slog.New(logHandler{journalHandler{lineHandler(out, format, level), out}})
}

func lineHandler(w io.Writer, format, level string) slog.Handler {
	o := &slog.HandlerOptions{Level: map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[level]}
	if format == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// logHandler knows what the context of a request says about its lines.
type logHandler struct{ slog.Handler }

// Enabled passes over the watchdog's own requests that went well: one every few seconds, for years.
func (h logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.Handler.Enabled(ctx, level) && (level >= slog.LevelWarn || ctx.Value(ownProbe{}) == nil)
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs)}
}

func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }
