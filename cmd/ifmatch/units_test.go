//go:build unix

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// What the units start, and the variables that they set, are such that the program takes them.
func TestUnitsStartWhatThereIs(t *testing.T) {
	units, err := filepath.Glob("../../systemd/*.service")
	must(t, err)
	units = append(units, "../../systemd/user/ifmatch.service")
	if len(units) < 3 {
		t.Fatalf("only %v are there", units)
	}
	variables := map[string]bool{"IFMATCH_DIR": true} // the unit's own
	defaultSettings().flags().VisitAll(func(f *pflag.Flag) { variables[envName(f.Name)] = true })
	execStart := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/ifmatch (.*)$`)
	variable := regexp.MustCompile(`(IFMATCH_[A-Z_]+)=`)
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		must(t, err)
		start := execStart.FindSubmatch(text)
		if start == nil {
			t.Errorf("%s starts nothing of ours", unit)
		} else if err := parses(strings.Fields(string(start[1]))); err != nil {
			t.Errorf("%s: %v", unit, err)
		}
		for _, m := range variable.FindAllSubmatch(text, -1) {
			if !variables[string(m[1])] {
				t.Errorf("%s: there is no variable %s", unit, m[1])
			}
		}
	}
}
