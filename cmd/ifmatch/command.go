package main

import (
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
	for _, c := range root.Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if one, ok := f.Value.(*choice); ok { // else shells offer the names of files
				c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(one.words, cobra.ShellCompDirectiveNoFileComp))
			}
		})
	}
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
