package fs

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A bare program that saves durably has the disk told of two things, one after the other: fsync of the new file, so that no
// name leads to bytes that are not there, and fsync of the directory after the rename. Each is a commit of the journal. ext4 has
// one journal for all, in which nothing is missing that was done before what is in it, and which goes to the disk after
// the disk has secured what it took earlier. So there it is enough that the disk has taken the bytes, and the file system
// knows where, before the step: the name cannot be there without them. One commit after the step then makes all durable.

// ordered tells whether the file lies on a file system of which that is known: the one of the root, with the journal on the same disk.
func (s *staged) ordered() bool {
	t := s.r.tried.Load()
	return t.ordered && device64(&s.own) == t.root.dev
}

// journalWithin tells whether the file system of fd is an ext4 with a journal of its own. Where /proc or /sys show only a part, such as to a
// service with ProcSubset=pid, it is not known to be.
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
	_, err = os.Stat("/proc/fs/jbd2/" + filepath.Base(disk) + "-8") // 8 is the inode of the journal; one on another disk has none
	return err == nil
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

// leaveToSync keeps the file, which was just published, open for Sync. That is for reading: who looks for writers, or holds them
// off, must not find us. One that cannot be opened so is made durable here.
func (s *staged) leaveToSync() {
	if !s.durable || !s.ordered() {
		return
	}
	unix.FcntlInt(uintptr(s.fd), unix.F_SETLEASE, unix.F_UNLCK) // it holds us off as well
	fd := -1
	err := s.r.hook("reopen", s.name)
	if err == nil {
		fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", s.fd), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		err = s.r.fsync(s.fd, s.name)
		s.after = func(bool) error { return err }
		return
	}
	s.after = func(sync bool) error {
		defer unix.Close(fd)
		if !sync {
			return nil
		}
		return s.r.fsync(fd, s.name)
	}
}

// Sync makes durable what Prepare left for after the step.
func (s *staged) Sync() error { return pathError("sync", s.name, s.endAfter(true)) }

func (s *staged) endAfter(sync bool) error {
	after := s.after
	if after == nil {
		return nil
	}
	s.after = nil
	return after(sync)
}
