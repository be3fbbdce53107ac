//go:build unix && !linux && !darwin && !freebsd

package fs

import (
	"errors"
	iofs "io/fs"
	"os"
)

// systemInfo adds nothing: size and modification time are the state.
func systemInfo(*Info, iofs.FileInfo, *os.File, *os.Root, string) {}

func diskUsage(*os.File) (Usage, error) { return Usage{}, errors.ErrUnsupported }

func diskKind(*os.File) string { return "" }
