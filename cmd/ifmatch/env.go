package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envName is the environment variable that stands for a flag: --max-upload is IFMATCH_MAX_UPLOAD.
func envName(flag string) string {
	return "IFMATCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// withoutVariable are flags that are meant for one call: what a variable of the session or of a script far away said
// yes to would be lost.
var withoutVariable = []string{"help", "version", "force", "recursive"}

// applyEnv sets the flags that the command line left alone from the environment: a flag beats its
// variable, and the variable beats the default. An empty variable counts as not set.
// Errors: *usageError for a value that the flag does not accept.
func applyEnv(flags *pflag.FlagSet, getenv func(string) string) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		if first != nil || f.Changed || slices.Contains(withoutVariable, f.Name) {
			return
		}
		name := envName(f.Name)
		value := getenv(name)
		if value == "" {
			return
		}
		if flags.Set(f.Name, value) != nil {
			first = badValue(name, value, f)
		}
	})
	return first
}

// unknownVariables are the names in environ that look like ours and stand for no flag of any command: mistyped, perhaps.
func unknownVariables(root *cobra.Command, environ []string) (names []string) {
	known := map[string]bool{"IFMATCH_PASSWORD": true, "IFMATCH_DIR": true} // that is of the units
	for _, cmd := range root.Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known[envName(f.Name)] = !slices.Contains(withoutVariable, f.Name) })
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "IFMATCH_") && !known[name] && value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
