//go:build !arm

package fs

import (
	iofs "io/fs"
	"path/filepath"
	"testing"

	"ifmatch/fs/fstest/loop"
)

// Where the file system folds case, a resource has the one name that its directory shows: another one would be another name
// to locks and to rules.
func TestOneSpellingWhereCaseIsFolded(t *testing.T) {
	dir := loop.Folding(t, "a.txt", "Secret/x", "1")
	for _, open := range []func(string, RootOptions) (FS, error){OpenRoot, OpenPortable} {
		f, err := open(dir, RootOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if !f.Features().Folds {
			t.Error("it is not found to fold case")
		}
		for name, want := range map[string]error{
			"/": nil, "/a.txt": nil, "/Secret": nil, "/Secret/x": nil, "/1": nil,
			"/A.txt": ErrSpelling, "/A.TXT": ErrSpelling, "/secret": ErrSpelling, "/SECRET/x": ErrSpelling, "/Secret/X": ErrSpelling,
		} {
			_, err := f.Lookup(name)
			wantErr(t, "lookup "+name, err, want)
			_, err = f.Resolve(name)
			wantErr(t, "resolve "+name, err, want)
			if name == "/" || name == "/Secret" || name == "/secret" {
				continue
			}
			file, err := f.OpenRead(name)
			wantErr(t, "open "+name, err, want)
			if err == nil {
				file.Close()
			}
		}
		for name, want := range map[string]error{"/new": nil, "/Secret/new": nil, "/secret/new": ErrSpelling, "/none/new": iofs.ErrNotExist} {
			_, err := f.Resolve(name)
			wantErr(t, "resolve unmapped "+name, err, want)
		}
	}
}

func TestOneSpellingOnAMountBelow(t *testing.T) {
	dir := loop.Folding(t, "a.txt", "Secret/x", "1")
	below := "/" + filepath.Base(dir)
	f := openRoot(t, filepath.Dir(dir), RootOptions{})
	for name, want := range map[string]error{
		"": nil, "/a.txt": nil, "/1": nil, "/Secret/x": nil, "/A.TXT": ErrSpelling, "/SECRET/x": ErrSpelling,
	} {
		_, err := f.Lookup(below + name)
		wantErr(t, "lookup "+name, err, want)
	}
}
