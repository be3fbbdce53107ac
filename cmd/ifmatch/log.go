package main

import (
	"io"
	"log/slog"
)

// newLogger writes lines of text or of JSON. It is safe for concurrent use.
func newLogger(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}
