package main

import (
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// manager is the service manager that started us and wants to be told how we are (sd_notify(3)).
// Without one nothing is sent.
type manager struct{ log *slog.Logger }

// ready says that requests are answered.
func (m manager) ready(status string) { m.tell("READY=1", "STATUS="+status) }

// reloading says that the configuration is being read again, until ready is called.
func (m manager) reloading() { m.tell("RELOADING=1", daemon.SdNotifyMonotonicUsec()) }

// stopping says that no new connection is taken on.
func (m manager) stopping() { m.tell("STOPPING=1", "STATUS=requests in flight finish") }

// alive answers the watchdog.
func (m manager) alive() { m.tell("WATCHDOG=1") }

func (m manager) tell(lines ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil {
		m.log.Warn("the service manager cannot be told", "what", lines[0], "err", err)
	}
}
