package etagfs

import (
	"context"
	"io"
	"time"
)

// Put makes the bytes of body the representation of name and returns the new state; created tells
// whether the URL was unmapped. Nothing has changed when it fails, but for *AfterError.
// Errors: what the Check returned; *BodyError; fs sentinels; iofs.ErrNotExist: the parent is missing.
func (f *FS) Put(ctx context.Context, name string, body io.Reader, o PutOptions) (info *Info, created bool, err error) {
	panic("soon")
}

// Remove retires name, with all its members when it is a collection, in one step.
func (f *FS) Remove(ctx context.Context, name string, w Write) error { panic("soon") }

// MakeCollection creates an empty collection. A mapped URL is iofs.ErrExist after the Check accepted it.
func (f *FS) MakeCollection(ctx context.Context, name string, w Write) (*Info, error) { panic("soon") }

// Write2 is a Write of a COPY or MOVE.
type Write2 struct {
	Check Check2
	Exact bool
	Then  func(dst *Info) error
}

// Move renames src to dst in one step.
func (f *FS) Move(ctx context.Context, src, dst string, w Write2) (info *Info, created bool, err error) {
	panic("soon")
}

// CopyOptions of one Copy.
type CopyOptions struct {
	Write2
	Shallow bool // Depth 0: a collection without its members
	// Failed is told of each member (real source name) that could not be copied; the others are.
	Failed func(name string, err error)
}

// Copy copies src to dst; what was at dst is replaced in one step.
func (f *FS) Copy(ctx context.Context, src, dst string, o CopyOptions) (info *Info, created bool, err error) {
	panic("soon")
}

// Update runs w.Check and then w.Then under the exclusive latch of name without changing the tree
// (LOCK, UNLOCK and PROPPATCH). A non-zero modTime is set between the two.
func (f *FS) Update(ctx context.Context, name string, modTime time.Time, w Write) (*Info, error) {
	panic("soon")
}
