package handler

import (
	"errors"
	"io"
	"sync"
	"time"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// content is what http.ServeContent reads of one representation. Bytes are sent only while the
// descriptor still shows the state whose tag is in the header:
//
//   - up to smallBytes are read into memory and the state is looked at again before anything is sent;
//   - of a larger one the last bytes are held back until the state was looked at again. A file that was changed
//     in place meanwhile is cut off and never completed;
//   - most of one that is larger than copiedBytes goes by sendfile. The kernel sends pages of the file itself then, which change
//     while they wait: so the other side has them all before that look, out of its socket where that is on the same machine.
//
// Replacing by rename, as ifmatch and most programs do, never disturbs a reader.
//
// BUG(handler): a download waits for its client on Linux alone; elsewhere what waits in a socket can still change after the last
// look at the file. So can what a client in another network namespace of this machine (a container), or behind a proxy on it that
// splices, leaves unread in a socket that holds more than copiedBytes.
type content struct {
	file *etagfs.File
	size int64

	// For several ranges, ServeContent reads in a goroutine that can outlive it when the client leaves.
	mu      sync.Mutex
	pos     int64
	small   []byte // all of it, when it is small
	anew    bool   // who wrote since it was opened could have hidden it
	witness fs.Witness
	pooled  *[smallBytes + 1]byte
	err     error
	over    bool // nobody may read any more
}

const (
	smallBytes  = 64 << 10
	copiedBytes = 8 << 20 // more than most sockets hold for who does not read
)

var buffers = sync.Pool{New: func() any { return new([smallBytes + 1]byte) }}

var (
	errChanged = errors.New("the file was changed in place while it was read")
	errUnread  = errors.New("the client takes nothing")
)

// contentOf prepares what f holds; errChanged when a small file changes while it is read.
func contentOf(f *etagfs.File) (*content, error) {
	c := &content{file: f, size: f.State().SizeBytes}
	if c.size > smallBytes {
		if c.witness = f.Witness(); c.witness != nil {
			now, err := f.Again()
			c.anew = err != nil || now.Identity != f.State().Identity
		}
		return c, nil
	}
	c.pooled = buffers.Get().(*[smallBytes + 1]byte)
	c.small = c.pooled[:c.size]
	n, err := io.ReadAtLeast(f, c.pooled[:c.size+1], max(1, len(c.small)))
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		if err = errChanged; n == len(c.small) { // else it grew or shrank, or its file system says another size
			err = c.unchanged()
		}
	}
	if err != nil {
		c.free()
		return nil, err
	}
	return c, nil
}

// free gives the buffer back; net/http has copied or sent what it was given.
func (c *content) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.witness != nil {
		c.witness.Close()
		c.witness = nil
	}
	if c.pooled != nil {
		buffers.Put(c.pooled)
		c.pooled, c.small = nil, nil
	}
}

// failure is why the bytes could not all be sent; nil when they were.
func (c *content) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// unchanged looks whether the descriptor still shows the state that the tag stands for. A file that was
// replaced or deleted meanwhile keeps its bytes; only its ctime moved, and it has no name any more. One that a client
// moved, or gave a time, keeps both but for its times. The step shows a moment before the rest of it, hence the other looks.
//
// What else moves them, such as another program that renames the file or changes its mode, is known by the witness not to be a write.
//
// BUG(handler): where there is no witness (systems other than Linux, FUSE, file systems of a network, no inotify watch left, and, for
// want of a lease, files of other users), such a program looks like one that writes and sets mtime back: the download is cut off.
// And who writes, sets mtime back and deletes or replaces the file, all during the download, looks like one that only deletes
// it: the download of a file that is not small is completed, but for one of another user where the witness works.
func (c *content) unchanged() error {
	was := &c.file.State().Info
	for try := 0; ; try++ {
		now, err := c.file.Again()
		switch {
		case err != nil:
			return err
		case now.SizeBytes != was.SizeBytes:
			return errChanged
		case now.Mtime == was.Mtime && now.Ctime == was.Ctime, c.file.Moved(&now):
			return nil
		}
		var writes, all bool
		if c.witness != nil {
			writes, all = c.witness.Written()
		}
		switch {
		case writes:
			return errChanged
		case all:
			return nil
		case now.Mtime == was.Mtime && now.Links == 0:
			c.anew = true
			return nil
		case try == 5:
			return errChanged
		}
		time.Sleep(time.Millisecond << try / 2)
	}
}

// Seek moves within the size of the state; the file itself is moved when bytes are read.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += c.pos
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	c.pos = offset
	return offset, nil
}

// Read serves several ranges, which ServeContent copies one after the other.
func (c *content) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return 0, io.ErrClosedPipe
	}
	p = p[:min(int64(len(p)), max(c.size-c.pos, 0))]
	if len(p) == 0 {
		return 0, io.EOF
	}
	if c.small != nil {
		n := copy(p, c.small[c.pos:])
		c.pos += int64(n)
		return n, nil
	}
	n, err := c.file.ReadAt(p, c.pos)
	c.pos += int64(n)
	if n == len(p) {
		err = c.unchanged()
	}
	if err != nil {
		c.err = err
		return 0, err
	}
	return n, nil
}

// send writes the next n bytes to w, and of many all but the last by sendfile.
func (c *content) send(w *response, n int64) (sent int64, err error) {
	defer func() { c.err = err }()
	if c.small != nil || c.size == 0 {
		if n >= joinBytes {
			joinNext(w.request)
		}
		k, err := w.Write(c.small[c.pos : c.pos+n])
		return int64(k), err
	}
	copied := n
	if n > copiedBytes {
		copied = toCopy(w.request, n)
	}
	if n > copied {
		if sent, err = c.sendFile(w, n-copied); err != nil {
			return sent, err
		}
	}
	buf := buffers.Get().(*[smallBytes + 1]byte)
	defer buffers.Put(buf)
	for sent < n {
		piece := buf[:min(n-sent, smallBytes)]
		if n > copied && sent+int64(len(piece)) == n && !drain(w.request, copied-int64(len(piece))) {
			return sent, errUnread
		}
		if _, err = c.file.ReadAt(piece, c.pos); err == io.EOF {
			err = errChanged // it shrank
		}
		if err != nil {
			return sent, err
		}
		if sent+int64(len(piece)) == n {
			if err = c.unchanged(); err != nil {
				return sent, err
			}
		}
		k, err := w.Write(piece)
		sent += int64(k)
		c.pos += int64(k)
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// sendFile lets the kernel copy n bytes from the file to the connection.
func (c *content) sendFile(w *response, n int64) (sent int64, err error) {
	if _, err := c.file.Seek(c.pos, io.SeekStart); err != nil {
		return 0, err
	}
	// net/http and net see the *os.File in it.
	sent, err = w.copy(&io.LimitedReader{R: c.file.File, N: n})
	c.pos += sent
	return sent, err // fewer than n: it shrank, as who reads on will see
}
