package fs

// Owner is who new files and collections belong to, in place of what the system gives.
type Owner struct{ UID, GID int } // -1: as the system gives

// Umask takes permission bits from new files and collections, in place of the umask of the process. Where the
// collection has a default ACL, that decides, as it does for every program.
type Umask uint32

// ownership tells whether new files and collections get anything of their own.
func (o *RootOptions) ownership() bool { return o.Owner != nil || o.Umask != nil }
