package etagfs

// Stat returns the state of a resource. It takes no latch.
// Errors: iofs.ErrNotExist when the URL is unmapped (also for links that lead out, and special files).
func (f *FS) Stat(name string) (*Info, error) { panic("soon") }

// Open opens the representation of a resource that is no collection. It takes no latch: the
// descriptor supplies bytes and tag, so what is read is one whole representation.
// Errors: as Stat; fs.ErrIsDir.
func (f *FS) Open(name string) (*File, error) { panic("soon") }

// List calls fn for each member of a collection; the Info is valid only during the call.
// Errors: as Stat; fs.ErrNotDir; what fn returns.
func (f *FS) List(name string, fn func(base string, info *Info) error) error { panic("soon") }
