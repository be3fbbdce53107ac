package fs

import (
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// witnesses have the kernel report each write to files that are open (inotify(7)), all in one queue: when write(2) or close(2)
// returns, its report is there. The queue is read when somebody wants to know, and now and then so that it does not grow.
// Safe for concurrent use.
type witnesses struct {
	mu    sync.Mutex
	queue int                // guarded by mu; its descriptor, 0: none yet
	files map[int32]*written // guarded by mu; by the number of the watch, which is not used again soon
	ended int                // guarded by mu; watches since the queue was read
}

// inotify is for all trees, since a user can have few queues (fs.inotify.max_user_instances is 128).
var inotify = witnesses{files: make(map[int32]*written)}

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
	f     *DiskFile
	file  *written
	began uint64
}

// Witness begins to look: three system calls with its end, and three when it is asked.
//
// BUG(fs): of a write through a mapping, by who has closed the file, an overlay reports nothing.
func (f *DiskFile) Witness() Witness {
	if w := inotify.watch(f); w != nil {
		return w
	}
	return nil
}

// reported tells whether each write to it is: it is on a disk, or else on what nobody can have but by this machine.
// A file system of a network may keep who asks waiting.
func (f *DiskFile) reported() bool {
	var fs unix.Statfs_t
	return f.info.Dev>>32 != 0 || f.with(func(fd int) error { return unix.Fstatfs(fd, &fs) }) == nil && reporting(kindName(int64(fs.Type)))
}

func (o *witnesses) watch(f *DiskFile) (w *witness) {
	if !f.reported() {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue == 0 {
		queue, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
		if err != nil {
			return nil // another time, perhaps
		}
		o.queue = queue
	}
	f.with(func(fd int) error {
		n, err := unix.InotifyAddWatch(o.queue, fmt.Sprint("/proc/self/fd/", fd), unix.IN_MODIFY|unix.IN_CLOSE_WRITE)
		if err != nil {
			return err
		}
		file := o.files[int32(n)]
		if file == nil {
			file = &written{watch: int32(n)}
			o.files[file.watch] = file
		} else {
			o.read() // what others have been told of is not for this one
		}
		file.users++
		w = &witness{f, file, file.reports}
		return nil
	})
	return w
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
	inotify.mu.Lock()
	defer inotify.mu.Unlock()
	inotify.read()
	return err == unix.EAGAIN || w.file.reports != w.began, err == nil
}

func (w *witness) Close() {
	inotify.mu.Lock()
	defer inotify.mu.Unlock()
	if w.file.users--; w.file.users > 0 {
		return
	}
	delete(inotify.files, w.file.watch)
	unix.InotifyRmWatch(inotify.queue, uint32(w.file.watch)) // an error means that it has ended by itself
	if inotify.ended++; inotify.ended >= endedMost {
		inotify.read()
	}
}
