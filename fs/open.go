package fs

// Permission bits of new files and collections, before the umask of the process.
const (
	newFileMode = 0o666
	newDirMode  = 0o777
)

// RootOptions says how a directory is served. The zero value serves it read-write with the modes
// and the owner that the system gives to new files.
type RootOptions struct {
	// ReadOnly refuses every change with ErrReadOnly.
	ReadOnly bool

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
