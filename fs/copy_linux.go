package fs

import (
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Bytes into a staged file. A body begins in a small buffer, since most are small and slow
// clients are many; one that fills it goes on in a large one.
const (
	smallBytes = 16 << 10
	largeBytes = 256 << 10
	rangeBytes = 64 << 20 // of one copy_file_range
)

var (
	smallPool = sync.Pool{New: func() any { return new([smallBytes]byte) }}
	largePool = sync.Pool{New: func() any { return new([largeBytes]byte) }}
)

// storedWhole are the file systems that store as many bytes as they are given, and of which statfs(2) tells what is free. XFS
// frees in the background what was removed, and who finds no room waits for that in write(2) alone.
var storedWhole = []int64{unix.EXT4_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC}

// Expect asks statfs(2), for two seconds: an upload that was broken off a moment ago, and is sent again, is about to give its
// room back, and so is what was just removed or replaced.
//
// Bytes that are not to be durable get no blocks ahead: for those that have some, a rename(2) over a file does not do what
// Root.writeOut tells of.
func (s *staged) Expect(sizeBytes int64, durable bool) error {
	if sizeBytes < expectBytes {
		return nil
	}
	for wait := 2 * time.Second; ; wait -= fitsEvery {
		var st unix.Statfs_t
		if s.finished || unix.Fstatfs(s.fd, &st) != nil || st.Blocks == 0 || !slices.Contains(storedWhole, int64(st.Type)) {
			return nil
		}
		if sizeBytes <= int64(st.Bfree)*blockBytes(&st) {
			if durable && st.Type == unix.EXT4_SUPER_MAGIC {
				s.expected = sizeBytes
			}
			return nil
		}
		if wait <= 0 || sizeBytes > int64(st.Blocks)*blockBytes(&st) {
			return pathError("write", s.name, ErrNoSpace)
		}
		time.Sleep(fitsEvery)
	}
}

const fitsEvery = 50 * time.Millisecond

// expectBytes is how long a body is for which it pays to ask.
const expectBytes = 1 << 20

// reserveBytes is the most of what is expected that gets its blocks at once. It is no more than has come already, or
// expectBytes: a client can claim any length, and some that send little would hold a disk.
const reserveBytes = 64 << 20

// reserve is fallocate(2) ahead of the next bytes to be written: page by page, finding their blocks is 40% of what it costs to
// write them to ext4. Where it fails, write(2) says why.
func (s *staged) reserve(sizeBytes int) {
	if s.end+int64(sizeBytes) <= s.reserved || s.reserved == s.expected {
		return
	}
	n := min(reserveBytes, max(expectBytes, s.end, int64(sizeBytes)), s.expected-s.reserved)
	if unix.Fallocate(s.fd, unix.FALLOC_FL_KEEP_SIZE, s.reserved, n) != nil {
		s.expected = s.reserved
		return
	}
	s.reserved += n
}

// Write appends p, in pieces: for a write(2) of megabytes ext4 and others take large folios, whose pages a machine, a
// virtual one most of all, has seldom at hand.
func (s *staged) Write(p []byte) (int, error) {
	if s.finished {
		return 0, pathError("write", s.name, iofs.ErrClosed)
	}
	if err := s.r.hook("write", s.name); err != nil {
		return 0, pathError("write", s.name, err)
	}
	s.reserve(len(p))
	done := 0
	for done < len(p) {
		n, err := unix.Write(s.fd, p[done:min(done+largeBytes, len(p))])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, pathError("write", s.name, err)
		}
		done += n
		s.end += int64(n)
	}
	return done, nil
}

// flushBytes is how much of a body reaches the disk before it is fsynced, beside the receiving of what follows. A disk with
// a cache, as those of virtual machines have, else writes most of a large file while somebody waits for the answer.
const flushBytes = 256 << 20

// WriteOut is sync_file_range(2), and now and then an fsync that nobody waits for. What fails in it is an error of Prepare:
// the system tells of it once.
func (s *staged) WriteOut(offsetBytes, sizeBytes int64) {
	if s.finished {
		return
	}
	_ = unix.SyncFileRange(s.fd, offsetBytes, sizeBytes, unix.SYNC_FILE_RANGE_WRITE) // Prepare finds what cannot be written
	end := offsetBytes + sizeBytes
	if end-s.flushed < flushBytes {
		return
	}
	if s.flushes == nil {
		s.flushes = new(errgroup.Group)
		s.flushes.SetLimit(1)
	}
	if s.flushes.TryGo(func() error { return s.r.fsync(s.fd, s.name) }) {
		s.flushed = end
	}
}

// flushesEnd waits for those of WriteOut and returns the first error of theirs.
func (s *staged) flushesEnd() error {
	if s.flushes == nil {
		return nil
	}
	return s.flushes.Wait()
}

// ReadFrom appends all that r has. An error of r is returned as it is.
func (s *staged) ReadFrom(r io.Reader) (int64, error) {
	if s.finished {
		return 0, pathError("write", s.name, iofs.ErrClosed)
	}
	if src, limit := sourceFile(r); src != nil {
		n, err := s.copyRange(src, limit)
		if err != errNoRange {
			return n, pathError("write", s.name, err)
		}
	}
	small := smallPool.Get().(*[smallBytes]byte)
	n, more, err := s.fillFrom(r, small[:], true)
	smallPool.Put(small)
	if !more {
		return n, err
	}
	large := largePool.Get().(*[largeBytes]byte)
	defer largePool.Put(large)
	m, _, err := s.fillFrom(r, large[:], false)
	return n + m, err
}

// fillFrom copies by way of buf, filling it before each write; with once it stops with more
// after the first full one.
func (s *staged) fillFrom(r io.Reader, buf []byte, once bool) (total int64, more bool, err error) {
	for {
		n := 0
		for n < len(buf) && err == nil {
			var m int
			m, err = r.Read(buf[n:])
			n += m
		}
		if n > 0 {
			w, werr := s.Write(buf[:n])
			total += int64(w)
			if werr != nil {
				return total, false, werr
			}
		}
		switch {
		case err == io.EOF:
			return total, false, nil
		case err != nil:
			return total, false, err
		case once:
			return total, true, nil
		}
	}
}

// sourceFile tells whether r is a file, or a part of one; limit is nil for all of it.
func sourceFile(r io.Reader) (src *os.File, limit *int64) {
	if l, ok := r.(*io.LimitedReader); ok {
		r, limit = l.R, &l.N
	}
	switch f := r.(type) {
	case *os.File:
		return f, limit
	case *DiskFile:
		src, _ = f.osFile() // nil: it is closed, as who reads it is told
	}
	return src, limit
}

var errNoRange = errors.New("the kernel cannot copy this")

// copyRange lets the kernel copy, which shares the blocks where the file system can. Error
// errNoRange: nothing was copied, read it instead.
func (s *staged) copyRange(src *os.File, limit *int64) (total int64, err error) {
	c, err := src.SyscallConn()
	if err != nil {
		return 0, errNoRange
	}
	if err := s.r.hook("write", s.name); err != nil {
		return 0, err
	}
	ctlErr := c.Control(func(from uintptr) {
		for {
			size := rangeBytes
			if limit != nil {
				size = int(min(*limit, rangeBytes))
			}
			if size == 0 {
				return
			}
			s.reserve(size)
			var n int
			n, err = unix.CopyFileRange(int(from), nil, s.fd, nil, size, 0)
			switch {
			case err == unix.EINTR:
				continue
			case err != nil && total == 0 && err != unix.ENOSPC && err != unix.EDQUOT && err != unix.EFBIG,
				err == nil && n == 0 && total == 0: // an empty file, or one like those of /proc
				err = errNoRange
				return
			case err != nil || n == 0:
				return
			}
			total += int64(n)
			s.end += int64(n)
			if limit != nil {
				*limit -= int64(n)
			}
		}
	})
	if ctlErr != nil {
		return total, ctlErr
	}
	return total, err
}
