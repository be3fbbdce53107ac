package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLinesForTheJournal(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var lines strings.Builder
		out := &journalWriter{w: &lines}
		log := slog.New(logHandler{journalHandler{lineHandler(out, format, "info"), out}}).With("a", 1).WithGroup("g")
		log.Info("one\ntwo", "b", 2)
		log.Warn("three")
		log.Error("four")
		got := strings.Split(lines.String(), "\n")
		if len(got) != 4 || got[3] != "" {
			t.Fatalf("%q", got)
		}
		for i, want := range []string{"<6>", "<4>", "<3>"} {
			if rest, ok := strings.CutPrefix(got[i], want); !ok || strings.Contains(rest, "<") || !strings.Contains(rest, "time") {
				t.Errorf("%s: %q, want %s", format, got[i], want)
			}
		}
	}
	if got := forJournal("ifmatch: a\nb"); got != "<3>ifmatch: a\n<3>b" {
		t.Errorf("%q", got)
	}
}
