package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

// Each thing that was tried is said once, on one side or the other, in one line.
func TestFeaturesAreSaid(t *testing.T) {
	all := fs.Features{Sync: true, Tmpfile: true, Exchange: true, Lease: true, Beneath: true, Granularity: time.Nanosecond, Notify: true, Kind: "ext4"}
	for _, tt := range []struct {
		name        string
		f           fs.Features
		can, cannot []string
	}{
		{"everything", all, []string{"power cut", "without a name", "exchange", "open for writing", "inside the tree", "own time", "upper from lower", "report changes"}, []string{"nothing"}},
		{"nothing", fs.Features{Granularity: 2 * time.Second, Folds: true}, []string{"nothing"}, []string{"power cut", "without a name", "exchange", "open file", "inside", "2s", "upper from lower", "report changes"}},
		{"read-only", fs.Features{ReadOnly: true, Beneath: true, Granularity: time.Nanosecond, Notify: true}, []string{"inside"}, []string{"be written"}},
		{"untried", fs.Features{Untried: true, Beneath: true, Granularity: time.Second}, []string{"inside"}, []string{"be tried: there is no permission", "1s"}},
		{"not alone", fs.Features{Granularity: time.Nanosecond, Beside: true}, []string{"own time"}, nil},
	} {
		var out bytes.Buffer
		logFeatures(newLogger(&out, "text", "info"), tt.f)
		line := out.String()
		_, can, _ := strings.Cut(line, " can=")
		can, cannot, _ := strings.Cut(can, " cannot=")
		for _, w := range tt.can {
			if !strings.Contains(can, w) {
				t.Errorf("%s: can %s does not say %q", tt.name, can, w)
			}
		}
		for _, w := range tt.cannot {
			if !strings.Contains(cannot, w) {
				t.Errorf("%s: cannot %s does not say %q", tt.name, cannot, w)
			}
		}
		if beside := "another server"; strings.Contains(line, beside) != tt.f.Beside {
			t.Errorf("%s: %s", tt.name, line)
		}
		if !tt.f.Beside && strings.Count(line, "\n") != 1 {
			t.Errorf("%s: not one line:\n%s", tt.name, line)
		}
	}
}
