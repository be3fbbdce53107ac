package handler_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

// Log and answer have one id; only a trusted proxy may choose it, and it cannot be one that spoils a log.
func TestRequestID(t *testing.T) {
	for _, tt := range []struct {
		remote string
		given  []string
		kept   bool
	}{
		{"10.0.0.1:1", []string{"4bf92f3577b34da6a3ce929d0e0e4736"}, true},
		{"10.0.0.1:1", []string{"0191e7a1-71b3-7cc0-9d3c-0d5a3a1f2b3c"}, true},
		{"10.0.0.2:1", []string{"4bf92f3577b34da6a3ce929d0e0e4736"}, false},
		{"10.0.0.1:1", nil, false},
		{"10.0.0.1:1", []string{""}, false},
		{"10.0.0.1:1", []string{"a", "b"}, false},
		{"10.0.0.1:1", []string{"a b"}, false},
		{"10.0.0.1:1", []string{"a\x1b[2J"}, false},
		{"10.0.0.1:1", []string{strings.Repeat("a", 65)}, false},
	} {
		var log bytes.Buffer
		h, err := handler.New(handler.NewTree(fs.NewMemory(), etagfs.Options{}), handler.Options{
			Log:            slog.New(slog.NewTextHandler(&log, nil)),
			TrustForwarded: func(r *http.Request) bool { return r.RemoteAddr == "10.0.0.1:1" },
		})
		must(t, err)
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		r.Header["X-Request-Id"] = tt.given
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		got := rec.Header()["X-Request-Id"]
		if len(got) != 1 || got[0] == "" || tt.kept != (tt.given != nil && got[0] == tt.given[0]) {
			t.Errorf("%+v: answered with %q", tt, got)
		}
		if !strings.Contains(log.String(), " id="+got[0]+" ") {
			t.Errorf("%q is not in the log:\n%s", got, &log)
		}
	}
}
