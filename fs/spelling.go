package fs

import (
	"errors"
	"io"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
)

// FAT, exFAT, NTFS, APFS, SMB and directories of ext4 that fold case take names that differ in case, and some of them in their
// Unicode form, for one, and may give a file a short name beside its own. Latches, locks, properties and rules go by names. So a
// resource has one name here, the one that its directory shows, and is ErrSpelling by any other.

// spelled looks whether the directories on the way to a real name show it as it is spelled.
// Errors: ErrSpelling; of the operating system.
func (d *disk) spelled(name string) error {
	if name == "/" {
		return nil
	}
	dir := "."
	for base := range strings.SplitSeq(name[1:], "/") {
		if err := d.spelledIn(dir, base); err != nil {
			return err
		}
		dir = path.Join(dir, base)
	}
	return nil
}

func (d *disk) spelledIn(dir, base string) error {
	if other := otherCase(base); other != base {
		if _, err := d.root.Lstat(path.Join(dir, other)); errors.Is(err, iofs.ErrNotExist) {
			return nil // here case is told apart
		}
	}
	shown, err := d.shows(dir, base)
	if err == nil && !shown {
		if _, err = d.root.Lstat(path.Join(dir, base)); err == nil { // else it went meanwhile
			err = ErrSpelling
		}
	}
	return err
}

// shows tells whether a listing of dir has base.
func (d *disk) shows(dir, base string) (bool, error) {
	members, err := d.root.Open(dir)
	if err != nil {
		return false, err
	}
	defer members.Close()
	for {
		bases, err := members.Readdirnames(256)
		if slices.Contains(bases, base) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// folds tells whether the root takes names that differ in case for one. made is a file in it, "" where none could be made: then
// its members are tried. True where nothing tells: then each name is looked at.
func (d *disk) folds(made string) bool {
	bases := []string{made}
	if made == "" {
		if dir, err := d.root.Open("."); err == nil {
			bases, _ = dir.Readdirnames(256)
			dir.Close()
		}
	}
	for _, base := range bases {
		if other := otherCase(base); other != base {
			_, err := d.root.Lstat(other)
			return err == nil
		}
	}
	return true
}

// otherCase is base in upper case, or else in lower case, or as it is where it has no such letters.
func otherCase(base string) string {
	if upper := strings.ToUpper(base); upper != base {
		return upper
	}
	return strings.ToLower(base)
}
