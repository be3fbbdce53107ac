package handler

import (
	"os"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// WithoutNotify is the way in which all tests of this package run when the environment says so, as it does to
// the program: the answers are the same.
var WithoutNotify = os.Getenv("IFMATCH_NO_NOTIFY") != ""

// NewTree is etagfs.New in that way.
func NewTree(base fs.FS, o etagfs.Options) *etagfs.FS {
	o.NoNotify = o.NoNotify || WithoutNotify
	return etagfs.New(base, o)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
