package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/doctor"
)

var (
	errUnsafe = errors.New("the server is not safe; the card says why")
	errUnsure = errors.New("the examination is not complete; the card says why")
)

func newDoctor(getenv func(string) string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [flags] URL",
		Short: "Find out whether a server loses edits",
		Long: `Try a server, any server, in a scratch collection below URL: conditional writes, races,
stale tags, uploads that break off, locks, the If header. Print what it does right and
wrong, and why that matters. Nothing outside the scratch collection is changed, and it
is removed again. Exit code 1 if something is wrong, or could not be tried.`,
		Example: `  ifmatch doctor https://files.example/scratch/`,
		Args:    oneArg("the URL of a collection"),
	}
	r := newRemote(cmd, getenv)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the card as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[0])
		if err != nil {
			return err
		}
		c.Progress = nil
		tell := func(string) {}
		if f, ok := onTerminal(cmd.ErrOrStderr()); ok && !r.quiet {
			tell = func(check string) { fmt.Fprintf(f, "\r\033[K%s ...", check) }
			defer fmt.Fprint(f, "\r\033[K")
		}
		card, err := doctor.Examine(cmd.Context(), c, u, tell)
		if card == nil {
			return err
		}
		if err != nil {
			return interrupted(card)
		}
		if asJSON {
			err = card.JSON(cmd.OutOrStdout())
		} else {
			card.Print(cmd.OutOrStdout())
		}
		switch {
		case err != nil:
			return err
		case card.Count(doctor.Wrong) > 0:
			return errUnsafe
		case !card.Healthy():
			return errUnsure
		}
		return nil
	}
	return cmd
}

// interrupted says what became of the scratch collection.
func interrupted(card *doctor.Card) error {
	if card.LeftBehind != "" {
		return fmt.Errorf("interrupted; %s could not be removed", card.LeftBehind)
	}
	return errors.New("interrupted; the scratch collection was removed")
}
