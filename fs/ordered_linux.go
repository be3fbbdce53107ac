package fs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A bare program that saves durably waits for two things, one after the other: fsync of the new file, so that no name leads to
// bytes that are not there, and fsync of the directory after the rename. Each is a commit of the journal. ext4 has one journal
// for all. It has nothing that was done without what was done before, and is written after the disk has secured what it took
// earlier. So there it is enough that the disk has taken the bytes before the step, when the file system knows where they are: the
// name cannot be on the disk without them, and the fsync of the directory makes all durable. Not so with journal_async_commit:
// then the journal is written beside what the disk took earlier, which a power cut can take from a disk with a cache.

// ordered tells whether the file lies on a file system of which that is known: the one of the root, with the journal on the same disk.
func (s *staged) ordered() bool {
	t := s.r.tried.Load()
	return t.ordered && device64(&s.own) == t.root.dev
}

// journalWithin tells whether the file system of fd is an ext4 with a journal of its own, written after the bytes. Where /proc or
// /sys show only a part, such as to a service with ProcSubset=pid, it is not known to be.
func journalWithin(fd int) bool {
	var fs unix.Statfs_t
	var st unix.Statx_t
	if unix.Fstatfs(fd, &fs) != nil || int64(fs.Type) != unix.EXT4_SUPER_MAGIC || statFD(fd, &st) != nil {
		return false
	}
	disk, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", st.Dev_major, st.Dev_minor))
	if err != nil {
		return false
	}
	disk = filepath.Base(disk)
	if _, err := os.Stat("/proc/fs/jbd2/" + disk + "-8"); err != nil { // 8 is the inode of the journal; one on another disk has none
		return false
	}
	options, err := os.ReadFile("/proc/fs/ext4/" + disk + "/options")
	return err == nil && !bytes.Contains(options, []byte("\njournal_async_commit\n"))
}

// secure makes the bytes durable before the step; where it is ordered, as good as that.
func (s *staged) secure() error {
	if s.ordered() {
		switch err := s.r.writtenOut(s.fd, s.name); err {
		case unix.ENOSYS, unix.EPERM: // a sandbox does not let us ask for that
		default:
			return err
		}
	}
	return s.r.fsync(s.fd, s.name)
}
