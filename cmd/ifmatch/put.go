package main

import (
	neturl "net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

func newPut(getenv func(string) string) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "put [flags] FILE URL",
		Short: "Save a file, but only over the state it was made from",
		Long: `Save FILE as URL. Where nothing is, it is created with If-None-Match: *. What is there is
overwritten with If-Match and the ETag that get or put remembered for this URL and FILE.
If it has changed since, or if nothing is remembered, nothing is written. A URL that
ends with a slash gets the name of FILE.`,
		Example: `  ifmatch put todo.txt https://files.example/todo.txt
  ifmatch put todo.txt https://files.example/`,
		Args: someArgs(2, 2),
	}
	r := newRemote(cmd, getenv)
	cmd.Flags().BoolVarP(&force, "force", "f", false, "overwrite what is there now, and say what it was")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[1])
		if err != nil {
			return err
		}
		file := args[0]
		if strings.HasSuffix(u.Path, "/") {
			u = u.JoinPath(neturl.PathEscape(filepath.Base(file)))
		}
		out, err := c.Put(cmd.Context(), u, file, force, func(s client.State) {
			if force && s.Mapped {
				r.say(cmd, "overwriting %s (%v)", u.Redacted(), s)
			}
		})
		switch {
		case err != nil:
			return err
		case out.ETag == "":
			r.say(cmd, "%s saved; the server gives it no ETag, so the next put will refuse", u.Redacted())
		case out.Created:
			r.say(cmd, "%s created, ETag %s", u.Redacted(), out.ETag)
		default:
			r.say(cmd, "%s saved, ETag %s", u.Redacted(), out.ETag)
		}
		return nil
	}
	return cmd
}
