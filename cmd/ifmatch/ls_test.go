package main

import (
	"bytes"
	"strings"
	"testing"

	"ifmatch/cmd/ifmatch/client"
)

// What a server says of its files rules no terminal.
func TestListForEyes(t *testing.T) {
	var out bytes.Buffer
	e := client.Entry{Name: "a\u009b31m\x1b[31m", State: client.State{Mapped: true, ETag: "\"b\u009b31m\""}}
	if err := listLong(&out, []client.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.ContainsAny(got, "\u009b\x1b") || !strings.Contains(got, `"b?31m"`) {
		t.Errorf("%q", got)
	}
}
