package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

func newWatch(getenv func(string) string) *cobra.Command {
	var once, asJSON bool
	interval := pause{duration(2 * time.Second)}
	cmd := &cobra.Command{
		Use:   "watch [flags] URL",
		Short: "Tell whenever a file changes",
		Long: `Print a line for the state of URL now and for each new one, until interrupted. That nothing is
there is a state, too. A server with server-sent events, such as ifmatch, says when to look. Any
other is asked again and again, with If-None-Match.`,
		Example: `  ifmatch watch https://files.example/todo.txt
  ifmatch watch --once https://files.example/todo.txt && ifmatch get -q https://files.example/todo.txt`,
		Args: oneArg("the URL to watch"),
	}
	r := newRemote(cmd, getenv)
	cmd.Flags().Var(&interval, "interval", "how long to wait before asking again, where the server does not report changes; at least 10ms")
	cmd.Flags().BoolVar(&once, "once", false, "end with the first change")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[0])
		if err != nil {
			return err
		}
		states := 0
		return c.Watch(cmd.Context(), u, max(time.Duration(interval.duration), 10*time.Millisecond), func(s client.State, err error) bool {
			now := time.Now()
			switch {
			case err != nil:
				r.say(cmd, "%s still trying: %v", now.Format(time.TimeOnly), err)
				return true
			case asJSON:
				j := toJSON("", s)
				j.Time = &now
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(j)
			default:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %v\n", now.Format(time.TimeOnly), s)
			}
			states++
			return err == nil && !(once && states > 1)
		})
	}
	return cmd
}
