//go:build !linux

package fs

// OpenRoot serves dir. Errors: as [OpenPortable].
func OpenRoot(dir string, opts RootOptions) (FS, error) { return OpenPortable(dir, opts) }
