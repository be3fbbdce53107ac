package main

import (
	"os"
	"path/filepath"
	"testing"

	"ifmatch/handler/exchange"
)

// The scripts that the handler passes in its own process hold for the built program, too: with its
// listeners, its deadlines and its file system.
func TestExchangesWithProgram(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range scripts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			must(t, err)
			script, err := exchange.Parse(text)
			must(t, err)
			args := append(append([]string{"--durability=none"}, script.Flags...), t.TempDir())
			script.Run(t, start(t, nil, args...).url)
		})
	}
}
