package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ifmatch/cmd/ifmatch/client"
)

func newList(getenv func(string) string) *cobra.Command {
	var long, asJSON bool
	cmd := &cobra.Command{
		Use:     "ls [flags] URL",
		Short:   "List a collection",
		Long:    `List the members of a collection. The server must speak WebDAV.`,
		Example: `  ifmatch ls -l https://files.example/notes/`,
		Args:    oneArg("the URL to list"),
	}
	r := newRemote(cmd, getenv)
	cmd.Flags().BoolVarP(&long, "long", "l", false, "size, time and ETag as well")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, u, err := r.client(cmd, args[0])
		if err != nil {
			return err
		}
		entries, err := c.List(cmd.Context(), u)
		if err != nil {
			return err
		}
		switch {
		case asJSON:
			return listJSON(cmd.OutOrStdout(), entries)
		case long:
			return listLong(cmd.OutOrStdout(), entries)
		}
		for _, e := range entries {
			fmt.Fprintln(cmd.OutOrStdout(), display(e))
		}
		return nil
	}
	return cmd
}

// display is the name as a terminal may show it, with a slash behind collections.
func display(e client.Entry) string {
	name := client.Printable(e.Name)
	if e.Collection {
		name += "/"
	}
	return name
}

func listLong(w io.Writer, entries []client.Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, e := range entries {
		size, changed := "-", "-"
		if e.SizeBytes >= 0 {
			size = client.Size(e.SizeBytes)
		}
		if !e.Modified.IsZero() {
			changed = e.Modified.Local().Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", size, changed, display(e), client.Printable(e.ETag))
	}
	return t.Flush()
}

// stateJSON is a state for scripts.
type stateJSON struct {
	Name       string     `json:"name,omitempty"`
	Time       *time.Time `json:"time,omitempty"` // when it was seen
	Mapped     bool       `json:"mapped"`
	Collection bool       `json:"collection,omitempty"`
	ETag       string     `json:"etag,omitempty"`
	SizeBytes  *int64     `json:"size,omitempty"`
	Modified   *time.Time `json:"modified,omitempty"`
	Type       string     `json:"type,omitempty"`
}

func toJSON(name string, s client.State) stateJSON {
	j := stateJSON{Name: name, Mapped: s.Mapped, Collection: s.Collection, ETag: s.ETag, Type: s.Type}
	if s.Mapped && s.SizeBytes >= 0 {
		j.SizeBytes = &s.SizeBytes
	}
	if !s.Modified.IsZero() {
		j.Modified = &s.Modified
	}
	return j
}

func listJSON(w io.Writer, entries []client.Entry) error {
	out := json.NewEncoder(w)
	for _, e := range entries {
		if err := out.Encode(toJSON(e.Name, e.State)); err != nil {
			return err
		}
	}
	return nil
}
