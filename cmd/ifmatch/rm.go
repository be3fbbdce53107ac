package main

import (
	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

func newRemove(getenv func(string) string) *cobra.Command {
	var recursive, force bool
	cmd := &cobra.Command{
		Use:   "rm [flags] URL",
		Short: "Delete a file in the state it is in now",
		Long: `Look at URL, say what is there, and delete it with If-Match: if somebody changes it in
between, it stays.`,
		Example: `  ifmatch rm https://files.example/old.txt`,
		Args:    oneArg("the URL to delete"),
	}
	r := newRemote(cmd, getenv)
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "delete a collection with everything in it")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "delete a file that has no strong ETag")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[0])
		if err != nil {
			return err
		}
		return c.Remove(cmd.Context(), u, recursive, force, func(s client.State) {
			r.say(cmd, "deleting %s (%v)", u.Redacted(), s)
		})
	}
	return cmd
}
