package fs

import iofs "io/fs"

// RootOptions says how a directory is served. The zero value serves it read-write with the modes
// and the owner that the system gives to new files.
type RootOptions struct {
	// ReadOnly refuses every change with ErrReadOnly.
	ReadOnly bool

	// FileMode and DirMode are the permission bits of new files and collections, before the
	// umask of the process; 0 stands for 0666 and 0777.
	FileMode, DirMode iofs.FileMode

	// Owner and Umask are those of new files and collections; nil: those of the process. Linux only.
	Owner *Owner
	Umask *Umask

	// Left is told what has left the tree and could not be removed: path is that of the operating system, where
	// it takes up space until the sweep of a later start. It may be called at any time. nil: nobody is told.
	Left func(path string, err error)

	// Hook is for tests: it is called before every step that changes the disk, with the name of
	// the system call and of the resource, and its error is that of the step. nil: no hook.
	Hook func(step, name string) error
}

func (o *RootOptions) hook(step, name string) error {
	if o.Hook == nil {
		return nil
	}
	return o.Hook(step, name)
}

func (o *RootOptions) left(path string, err error) {
	if o.Left != nil {
		o.Left(path, err)
	}
}

func (o *RootOptions) fileMode() uint32 {
	if o.FileMode == 0 {
		return 0o666
	}
	return uint32(o.FileMode.Perm())
}

func (o *RootOptions) dirMode() uint32 {
	if o.DirMode == 0 {
		return 0o777
	}
	return uint32(o.DirMode.Perm())
}
