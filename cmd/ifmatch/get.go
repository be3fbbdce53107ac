package main

import (
	"path"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

func newGet(getenv func(string) string) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "get [flags] URL [FILE]",
		Short: "Fetch a file and remember its ETag",
		Long: `Fetch URL into FILE (default: its last segment; - is standard output) and remember the
ETag, so that "ifmatch put FILE URL" can overwrite that state and no other.

An existing FILE is replaced only if it is still as get or put left it. Then it is fetched
only if the resource has changed. This works with any HTTP server that has ETags.`,
		Example: `  ifmatch get https://files.example/todo.txt
  ifmatch put todo.txt https://files.example/todo.txt`,
		Args: someArgs(1, 2),
	}
	r := newRemote(cmd, getenv)
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace FILE even if it was changed here")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[0])
		if err != nil {
			return err
		}
		_, file := path.Split(u.Path)
		if len(args) > 1 {
			file = args[1]
		}
		switch file {
		case "-":
			c.Progress = nil // it would be drawn into the text
			_, _, err := c.Fetch(cmd.Context(), u, client.Condition{}, cmd.OutOrStdout())
			return err
		case "/", ".", "..", "":
			return usagef("get: %s names no file; say where to put it: %s", u.Redacted(), cmd.UseLine())
		}
		s, unchanged, err := c.Get(cmd.Context(), u, file, force)
		switch {
		case err != nil:
			return err
		case unchanged:
			r.say(cmd, "%s is up to date", file)
		case !s.Strong():
			r.say(cmd, "%s fetched; its ETag is not strong, so put may have to refuse (%v)", file, s)
		default:
			r.say(cmd, "%s fetched (%v)", file, s)
		}
		return nil
	}
	return cmd
}
