package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What a command line may hold, and how a mistake in it is worded.

// knownCommand refuses arguments of a command whose work is done by its commands.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return noSuchCommand(cmd, args[0])
}

func noSuchCommand(cmd *cobra.Command, name string) error {
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			known = append(known, c.Name())
		}
	}
	return usagef("%s: no such command; there are %s", name, strings.Join(known, ", "))
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s: takes no argument, not %q", cmd.Name(), args[0])
	}
	return nil
}

// oneArg accepts exactly one argument, which the sentence calls what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 || len(args) == 1 && args[0] == "": // a variable of a script that was not set
			return usagef("%s: %s is missing; usage: %s", cmd.Name(), what, cmd.UseLine())
		case len(args) > 1:
			return usagef("%s: %d arguments %q, where only %s is expected; usage: %s", cmd.Name(), len(args), args, what, cmd.UseLine())
		}
		return nil
	}
}

// someArgs accepts between least and most arguments; usage names them.
func someArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s: too few arguments; usage: %s", cmd.Name(), cmd.UseLine())
		case len(args) > most:
			return usagef("%s: too many arguments: %q; usage: %s", cmd.Name(), args, cmd.UseLine())
		}
		return nil
	}
}

// flagError words a mistake in the flags: which one, and what would be accepted.
func flagError(cmd *cobra.Command, err error) error {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue("--"+bad.GetFlag().Name, bad.GetValue(), bad.GetFlag())
	}
	if none, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usagef("--%s: the value is missing; accepted: %s", none.GetFlag().Name, accepted(none.GetFlag()))
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		given := "--" + unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			given = "-" + letters
		}
		return usagef("%s: no such flag; %s knows %s", given, cmd.CommandPath(), flagNames(cmd))
	}
	return usagef("%w", err)
}

// flagNames lists the flags of cmd for whoever mistyped one.
func flagNames(cmd *cobra.Command) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return strings.Join(names, ", ")
}

// badValue says that the value given at where (a flag or an environment variable) is none of f's.
func badValue(where, value string, f *pflag.Flag) error {
	return usagef("%s: %q is not accepted; accepted: %s", where, value, accepted(f))
}
