package fs

import "errors"

// Sentinels that callers branch on with errors.Is, beside iofs.ErrNotExist, iofs.ErrExist and
// iofs.ErrPermission.
var (
	ErrNotDir      = errors.New("a parent is not a collection")
	ErrIsDir       = errors.New("is a collection")
	ErrSpecial     = errors.New("is neither a regular file nor a directory, or a link that leads out of the tree")
	ErrLoop        = errors.New("too many symbolic links")
	ErrRelink      = errors.New("the symbolic link would lead elsewhere from there")
	ErrNameTooLong = errors.New("name too long")
	ErrBadName     = errors.New("name not allowed by the file system")
	ErrSpelling    = errors.New("the file system has it by another spelling of this name")
	ErrNoSpace     = errors.New("no space left, or quota reached")
	ErrReadOnly    = errors.New("the file system is read-only")
	ErrCrossDevice = errors.New("source and destination are on different file systems")
	ErrNotEmpty    = errors.New("the file system removes no such collection in one step while it has members")
	ErrBusy        = errors.New("another program has the file open for writing")
	ErrTooLarge    = errors.New("file larger than the file system allows")
	ErrTooManyOpen = errors.New("too many files are open")
	ErrUnseen      = errors.New("not all members could be looked at")
)
