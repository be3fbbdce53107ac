package fs

import (
	"errors"
	iofs "io/fs"
	"syscall"
	"testing"
)

func TestUnseen(t *testing.T) {
	for _, c := range []struct {
		err        error
		ends, says bool
	}{
		{syscall.ENOENT, false, false},
		{ErrSpecial, false, false},
		{syscall.ELOOP, false, false},
		{syscall.EACCES, false, true},
		{syscall.EIO, false, true},
		{syscall.ENOTCONN, false, true},
		{syscall.EMFILE, true, false},
		{syscall.ENFILE, true, false},
	} {
		var u unseen
		if err := u.note(pathError("lookup", "/c/f", c.err)); (err != nil) != c.ends {
			t.Errorf("%v: the listing ends with %v", c.err, err)
		}
		if errors.Is(u.err, ErrUnseen) != c.says || c.says && !errors.Is(u.err, c.err) {
			t.Errorf("%v: in the end it says %v", c.err, u.err)
		}
	}
	var u unseen
	u.note(pathError("lookup", "/c/first", syscall.EACCES))
	u.note(pathError("lookup", "/c/second", syscall.EACCES))
	if first, ok := errors.AsType[*iofs.PathError](u.err); !ok || first.Path != "/c/first" {
		t.Errorf("it names %v", u.err)
	}
}
