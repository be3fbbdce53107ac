package fs

import (
	"io"
	iofs "io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DiskFile is an open regular file on disk, for reading. Safe for concurrent use.
//
// Most files are small: they are read in one go and closed. So it holds a bare descriptor, and
// becomes an *os.File, which costs several system calls and a finalizer, only for whoever
// hands it to the kernel as one (sendfile, copy_file_range). It must be closed.
type DiskFile struct {
	noWrites
	name   string // in the tree
	info   Info
	behind time.Duration // how far the clock of its file system is behind ours

	mu   sync.RWMutex // a descriptor that was closed may be another file's by now
	fd   int          // -1: closed
	file *os.File     // owns fd once it is asked for
}

// Name is the name in the tree.
func (f *DiskFile) Name() string { return f.name }

// Info returns the state that the descriptor showed when it was opened.
func (f *DiskFile) Info() Info { return f.info }

// with runs fn with the descriptor, which stays open meanwhile.
func (f *DiskFile) with(fn func(fd int) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.fd < 0 {
		return iofs.ErrClosed
	}
	return fn(f.fd)
}

// Again reads the state of the descriptor anew.
func (f *DiskFile) Again() (info Info, err error) {
	err = f.with(func(fd int) error {
		var st unix.Statx_t
		if err := statFD(fd, &st); err != nil {
			return err
		}
		info.fill(&st)
		return nil
	})
	return info, pathError("stat", f.name, err)
}

// Sync makes its bytes and its state durable, by whomever they were changed.
func (f *DiskFile) Sync() error {
	err := f.with(fsync)
	if err == unix.EINVAL || err == unix.EOPNOTSUPP { // it has nothing to make durable
		return nil
	}
	return pathError("sync", f.name, err)
}

// Uncache drops clean pages. Where others have read them, that costs time and nothing else.
func (f *DiskFile) Uncache() {
	f.with(func(fd int) error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
}

// Read reads from where the last Read ended.
func (f *DiskFile) Read(p []byte) (n int, err error) {
	return f.read(p, func(fd int, p []byte) (int, error) { return unix.Read(fd, p) })
}

// ReadAt reads from off; fewer bytes than asked for come with io.EOF.
func (f *DiskFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = f.read(p[n:], func(fd int, p []byte) (int, error) { return unix.Pread(fd, p, off+int64(n)) })
		n += k
	}
	return n, err
}

// maxRead is what the kernel moves at once at most, on all systems.
const maxRead = 1 << 30

func (f *DiskFile) read(p []byte, call func(fd int, p []byte) (int, error)) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	err = f.with(func(fd int) error {
		for {
			n, err = call(fd, p[:min(len(p), maxRead)])
			if err != unix.EINTR {
				return err
			}
		}
	})
	if err != nil {
		return 0, pathError("read", f.name, err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Seek moves where Read and sendfile go on.
func (f *DiskFile) Seek(offset int64, whence int) (at int64, err error) {
	err = f.with(func(fd int) error {
		at, err = unix.Seek(fd, offset, whence)
		return err
	})
	return at, pathError("seek", f.name, err)
}

// Stat is for afero; Again tells more.
func (f *DiskFile) Stat() (iofs.FileInfo, error) {
	file, err := f.osFile()
	if err != nil {
		return nil, err
	}
	return file.Stat()
}

// SyscallConn is what package net asks for before it uses sendfile.
func (f *DiskFile) SyscallConn() (syscall.RawConn, error) {
	file, err := f.osFile()
	if err != nil {
		return nil, err
	}
	return file.SyscallConn()
}

// osFile is the file itself, for the kernel to copy from. Error: iofs.ErrClosed.
func (f *DiskFile) osFile() (*os.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return nil, pathError("open", f.name, iofs.ErrClosed)
	}
	if f.file == nil {
		// Without O_NONBLOCK, with which it was opened, the runtime does not try to poll the file.
		if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_SETFL, 0); err != nil {
			return nil, pathError("open", f.name, err)
		}
		f.file = os.NewFile(uintptr(f.fd), f.name)
	}
	return f.file, nil
}

// Close gives back the descriptor.
func (f *DiskFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return pathError("close", f.name, iofs.ErrClosed)
	}
	fd := f.fd
	f.fd = -1
	if f.file != nil {
		return f.file.Close()
	}
	return pathError("close", f.name, unix.Close(fd))
}

// noWrites are the methods of afero.File that a file open for reading, which is no directory, has no use for.
type noWrites struct{}

func (noWrites) Write([]byte) (int, error)            { return 0, iofs.ErrPermission }
func (noWrites) WriteAt([]byte, int64) (int, error)   { return 0, iofs.ErrPermission }
func (noWrites) WriteString(string) (int, error)      { return 0, iofs.ErrPermission }
func (noWrites) Truncate(int64) error                 { return iofs.ErrPermission }
func (noWrites) Readdir(int) ([]iofs.FileInfo, error) { return nil, ErrNotDir }
func (noWrites) Readdirnames(int) ([]string, error)   { return nil, ErrNotDir }
