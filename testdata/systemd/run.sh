#!/bin/bash
# Judges the units and the Debian package in a real systemd: run.sh PACKAGE. Needs root,
# debootstrap and iproute2. The Debian root that it boots is made once, in IFMATCH_HOST or
# /var/tmp/ifmatch-systemd; nothing else outlives the run. Nothing here waits for a time that was guessed:
# soon waits until something is true.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$1
work=$(mktemp -d /tmp/ifmatch-systemd.XXXXXX)
. "$here/host.sh"
finish() {
	local code=$?
	if [ $code != 0 ] && [ -n "${init:-}" ]; then
		inside journalctl --no-pager -n 60 >&2 || true
		inside systemctl status --no-pager -n 0 ifmatch.service ifmatch.socket >&2 || true
	fi
	halt
	rm -rf "$work"
	[ $code = 0 ] || echo "failed: ${judging:-boot}" >&2
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

judge() { judging=$*; echo "$*"; }
fail() { echo "$*" >&2; exit 1; }
# same GOT WANT
same() { [ "$1" = "$2" ] || fail "got: $1; want: $2"; }
# soon CMD...: within two minutes, which only a broken machine or a broken service needs
soon() {
	local until=$((SECONDS + 120))
	until "$@"; do
		[ $SECONDS -lt $until ] || fail "did not come true: $*"
		sleep .1
	done
}
# quiet CMD...: its output is shown when it fails
quiet() { "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "$*"; }; }
# status CURL-ARGS...: the status of the answer of the service; 000 for none
url=http://127.0.0.1:8080
status() { inside curl -s -m 120 -o /dev/null -w '%{http_code}' "$@" || true; }
property() { inside systemctl show -P "$1" "${2:-ifmatch.service}"; }
# set_line FILE PATTERN LINE: in FILE inside, the one line that matches becomes LINE
set_line() {
	same "$(inside grep -c "$2" "$1")" 1
	inside sed -i "s|$2|$3|" "$1"
}
# logged PATTERN: by the service, or by systemd about it
logged() { inside journalctl -o cat -u ifmatch.service | grep "$1" >/dev/null; }
# dropin UNIT TEXT
dropin() {
	printf '%s\n' "$2" >"$work/dropin"
	give "$work/dropin" "/run/systemd/system/$1.d/test.conf"
	inside systemctl daemon-reload
}
# lock URL: takes a lock, and says its token
lock() {
	inside curl -s -m 120 -D - -o /dev/null -X LOCK "$1" --data '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>' |
		sed -n 's/^[Ll]ock-[Tt]oken: \(<.*>\).*/\1/p'
}
# started_again BEFORE: the main process is another one, and it serves
started_again() {
	local now
	now=$(property MainPID)
	[ "$now" != 0 ] && [ "$now" != "$1" ] && [ "$(property ActiveState)" = active ]
}

boot "${IFMATCH_HOST:-/var/tmp/ifmatch-systemd}"
for part in install lockdown life configuration trouble homes upgrade; do
	. "$here/$part.sh"
done
echo "all true"
