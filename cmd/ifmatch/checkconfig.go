package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newCheckConfig(getenv func(string) string) *cobra.Command {
	return &cobra.Command{
		Use:   "check-config FILE",
		Short: "Look for mistakes in a configuration file",
		Long: `Read FILE as serve --config would, with the files and directories that it names. Print each
mistake with its line, its key and what would be accepted. Print also what may be a mistake, such as
rules for users who do not exist, and homes that another share serves with other settings.
Exit codes: 0 it can be served, 2 it cannot.`,
		Example:               "  ifmatch check-config /etc/ifmatch/ifmatch.toml",
		Args:                  oneArg("the configuration file"),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags := defaultSettings().flags()
			if err := applyEnv(flags, getenv); err != nil {
				return err
			}
			flags.Set("config", args[0])
			set, err := newSource(flags, "").load()
			if err != nil {
				return err
			}
			if err := set.guarded(set.listen.loopback()); err != nil {
				return err
			}
			for _, p := range set.remarks() {
				fmt.Fprintf(cmd.ErrOrStderr(), "perhaps a mistake: %v\n", p)
			}
			if set.certs != nil {
				if say := set.certs.trouble(time.Now()); say != "" {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", set.tlsCert, say)
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0], set)
			return nil
		},
	}
}
