//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUmaskOfAShare(t *testing.T) {
	h := houseWith(t, "umask = \"0077\"\n[[share]]\nprefix = \"/a\"\ndir = \"DIR/a\"\numask = \"002\"\n[[share]]\nprefix = \"/b\"\ndir = \"DIR/b\"\n", "a", "b")
	h.open()
	for share, want := range map[string][2]os.FileMode{"a": {0o664, 0o775}, "b": {0o600, 0o700}} {
		res, _ := h.ask("", "PUT", "/"+share+"/f", "x")
		wantStatus(t, res, 201)
		res, _ = h.ask("", "MKCOL", "/"+share+"/d", "")
		wantStatus(t, res, 201)
		for i, name := range []string{"f", "d"} {
			if fi, err := os.Stat(filepath.Join(h.dir, share, name)); err != nil || fi.Mode().Perm() != want[i] {
				t.Errorf("%s/%s: %v %v, want %v", share, name, fi.Mode(), err, want[i])
			}
		}
	}
}

func TestOwnershipIsChecked(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`owner = "no-such-user"`, `share.owner: "no-such-user" is not accepted; accepted: the name or number of a user`},
		{`group = "no-such-group"`, `share.group: "no-such-group" is not accepted; accepted: the name or number of a group`},
		{`umask = 0o027`, `share.umask: "23" is not accepted; accepted: octal digits`},
		{`umask = "0999"`, `share.umask: "0999" is not accepted`},
	} {
		file := writeFile(t, filepath.Join(t.TempDir(), "x.toml"), "[[share]]\nprefix = \"/a\"\ndir = \"/srv\"\n"+tt.text+"\n")
		if _, err := readSetup(t, file); err == nil || !strings.Contains(err.Error(), ":4: "+tt.want) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}
