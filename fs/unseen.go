package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
)

// unseen remembers the first member of a listing that could not be looked at, as ErrUnseen.
type unseen struct{ err error }

// note takes the error of looking at a member, an *iofs.PathError or nil, and returns it when it ends the listing: what this
// process lacks would be lacking for the next member as well, and a listing without them all would look like an empty collection.
func (u *unseen) note(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, iofs.ErrNotExist), errors.Is(err, ErrSpecial), errors.Is(err, ErrLoop), errors.Is(err, ErrNotDir), errors.Is(err, ErrNameTooLong):
		return nil // gone, or a link to nothing that is served
	case errors.Is(err, ErrTooManyOpen):
		return err
	}
	if failed, ok := errors.AsType[*iofs.PathError](err); ok && u.err == nil {
		u.err = &iofs.PathError{Op: "list", Path: failed.Path, Err: fmt.Errorf("%w: %w", ErrUnseen, failed.Err)}
	}
	return nil
}
