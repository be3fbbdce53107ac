package main

import (
	"io"
	"log/slog"
)

// newLogger writes lines of text or of JSON from a level on. It is safe for concurrent use.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	o := &slog.HandlerOptions{Level: map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[level]}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
