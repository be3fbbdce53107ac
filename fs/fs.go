// Package fs holds names and bytes: afero file systems that can also stage, commit and retire.
//
// It promises that new bytes become a representation in one step or not at all, that the state a
// caller checks is the state that the step changes, also against programs beside the server as far as [Features]
// says, and that no name leads out of the tree. It does not know HTTP, entity-tags or locks, and it does not
// keep two of its own callers out of each other's way: etagfs does that with its latches.
//
// Entry points: [OpenRoot] serves a directory on disk, [NewMemory] one in memory; both are an [FS].
package fs

import (
	"io"
	iofs "io/fs"
	"strings"
	"time"

	"github.com/spf13/afero"
)

// FS is a tree of regular files and directories, a resource each. Every name is cleaned, absolute
// and inside the tree ("/", "/a/b"). All methods are safe for concurrent use.
//
// The afero methods serve whoever needs no promise (tests, demos, the sweep); what the server
// changes goes through Stage, Mkdir, Retire and Move.
//
// Errors are *iofs.PathError values holding names (never paths of the operating system) and wrap
// one of the sentinels of errors.go where one fits.
type FS interface {
	afero.Fs

	// Resolve follows the symbolic links in name and returns the real name that latches and
	// state belong to. The last component may be unmapped; its parents must exist.
	// Errors: iofs.ErrNotExist for a missing parent or a link that leads out of the tree,
	// ErrNotDir for a parent that is no directory, ErrLoop, ErrNameTooLong.
	Resolve(name string) (string, error)

	// Way is Resolve that also tells the real names of the symbolic links that were followed, in that order: nil, or not
	// more of them than one name may lead through (40). A link that is followed twice is told twice.
	// Errors: as Resolve.
	Way(name string) (real string, links []string, err error)

	// Lookup returns the state of a real name without opening it; a symbolic link as the last
	// component is not followed and, like every special file, is ErrSpecial, with its own state.
	// Errors: iofs.ErrNotExist when unmapped, ErrNotDir, iofs.ErrPermission.
	Lookup(name string) (Info, error)

	// OpenRead opens a regular file and returns it with the state that its descriptor shows, so
	// bytes and state belong together. It never blocks on a FIFO.
	// Errors: as Lookup, and ErrIsDir.
	OpenRead(name string) (File, error)

	// List calls fn for each member of a collection, in the order of the file system, opening no
	// file. Members that vanish meanwhile, special files and reserved names are left out;
	// symbolic links to something inside the tree are shown as what they lead to. Members that cannot be looked at are left
	// out, too; after all others ErrUnseen says so, of the name of the first of them. An error of fn
	// ends the listing and is returned. Memory does not grow with the number of members; their names
	// share pieces of it, so who keeps a few of many clones them.
	List(name string, fn func(base string, info *Info) error) error

	// Stage opens a place for the bytes of name, invisible until Commit. The parent must exist.
	Stage(name string) (Staged, error)

	// MakeCollection creates a directory; it fails with iofs.ErrExist if the name exists, whoever made it.
	MakeCollection(name string) (Info, error)

	// Retire takes name (a file, or a directory with all below it) out of the tree in one step,
	// after check accepted the state; when exact, also against programs beside the server: what was
	// not checked is put back and check is asked again. A symbolic link is itself retired; check
	// sees the state of the target or nil. The space is given back after the returned function is
	// called, which may take long and is called without latches. Errors: ErrNotEmpty when one step cannot do it.
	Retire(name string, exact bool, check func(cur *Info) error) (release func(), err error)

	// Move renames src to dst in one step after check accepted both states (dst nil when
	// unmapped), overwriting what is at dst; when exact, it is safe against programs beside the
	// server. release is as for Retire.
	// Errors: ErrCrossDevice when one rename cannot do it; ErrSpecial: at dst is what is not served, such as a symbolic
	// link that leads nowhere or out of the tree; ErrRelink: src is a symbolic link that would lead elsewhere from dst.
	Move(src, dst string, exact bool, check func(src, dst *Info) error) (info Info, release func(), err error)

	// Hidden returns a new reserved name beside name, in which a collection can be built before it
	// is moved into place. The sweep removes what a crash leaves there.
	Hidden(name string) string

	// SyncDir makes the names in a directory durable. Concurrent calls share their cost, in the journal of
	// the file system or by one fsync that starts after the last of them was made.
	SyncDir(name string) error

	// SyncAll makes durable what was written to the tree without that, by whomever, as far as the system has a call for it.
	SyncAll() error

	// SetModTime changes the modification time of a resource, to the second as in Staged.Prepare. was is the state before,
	// and now the state after it, with the same content; was is zero where another program may have written in between.
	SetModTime(name string, t time.Time) (was Identity, now Info, err error)

	// Usage returns what RFC 4331 asks for, in bytes.
	Usage(name string) (Usage, error)

	// Features says what was found when the file system was tried.
	Features() Features

	// Granularity is how far apart two changes have different times on the file system with this number (Identity.Dev);
	// 1 ns: every change. Below the root others may be mounted: each counts as the coarsest until something is staged on it. Where
	// somebody may write unseen (FUSE, networks), it is as long as that may take at least.
	Granularity(dev uint64) time.Duration

	// Ready tries the tree with other options (Hook and Left stay) and returns what makes them count, which cannot fail. Until then, and
	// where it fails, all is as it was. What is under way while they begin to count may meet either, but must not find the
	// tree read-only when it was not: so what can be written stays so.
	Ready(o RootOptions) (use func(), err error)

	// Stats counts what was done since it was opened.
	Stats() Stats

	// Sweep removes what a crash left under reserved names; it returns how many. A name that begins as they do and is none
	// that is given stays, and is an error at the end.
	Sweep() (removed int, err error)

	// Close gives back descriptors.
	Close() error
}

// File is an open regular file with the state its descriptor showed when it was opened.
type File interface {
	afero.File
	Info() Info
	// Again reads the state of the descriptor anew.
	Again() (Info, error)
}

// Settler is a File of a file system to which other programs write in place. Settled tells whether
// the state that Info shows and the bytes read from now on belong together: while it is false, the
// bytes may still be those of an earlier state, so they must get no strong validator, and no
// digest of them may be kept for that state.
type Settler interface{ Settled() bool }

// Witnessed is a File of a file system that reports each write to it. Witness is nil where that is not to be had now.
type Witnessed interface{ Witness() Witness }

// Witness looks at a file from the moment on that it is there until it is closed. Safe for concurrent use.
type Witness interface {
	// Written tells whether the bytes may have been changed meanwhile, whatever the times of the file show: writes, when there
	// was a report of it or somebody has the file open for writing; and all, when nobody can have written without a report.
	Written() (writes, all bool)
	Close()
}

// WriterFinder is an FS of files that other programs have open. Writing tells whether one of them has the file at name, whose
// state was id a moment ago, open for writing, or mapped: it can then change the bytes and leave the state as it is. It is true
// as well when that is not the state any more, and false where nobody can tell. Safe for concurrent use.
type WriterFinder interface {
	Writing(name string, id Identity) bool
}

// Clock is an FS whose files get their times from a coarse clock, so that several changes may have the same time. That clock
// ticks when the system gets to it, and may be behind time.Now by more than its step. Only when it has itself moved on can
// no further change get the same time.
type Clock interface{ Now() time.Time }

// Uncacher is a File whose bytes the system keeps in memory. Uncache has it forget them, as far as it can (not what is mapped,
// or waits to be written), so that they are read from the disk.
type Uncacher interface{ Uncache() }

// Staged is a place for bytes that are nobody's representation yet. Not safe for concurrent use.
// Either Commit or Discard ends it; Discard after Commit does nothing.
type Staged interface {
	io.Writer
	io.ReaderFrom // copies without passing user space where the system can

	// Expect says how many bytes are to come, before any of them is written, so that the system can give them their place at less
	// cost than as each comes; durable is what Prepare will be told. Error: ErrNoSpace, where there is no room for so many; it may
	// take two seconds. What it lets pass may have none all the same: where bytes can be stored in fewer, or as others write, only
	// writing tells.
	Expect(sizeBytes int64, durable bool) error

	// WriteOut has the system begin to write some of the bytes to the disk, so that who waits until a large file is
	// durable waits for less. It is a hint, and makes nothing durable; what cannot be written is an error of Prepare.
	WriteOut(offsetBytes, sizeBytes int64)

	// Prepare readies the bytes for Commit and comes before it: it takes on mode, owner, ACL and extended attributes of
	// what name holds now, sets the modification time and, when durable, fsyncs, or sees to it that the step cannot be on the disk
	// without the bytes: SyncDir, which makes the step durable, then does so for them, too. Slow; call it
	// without latches. The time (zero: now) is strictly later than every earlier stamp of this
	// tree; of a time that a client chose the whole second is kept and the nanoseconds are those
	// of a new stamp, so that two contents with one chosen time still differ (where seconds are all that is stored, they
	// need not, and Info.Unsure says so).
	Prepare(modTime time.Time, durable bool) error

	// Commit makes the bytes the representation of name, in one step, after check accepted the
	// state about to be replaced (nil: unmapped). When exact, the step is safe against programs
	// beside the server: writers are held off where the file system has leases, and if what came out is
	// not what was checked it is put back and check is asked again. The returned Info is
	// the new identity, read after the step. release gives back what was replaced, as for Retire.
	// Errors: those of check; ErrIsDir, ErrNotDir, iofs.ErrNotExist (no parent), ErrSpecial, ErrBusy.
	Commit(exact bool, check func(cur *Info) error) (info Info, created bool, release func(), err error)

	// Discard drops the bytes.
	Discard()
}

// Identity is what tells one state of a file from another: a change of its bytes changes it, as
// far as the clock of the file system can tell. Times are nanoseconds since 1970 UTC.
type Identity struct {
	Dev, Ino     uint64
	SizeBytes    int64
	Mtime, Ctime int64
}

// Info is the state of a resource.
type Info struct {
	Identity
	Mode iofs.FileMode // type and permission bits
	// Shut: its mode does not let this process read it. Privileges may, and an ACL may or may not: only an open tells.
	// False where that is not known.
	Shut  bool
	Birth int64  // nanoseconds since 1970 UTC; 0 where unknown
	Links uint64 // hard links
	Real  string // in a listing, of a symbolic link: the real name of what it leads to; else ""
	// Unsure, of a state that Commit or SetModTime has just made: its modification time may be that of another state, too.
	Unsure bool
}

// IsCollection tells whether the resource is a directory.
func (i *Info) IsCollection() bool { return i.Mode.IsDir() }

// ModTime is the modification time.
func (i *Info) ModTime() time.Time { return time.Unix(0, i.Mtime) }

// Usage of the file system that holds a resource, in bytes.
type Usage struct{ AvailableBytes, UsedBytes int64 }

// Features of a file system, found by trying at start.
type Features struct {
	ReadOnly    bool          // nothing can be written
	Untried     bool          // nothing can be created at the top, so what follows was not found out and counts as no
	Sync        bool          // fsync works, of files and of directories, and there is a disk behind it
	Tmpfile     bool          // unnamed staging: nothing is left after a crash
	Exchange    bool          // a replace with If-Match is safe against programs beside the server
	Lease       bool          // and writers with an open descriptor are held off
	Beneath     bool          // the kernel keeps names inside the tree
	Granularity time.Duration // that of the file system of the root
	Notify      bool          // changes by other programs are reported
	Folds       bool          // names that differ in case only are one to it
	Beside      bool          // another server has the directory open as well
	Kind        string        // name of the file system type, "" where unknown
}

// Stats of an FS.
type Stats struct {
	Syncs DurationCounts // fsync, of files and directories
}

// ReservedPrefix begins the names of staged and retired resources. No URL maps to them.
const ReservedPrefix = ".ifmatch-"

// Reserved tells whether a last component of a name belongs to this package.
func Reserved(base string) bool { return strings.HasPrefix(base, ReservedPrefix) }

// Overlap tells whether two names are the same, or one is below the other.
func Overlap(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == "/" || a == b || strings.HasPrefix(b, a) && b[len(a)] == '/'
}
