package fs

import (
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// witnesses have the kernel report each write to files that are open (inotify(7)), all in one queue: when write(2) or close(2)
// returns, its report is there. The queue is read when somebody wants to know, and now and then so that it does not grow.
// Safe for concurrent use; the zero value is ready.
type witnesses struct {
	mu     sync.Mutex
	queue  int                // guarded by mu; its descriptor, 0: none yet, -1: there is none
	files  map[int32]*written // guarded by mu; by the number of the watch, which is not used again soon
	ended  int                // guarded by mu; watches since the queue was read
	silent map[uint64]bool    // guarded by mu; file systems of which not all writes are reported, by number
}

// written is a file with a watch.
type written struct {
	watch   int32
	users   int
	reports uint64
}

// endedMost is how many watches may end before the queue is read: each leaves a report that it has ended, and the queue holds 16,384
// (fs.inotify.max_queued_events).
const endedMost = 1000

type witness struct {
	of    *witnesses
	f     *DiskFile
	file  *written
	began uint64
}

// Witness begins to look. Three system calls, and two more when it is asked.
//
// BUG(fs): of a write through a mapping, by who has closed the file, an overlay reports nothing.
func (f *DiskFile) Witness() Witness {
	if w := f.witnesses.watch(f); w != nil {
		return w
	}
	return nil
}

func (o *witnesses) watch(f *DiskFile) (w *witness) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue == 0 {
		var err error
		if o.queue, err = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); err != nil {
			return nil // another time, perhaps
		}
	}
	f.with(func(fd int) error {
		if o.queue < 0 || o.silentAt(f.info.Dev, fd) {
			return nil
		}
		n, err := unix.InotifyAddWatch(o.queue, fmt.Sprint("/proc/self/fd/", fd), unix.IN_MODIFY|unix.IN_CLOSE_WRITE)
		if err != nil {
			return err
		}
		file := o.files[int32(n)]
		if file == nil {
			if o.files == nil {
				o.files = make(map[int32]*written)
			}
			file = &written{watch: int32(n)}
			o.files[file.watch] = file
		} else {
			o.read() // what others have been told of is not for this one
		}
		file.users++
		w = &witness{o, f, file, file.reports}
		return nil
	})
	return w
}

func (o *witnesses) silentAt(dev uint64, fd int) bool {
	silent, known := o.silent[dev]
	if !known {
		var fs unix.Statfs_t
		silent = unix.Fstatfs(fd, &fs) != nil || !reporting(kindName(int64(fs.Type)))
		if o.silent == nil {
			o.silent = make(map[uint64]bool)
		}
		o.silent[dev] = silent
	}
	return silent
}

// read empties the queue.
func (o *witnesses) read() {
	o.ended = 0
	var buf [4096]byte
	for {
		n, err := unix.Read(o.queue, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		// struct inotify_event, without names, since what is watched is no directory
		for at := 0; at+unix.SizeofInotifyEvent <= n; at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[at+12:])) {
			watch, mask := int32(binary.NativeEndian.Uint32(buf[at:])), binary.NativeEndian.Uint32(buf[at+4:])
			if mask&unix.IN_Q_OVERFLOW != 0 {
				for _, file := range o.files {
					file.reports++
				}
			} else if file := o.files[watch]; file != nil {
				file.reports++
			}
		}
	}
}

// Written asks first who has it open, then what was reported: who closes it in between has been reported.
func (w *witness) Written() (writes, all bool) {
	err := w.f.with(askLease)
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	w.of.read()
	return err == unix.EAGAIN || w.file.reports != w.began, err == nil
}

func (w *witness) Close() {
	o := w.of
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.file.users--; w.file.users > 0 {
		return
	}
	delete(o.files, w.file.watch)
	unix.InotifyRmWatch(o.queue, uint32(w.file.watch)) // an error means that it has ended by itself
	if o.ended++; o.ended >= endedMost {
		o.read()
	}
}

// close gives back the descriptor.
func (o *witnesses) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue > 0 {
		unix.Close(o.queue)
	}
	o.queue = -1
}
