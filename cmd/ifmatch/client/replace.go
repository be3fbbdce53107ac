package client

import (
	"crypto/rand"
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile has write write a new file beside path, and renames it over path when it is complete and on disk. It has the mode
// and the ACL of the old one; where there is none it is made with perm, from which the system takes the umask. Where path is a
// symbolic link, the file that it leads to is replaced.
// Errors: those of write; those of the file system, among them that a link leads nowhere.
func ReplaceFile(path string, perm iofs.FileMode, write func(*os.File) error) error {
	if fi, err := os.Lstat(path); err == nil && fi.Mode().Type() == iofs.ModeSymlink {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	old, err := os.Stat(path)
	if err == nil {
		perm = 0o600 // until it has those
	}
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".new-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err == nil && old != nil {
		err = errors.Join(keepACL(f, path), f.Chmod(old.Mode().Perm()))
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
