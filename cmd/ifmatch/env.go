package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// envName is the environment variable that stands for a flag: --max-upload is IFMATCH_MAX_UPLOAD.
func envName(flag string) string {
	return "IFMATCH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnv sets the flags that the command line left alone from the environment: a flag beats its
// variable, and the variable beats the default. An empty variable counts as not set.
// Errors: *usageError for a value that the flag does not accept.
func applyEnv(flags *pflag.FlagSet, getenv func(string) string) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		if first != nil || f.Changed || f.Name == "help" {
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
