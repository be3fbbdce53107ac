package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan prints manual pages, so that packages need no generator of their own:
// ifmatch man >ifmatch.1; ifmatch man serve >ifmatch-serve.1
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:                   "man [COMMAND]",
		Short:                 "Print the manual page of ifmatch or of one of its commands",
		Example:               "  ifmatch man serve | man -l -",
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, err := named(cmd.Root(), args)
			if err != nil {
				return err
			}
			title := strings.ToUpper(strings.ReplaceAll(about.CommandPath(), " ", "-"))
			header := &doc.GenManHeader{Title: title, Section: "1", Source: "ifmatch " + version(), Manual: "ifmatch"}
			return doc.GenMan(about, header, cmd.OutOrStdout())
		},
	}
}
