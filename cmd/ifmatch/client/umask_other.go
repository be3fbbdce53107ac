//go:build !unix

package client

import iofs "io/fs"

// umask returns the mode bits that new files do not get: there is no such thing here.
func umask() iofs.FileMode { return 0 }
