package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newCommand builds the tree of commands. getenv supplies what no flag says.
func newCommand(getenv func(string) string) *cobra.Command {
	root := &cobra.Command{
		Use:   "ifmatch",
		Short: "Serve a directory over HTTP and WebDAV and never lose an edit",
		Long: `ifmatch serves a directory over HTTP and WebDAV and keeps one promise: a conditional
write (If-Match, If-None-Match, If-Unmodified-Since, If) succeeds only if the file is
still in the state the client named, and then it succeeds completely. Whoever was
slower gets 412 Precondition Failed, and nothing is lost.`,
		Example: `  ifmatch serve ~/notes
  curl -I http://127.0.0.1:8080/todo.txt
  curl -T todo.txt -H 'If-Match: "the ETag"' http://127.0.0.1:8080/todo.txt`,
		Version:           version(),
		Args:              knownCommand,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return applyEnv(cmd.Flags(), getenv) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newServe(getenv), newHash(getenv), newScrub(getenv), newLocks(getenv), newCheckConfig(getenv), newPasswd(), newVersion(), newMan())
	root.AddCommand(newGet(getenv), newPut(getenv), newEdit(getenv), newRemove(getenv), newList(getenv), newWatch(getenv), newDoctor(getenv))
	return root
}

// strict lets the commands that cobra adds refuse what is not there, too: as they come they print help and exit 0.
// It is called when the output of root is known, which they keep.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				_, err := named(root, args)
				return err
			}
		case "completion":
			c.Args, c.DisableFlagsInUseLine = knownCommand, true
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() } // cobra looks at Args only where something runs
		}
	}
}

// named is the command that words are the name of; root for none.
func named(root *cobra.Command, words []string) (*cobra.Command, error) {
	c, rest, err := root.Find(words)
	if err == nil && len(rest) == 0 {
		return c, nil
	}
	if c == nil || !c.HasSubCommands() {
		c = root
	}
	return nil, noSuchCommand(c, strings.Join(words, " "))
}

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
