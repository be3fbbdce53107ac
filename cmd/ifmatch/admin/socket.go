package admin

import (
	"context"
	"errors"
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

const socketName = "admin.sock"

// listen opens the socket in the directory state, for its owner alone.
func listen(state string) (ln net.Listener, remove func(), err error) {
	path := filepath.Join(state, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return nil, nil, err
	}
	short, done, err := shorten(path)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return ownersOnly(c) }}
	ln, err = lc.Listen(context.Background(), "unix", short)
	if err != nil {
		return nil, nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false) // by a name that is gone
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, nil, err
	}
	return ln, func() { os.Remove(path) }, nil
}

// dial connects to the server whose state is in a directory.
func dial(ctx context.Context, state string) (net.Conn, error) {
	short, done, err := shorten(filepath.Join(state, socketName))
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", short)
}
