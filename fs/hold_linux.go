package fs

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// errAgain tells that another program changed the name between the check and the step: the
// step was taken back, or not taken, and check is to be asked about the new state.
var errAgain = errors.New("the state changed meanwhile")

// stepTries bounds how often a step is tried against programs that change the name all the time.
const stepTries = 100

// refusal is an error of a check, which the caller gets as it is.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }

func ask(check func(*Info) error, st *unix.Statx_t) error {
	var cur *Info
	if st != nil {
		cur = new(Info)
		cur.fill(st)
	}
	if err := check(cur); err != nil {
		return &refusal{err}
	}
	return nil
}

// try repeats step while it says errAgain and gives its error the form callers expect.
func try(op, name string, step func() error) error {
	err := errAgain
	for n := 0; n < stepTries && err == errAgain; n++ {
		err = step()
	}
	if err == errAgain {
		err = ErrBusy
	}
	if no, ok := err.(*refusal); ok {
		return no.err
	}
	return pathError(op, name, err)
}

// held is an open file whose content nobody can change while it is held: a read lease
// (fcntl(2), F_SETLEASE) lets every open for writing and every truncate wait, and is not given
// while such a descriptor is open. Where there are no leases (leased is false) the file is only open.
type held struct {
	fd     int
	leased bool
	busy   bool // another program has it open for writing
	st     unix.Statx_t
}

// Another program that writes the file is given this long to finish.
const (
	leasePause = time.Millisecond
	leaseTries = 6 // 1, 2, 4, 8, 16, 32 ms
)

// hold opens base and takes the lease, for which it tries so often, then reads the state. Errors: ErrIsDir, ErrSpecial.
func hold(dirfd int, base string, tries int) (h held, err error) {
	if h.fd, err = openReadable(dirfd, base); err != nil {
		return h, err
	}
	for n := 0; ; n++ {
		_, err = unix.FcntlInt(uintptr(h.fd), unix.F_SETLEASE, unix.F_RDLCK)
		if h.busy = err == unix.EAGAIN; !h.busy || n >= tries {
			break
		}
		time.Sleep(leasePause << n)
	}
	h.leased = err == nil // never of what is no regular file
	if err = statFD(h.fd, &h.st); err == nil {
		err = mustBeRegular(h.st.Mode)
	}
	if err != nil {
		unix.Close(h.fd)
	}
	return h, err
}

// openReadable opens base, which was a regular file or a directory a moment ago, for reading, or
// without any right where that is not allowed.
func openReadable(dirfd int, base string) (fd int, err error) {
	fd, err = openIn(dirfd, base, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err == unix.EACCES || err == unix.EPERM {
		fd, err = openIn(dirfd, base, unix.O_PATH)
	}
	return fd, err
}

// openAny is openReadable that tells the state. Error: ErrSpecial.
func openAny(dirfd int, base string) (fd int, st unix.Statx_t, err error) {
	fd, err = openReadable(dirfd, base)
	if err != nil {
		return -1, st, err
	}
	if err = statFD(fd, &st); err == nil && special(st.Mode) {
		err = ErrSpecial
	}
	if err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

// disturbed tells whether somebody is about to write to the file: it was found by its name
// before the step, and the step must not take away what is going to be written. The lease is
// asked for once more rather than looked at, since that is refused from the moment on that an open
// for writing is on its way, and not only when it waits.
func (h *held) disturbed() bool {
	if !h.leased {
		return false
	}
	_, err := unix.FcntlInt(uintptr(h.fd), unix.F_SETLEASE, unix.F_RDLCK)
	return err != nil
}

// let ends the lease.
func (h *held) let() {
	if h.leased {
		unix.FcntlInt(uintptr(h.fd), unix.F_SETLEASE, unix.F_UNLCK)
		h.leased = false
	}
}

// same tells whether what st shows is what was checked. ctime is not compared: the step itself
// changes it. A collection is the same whatever its members.
func same(st, checked *unix.Statx_t) bool {
	if !sameInode(st, checked) {
		return false
	}
	return isDirMode(checked) || st.Size == checked.Size && st.Mtime == checked.Mtime
}

// closer returns a function that closes fd once; -1: nothing.
func closer(fd int) func() {
	return func() {
		if fd >= 0 {
			unix.Close(fd)
			fd = -1
		}
	}
}
