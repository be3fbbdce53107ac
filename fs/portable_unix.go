//go:build unix

package fs

import (
	"errors"
	iofs "io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openNonblock keeps an open from waiting for the other end of a FIFO.
const openNonblock = syscall.O_NONBLOCK

// badBase: what a name must not hold beside NUL is left to the file system.
func badBase(string) bool { return false }

func slashed(target string) string { return target }

// lockTree takes the lock that says that a server is here, and tells whether no other one is. Another one that
// looks at the same moment makes both say no; where no exclusive lock is to be had (NFS), nobody can tell. The lock goes with dir.
func lockTree(dir *os.File) (unlock func(), alone bool, err error) {
	err = flock(dir, syscall.LOCK_EX|syscall.LOCK_NB)
	return func() {}, !errors.Is(err, syscall.EWOULDBLOCK), flock(dir, syscall.LOCK_SH)
}

// lockAlone tries to find that no other server is here, and keeps others away until unlockAlone. Another one that looks at the
// same moment makes both say no, which only leaves the sweep for the next start.
func lockAlone(dir *os.File) (bool, error) {
	err := flock(dir, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, flock(dir, syscall.LOCK_SH)
	}
	return err == nil, err
}

func unlockAlone(dir *os.File) error { return flock(dir, syscall.LOCK_SH) }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if err != syscall.EINTR {
			return err
		}
	}
}

// lockStaged and inUse: the lock on the directory is enough.
func lockStaged(*os.File) {}

func inUse(*os.Root, string, time.Time) bool { return false }

// giveName gives a file a name that nobody has, beside the one it has. Error iofs.ErrExist.
func giveName(root *os.Root, from, to string) error { return root.Link(from, to) }

// overOpen is err of a rename over rel.
func overOpen(_ *os.Root, _ string, err error) error { return err }

// setStagedTime sets the modification time of the file at rel.
func setStagedTime(root *os.Root, rel string, _ *os.File, mtime time.Time) error {
	return root.Chtimes(rel, time.Time{}, mtime)
}

func syncDir(dir *os.File) error { return dir.Sync() }

// syncAll is sync(2), which may return before all is written.
func syncAll() error {
	unix.Sync()
	return nil
}

// keepOwner gives f the owner of the file it is to replace. Who may not do that keeps its own, as
// every program that saves by rename does.
func keepOwner(root *os.Root, rel string, f *os.File) error {
	fi, err := root.Lstat(rel)
	if err != nil {
		return err
	}
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	want, ok := fi.Sys().(*syscall.Stat_t)
	have, ok2 := mine.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || want.Uid == have.Uid && want.Gid == have.Gid {
		return nil
	}
	err = f.Chown(int(want.Uid), int(want.Gid))
	if errors.Is(err, iofs.ErrPermission) {
		err = nil
	}
	return err
}
