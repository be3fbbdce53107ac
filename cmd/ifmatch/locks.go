package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/admin"
	"ifmatch/cmd/ifmatch/client"
)

func newLocks(getenv func(string) string) *cobra.Command {
	state, asJSON, tokens := "", false, false
	cmd := &cobra.Command{
		Use:   "locks [flags]",
		Short: "List and break the write locks of a running server",
		Long: `List the write locks of the servers on this machine. Run it as root or as the user that the
server runs as. The first column is a short name for ifmatch locks break. The token itself,
with which the lock could be used, is listed only with --tokens. The locks in a user's home are
listed once that user has sent a request since the server started.

Exit codes: 0 done, 1 no server runs or something failed, 2 the command line is wrong.`,
		Example: `  ifmatch locks
  sudo ifmatch locks --state /var/lib/ifmatch
  ifmatch locks --json | jq -r '.[] | select(.user == "anna") | .id'
  ifmatch locks break /docs/report.odt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			locks, err := allLocks(cmd.Context(), state, tokens, getenv)
			if err != nil {
				return err
			}
			return showLocks(cmd.OutOrStdout(), locks, asJSON, tokens)
		},
	}
	flags := func(c *cobra.Command) {
		c.Flags().StringVar(&state, "state", "", "directory of the state, as for serve, or the one that holds it (default: in $STATE_DIRECTORY, or in ifmatch in $XDG_STATE_HOME or ~/.local/state)")
		c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	}
	flags(cmd)
	cmd.Flags().BoolVar(&tokens, "tokens", false, "list the tokens, too: whoever knows one may use the lock")

	breaks := &cobra.Command{
		Use:   "break [flags] ID|TOKEN|PATH",
		Short: "End a write lock, whoever holds it",
		Long: `End a write lock, whoever holds it: by its ID in the list of ifmatch locks, of which the
first digits are enough; by its token; or all on a path, spelled as in the list. Whoever
held it is refused with 412 or 409 when the token is used next, and the log of the server
says who broke whose lock.

Exit codes: 0 done, 1 there is no such lock or something failed, 2 the command line is wrong.`,
		Example: `  ifmatch locks break 3f2a9c01d7b4
  ifmatch locks break /docs/report.odt`,
		Args: oneArg("the lock to break"),
		RunE: func(cmd *cobra.Command, args []string) error {
			locks, err := allLocks(cmd.Context(), state, false, getenv)
			if err != nil {
				return err
			}
			broken, err := breakLocks(cmd.Context(), locks, args[0])
			if asJSON && err == nil {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(broken)
			}
			for _, l := range broken {
				fmt.Fprintf(cmd.OutOrStdout(), "broke the %s lock %s of %s on %s\n", l.Scope, l.ID, whose(l), client.Printable(l.Path))
			}
			return err
		},
	}
	flags(breaks)
	cmd.AddCommand(breaks)
	return cmd
}

// serverLock is a lock and the server that has it.
type serverLock struct {
	admin.Lock
	at *admin.Client
}

func allLocks(ctx context.Context, state string, tokens bool, getenv func(string) string) (all []serverLock, err error) {
	servers, err := findServers(ctx, state, getenv)
	if err != nil {
		return nil, err
	}
	for _, c := range servers {
		locks, err := c.Locks(ctx, tokens)
		if err != nil {
			return nil, err
		}
		for _, l := range locks {
			all = append(all, serverLock{l, c})
		}
	}
	slices.SortStableFunc(all, func(a, b serverLock) int {
		return cmp.Or(cmp.Compare(a.Share, b.Share), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Dir, b.Dir))
	})
	return all, nil
}

func showLocks(w io.Writer, locks []serverLock, asJSON, tokens bool) error {
	if asJSON {
		bare := make([]admin.Lock, len(locks))
		for i, l := range locks {
			bare[i] = l.Lock
		}
		return json.NewEncoder(w).Encode(bare)
	}
	if len(locks) == 0 {
		_, err := fmt.Fprintln(w, "no locks")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "ID\tSHARE\tPATH\tDEPTH\tSCOPE\tUSER\tOWNER\tENDS"
	if tokens {
		head += "\tTOKEN"
	}
	fmt.Fprintln(t, head)
	for _, l := range locks {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", l.ID, column(l.Share), column(l.Path), l.Depth, l.Scope,
			column(l.User), column(l.Owner), l.Ends.Local().Format(time.DateTime))
		if tokens {
			fmt.Fprint(t, "\t", l.Token)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// breakLocks ends the locks that what names.
func breakLocks(ctx context.Context, locks []serverLock, what string) (broken []admin.Lock, err error) {
	named, err := theseLocks(locks, what)
	if err != nil {
		return nil, err
	}
	for _, l := range named {
		some, err := l.at.Break(ctx, l.ID)
		broken = append(broken, some...)
		if err != nil {
			return broken, err
		}
	}
	if len(broken) == 0 {
		return nil, fmt.Errorf("%s: the lock ended just now", client.Printable(what))
	}
	return broken, nil
}

// theseLocks finds the locks on a path, or the one with an ID or token.
func theseLocks(locks []serverLock, what string) (found []serverLock, err error) {
	id := what
	onPath := strings.HasPrefix(what, "/")
	if onPath {
		what = path.Clean(what)
	} else if token := strings.Trim(what, "<>"); strings.Contains(token, ":") { // a URI, perhaps as a Coded-URL
		id = admin.ID(token)
		what = id // the token is repeated nowhere
	}
	dirs := map[string]bool{}
	var above *serverLock
	for i, l := range locks {
		if onPath && l.Path == what || !onPath && len(id) >= 4 && strings.HasPrefix(l.ID, id) {
			found = append(found, l)
			dirs[l.Dir] = true
		}
		if onPath && l.Depth == "infinity" && below(what, l.Path) {
			above = &locks[i]
		}
	}
	switch {
	case len(found) == 0 && above != nil:
		return nil, fmt.Errorf("%s: there is no lock on it, but one on %s that holds for it as well: %s", client.Printable(what), client.Printable(above.Path), above.ID)
	case len(found) == 0:
		return nil, fmt.Errorf("%s: there is no such lock; ifmatch locks lists those that there are", client.Printable(what))
	case onPath && len(dirs) > 1, !onPath && len(found) > 1:
		return nil, fmt.Errorf("%s: that may be any of %d locks; name one by its ID", client.Printable(what), len(found))
	}
	return found, nil
}

// below tells whether path is inside dir, and not dir itself.
func below(path, dir string) bool {
	return dir == "/" && path != "/" || strings.HasPrefix(path, dir+"/")
}

// whose says whose lock it is, as far as anybody knows.
func whose(l admin.Lock) string { return cmp.Or(client.Printable(cmp.Or(l.User, l.Owner)), "somebody") }

// column is one of a table, never empty, so that scripts can count.
func column(s string) string { return cmp.Or(client.Printable(s), "-") }
