package main

import "log/slog"

// asRoot refuses to let root serve files by accident, since every mistake, ours or the client's, is then made with
// all rights, and every new file is root's. Somebody who types a directory at a shell of root has asked for it,
// as long as only this machine can connect, and is warned; a configuration, a service and a server for others
// are meant to stay, and there it takes --allow-root.
// Errors: *usageError.
func (set *setup) asRoot(euid int, log *slog.Logger, getenv func(string) string) error {
	if euid != 0 || set.allowRoot || set.memory {
		return nil
	}
	service := getenv("NOTIFY_SOCKET") != "" || getenv("LISTEN_PID") != "" // systemd's
	if set.doc != nil || service || !set.listen.loopback() {
		return usagef("files would be served and changed as root: start it as another user, as the systemd units do with User=, or allow it with --allow-root")
	}
	log.Warn("serving as root: new files will belong to root, and no permissions hold the server back; another user is safer")
	return nil
}
