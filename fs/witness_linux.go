package fs

import (
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"
)

// witnesses have the kernel report each write to files that are open (inotify(7)), all in one queue: when write(2) or close(2)
// returns, its report is there. The queue is read when somebody begins to look, and when somebody wants to know. A watch is
// kept for a while, since who reads a file in parts comes back for the next. Safe for concurrent use.
type witnesses struct {
	mu      sync.Mutex
	queue   int                // guarded by mu; its descriptor, 0: none yet
	watches map[int32]*written // guarded by mu; by the number of the watch, which is not used again soon
	inodes  map[inode]*written // guarded by mu; those on disks
	kept    []*written         // guarded by mu; of those that nobody looked at lately, the oldest in front
}

// inotify is for all trees, since a user can have few queues (fs.inotify.max_user_instances is 128).
var inotify = witnesses{watches: make(map[int32]*written), inodes: make(map[inode]*written)}

// written is a file with a watch.
type written struct {
	watch   int32
	inode   inode
	users   int
	reports uint64
	ended   bool // nothing is reported any more: the file was deleted, or its file system unmounted
	kept    bool // it is among those
}

// keptMost is how many watches are kept.
const keptMost = 64

type witness struct {
	f     *DiskFile
	file  *written
	began uint64
}

// Witness begins to look: one system call, two more with its end where the file is not one of the latest, and three when it is asked.
//
// BUG(fs): of a write through a mapping, by who has closed the file, an overlay reports nothing.
func (f *DiskFile) Witness() Witness {
	if w := inotify.watch(f); w != nil {
		return w
	}
	return nil
}

// reported tells whether each write to it is: only programs of this machine can have it, and only by the file system that it is on.
// A file system of a network may keep who asks waiting.
func (f *DiskFile) reported() (yes bool) {
	f.with(func(fd int) error {
		yes = here(fd)
		return nil
	})
	return yes
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
	o.read() // what was reported before is not for this one
	file := o.inodes[inode{f.info.Dev, f.info.Ino}]
	if file == nil {
		if file = o.add(f); file == nil {
			return nil
		}
	}
	file.users++
	return &witness{f, file, file.reports}
}

// add makes a watch; nil: there is none to be had.
func (o *witnesses) add(f *DiskFile) (file *written) {
	f.with(func(fd int) error {
		n, err := unix.InotifyAddWatch(o.queue, procFD(fd), unix.IN_MODIFY|unix.IN_CLOSE_WRITE)
		if err != nil {
			return err
		}
		if file = o.watches[int32(n)]; file != nil {
			return nil
		}
		file = &written{watch: int32(n), inode: inode{f.info.Dev, f.info.Ino}}
		o.watches[file.watch] = file
		if f.info.Dev>>32 != 0 { // two files of an overlay can show one number
			o.inodes[file.inode] = file
		}
		return nil
	})
	return file
}

// forget ends a watch, unless it has ended by itself. Who looks still is told of a write.
func (o *witnesses) forget(file *written) {
	file.reports++
	file.ended = true
	delete(o.watches, file.watch)
	delete(o.inodes, file.inode)
	unix.InotifyRmWatch(o.queue, uint32(file.watch))
}

// read empties the queue.
func (o *witnesses) read() {
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
			file := o.watches[watch]
			switch {
			case mask&unix.IN_Q_OVERFLOW != 0: // a write, or the end of a watch, may be among what was lost
				for _, file := range o.watches {
					o.forget(file)
				}
			case file == nil:
			case mask&unix.IN_IGNORED != 0:
				o.forget(file)
			default:
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
	if w.file.users--; w.file.users > 0 || w.file.ended || w.file.kept {
		return
	}
	w.file.kept = true
	inotify.kept = append(inotify.kept, w.file)
	if len(inotify.kept) <= keptMost {
		return
	}
	old := inotify.kept[0]
	inotify.kept = inotify.kept[1:]
	old.kept = false
	if old.users == 0 && !old.ended {
		inotify.forget(old)
	}
}
